//! Requests as calls: whose callees they are the root of, how they end, how many there were, which are under way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use profile_cost::http::{ProfileLayer, requests_in_flight};
use profile_cost::profile_cost;
use profile_cost_http::{Client, call_paths, counts, serve, until};
use tokio::sync::{Notify, Semaphore};

async fn profiled(router: Router) -> SocketAddr {
    profile_cost::enable();
    serve(router.layer(ProfileLayer::new())).await
}

fn in_flight(route: &str) -> Vec<(&'static str, Duration)> {
    let requests = requests_in_flight().requests;
    requests.into_iter().filter(|r| r.route == route).map(|r| (r.method, r.age)).collect()
}

#[profile_cost]
async fn load(id: u64) -> u64 {
    tokio::task::yield_now().await;
    price(id)
}

#[profile_cost]
#[inline(never)]
fn price(id: u64) -> u64 {
    std::hint::black_box(id) * 3
}

/// Many at once over both protocols: each is a call, and the root of what it runs, to the last one.
#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_the_root_of_what_it_runs() {
    let at = profiled(
        Router::new()
            .route("/products/{id}", get(|Path(id): Path<u64>| async move { load(id).await.to_string() })),
    )
    .await;
    let mut clients = Vec::new();
    for number in 0..8 {
        clients.push(tokio::spawn(async move {
            let client = Client::new(number % 2 == 0);
            for id in 0..250 {
                assert_eq!(
                    client.get(at, &format!("/products/{id}")).await,
                    (StatusCode::OK, (3 * id).to_string())
                );
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
    let profile = profile_cost::snapshot();
    let requests = counts(&profile, "GET /products/{id}");
    assert_eq!((requests.starts, requests.returned), (2000, 2000));
    assert_eq!(requests.panicked + requests.cancelled, 0);
    assert_eq!(counts(&profile, "load").returned, 2000);
    assert_eq!(call_paths(&profile, "price"), [["GET /products/{id}", "load", "price"]]);
    assert_eq!(in_flight("/products/{id}"), []);
    let place = &profile.functions().iter().find(|f| f.label.name == "GET /products/{id}").unwrap().label;
    assert!(place.file.ends_with("requests.rs"), "{place:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_cancels_the_call() {
    let (arrived, never) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let at = {
        let (arrived, never) = (arrived.clone(), never.clone());
        let handler = async move || {
            arrived.add_permits(1);
            never.notified().await;
        };
        profiled(Router::new().route("/for-ever", post(handler))).await
    };
    for (http2, before) in [(false, 0), (true, 1)] {
        let asked = tokio::spawn(async move { Client::new(http2).ask(Method::POST, at, "/for-ever").await });
        arrived.acquire().await.unwrap().forget();
        let under_way = in_flight("/for-ever");
        assert_eq!(under_way.len(), 1);
        assert_eq!(under_way[0].0, "POST");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(in_flight("/for-ever")[0].1 >= under_way[0].1 + Duration::from_millis(20));
        let now = counts(&profile_cost::snapshot(), "POST /for-ever");
        assert_eq!((now.active(), now.cancelled), (1, before));
        asked.abort();
        until("the request is over", async || in_flight("/for-ever").is_empty()).await;
        let now = counts(&profile_cost::snapshot(), "POST /for-ever");
        assert_eq!((now.starts, now.cancelled, now.active()), (before + 1, before + 1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_ends_the_call() {
    async fn handler() {
        // Not `panic!`: nothing need be printed.
        std::panic::resume_unwind(Box::new(()));
    }
    let at = profiled(Router::new().route("/panics", get(handler))).await;
    for http2 in [false, true] {
        assert_eq!(Client::new(http2).ask(Method::GET, at, "/panics").await, None);
    }
    until("both are over", async || in_flight("/panics").is_empty()).await;
    let panicked = counts(&profile_cost::snapshot(), "GET /panics");
    assert_eq!((panicked.starts, panicked.panicked, panicked.returned), (2, 2, 0));
}

/// The body is made after the response's head: it is not part of the call, unless it carries the call's context.
#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_body_is_counted_where_its_context_says() {
    #[profile_cost]
    async fn frame() -> &'static str {
        "frame"
    }
    async fn handler() -> String {
        // As a body's stream would be made: later, elsewhere.
        let context = profile_cost::Context::current();
        tokio::spawn(context.attach(frame())).await.unwrap().to_owned()
    }
    let at = profiled(Router::new().route("/streams", get(handler))).await;
    Client::new(false).get(at, "/streams").await;
    assert_eq!(call_paths(&profile_cost::snapshot(), "frame"), [["GET /streams", "frame"]]);
}
