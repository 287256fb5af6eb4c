//! The endpoints mounted in every way, asked over HTTP/1.1 and HTTP/2.

use axum::Router;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use profile_cost::http::{Endpoints, Options, Reply, Request};
use profile_cost_http::{Client, serve, until};

fn endpoints() -> Endpoints {
    Endpoints::new(Options::default())
}

fn service() -> Router {
    Router::new().route("/hello", get(|| async { "hello" }))
}

/// What every mount must answer below a prefix.
async fn check(at: std::net::SocketAddr) {
    for http2 in [false, true] {
        let client = Client::new(http2);
        let (status, body) = client.get(at, "/debug/profile-cost/stats?limit=3").await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let (status, body) = client.get(at, "/debug/profile-cost/stats?limit=none").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body.starts_with("limit=none: "), "{body}");
        assert_eq!(client.get(at, "/debug/nothing").await.0, StatusCode::NOT_FOUND);
        assert_eq!(client.get(at, "/debug/pprof/cmdline").await.0, StatusCode::FORBIDDEN);
        let wrong = client.ask(Method::POST, at, "/debug/profile-cost/stats").await.unwrap();
        assert_eq!(wrong.0, StatusCode::METHOD_NOT_ALLOWED);
        let head = client.ask(Method::HEAD, at, "/debug/profile-cost/stats").await.unwrap();
        assert_eq!(head, (StatusCode::OK, String::new()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_in_axum() {
    let at = serve(service().nest_service("/debug", endpoints())).await;
    check(at).await;
    assert_eq!(Client::new(false).get(at, "/hello").await.1, "hello");
    assert_eq!(Client::new(false).get(at, "/profile-cost/stats").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_axum() {
    check(serve(service().route_service("/debug/{*rest}", endpoints())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fallback_of_axum() {
    check(serve(service().fallback_service(endpoints())).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hyper_alone() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let endpoints = endpoints();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(endpoints.clone());
            tokio::spawn(async move {
                let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                drop(server.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    check(at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_hosts_are_refused() {
    let at = serve(service().nest_service("/debug", endpoints())).await;
    let target = format!("http://{at}/debug/profile-cost/stats");
    let ask = |host: Option<&'static str>| {
        let mut request = hyper::Request::get(&target);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .build_http::<Empty<axum::body::Bytes>>();
        let request = request.body(Empty::new()).unwrap();
        async move { client.request(request).await.unwrap().status() }
    };
    assert_eq!(ask(None).await, StatusCode::OK);
    assert_eq!(ask(Some("localhost")).await, StatusCode::OK);
    assert_eq!(ask(Some("shop.example")).await, StatusCode::FORBIDDEN);
}

/// More at once than there are threads for them: all are answered, or told to come again.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once() {
    let at = serve(service().nest_service("/debug", endpoints())).await;
    let client = Client::new(true);
    let asked: Vec<_> = (0..1000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.get(at, "/debug/profile-cost/stats").await.0 })
        })
        .collect();
    let mut answered = 0;
    for one in asked {
        match one.await.unwrap() {
            StatusCode::OK => answered += 1,
            status => assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE),
        }
    }
    assert!(answered > 0);
    assert_eq!(client.get(at, "/debug/profile-cost/stats").await.0, StatusCode::OK);
}

/// The one timed capture is over when the client that asked for it leaves.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_ends_its_capture() {
    let endpoints = endpoints();
    let at = serve(service().nest_service("/debug", endpoints.clone())).await;
    // Asks for one itself, and gives it up at once.
    let is_under_way = async || {
        let host = at.to_string();
        let request =
            Request::new("GET", "/pprof/wall?seconds=1", |name| (name == "host").then_some(host.as_str()));
        matches!(endpoints.answer(&request), Reply::Now(response) if response.status == 429)
    };
    for http2 in [false, true] {
        let asked = tokio::spawn(async move {
            let client = Client::new(http2);
            // Unless it came just while the question above was asked.
            while client.get(at, "/debug/pprof/wall?seconds=50").await.0 == StatusCode::TOO_MANY_REQUESTS {}
        });
        until("the capture is under way", &is_under_way).await;
        asked.abort();
        until("the capture is over", async || !is_under_way().await).await;
    }
    let done = Client::new(false).get(at, "/debug/pprof/profile?seconds=1").await;
    assert_eq!(done.0, StatusCode::OK);
}
