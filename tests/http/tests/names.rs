//! What requests are called: routes, never what clients put into their targets. A process of its own: names are its.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use profile_cost::http::ProfileLayer;
use profile_cost_http::{Client, counts, serve};

fn names() -> Vec<String> {
    let profile = profile_cost::snapshot();
    let mut names: Vec<String> = profile.functions().iter().map(|f| f.label.name.clone()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_targets_make_no_names() {
    profile_cost::enable();
    let routes = || {
        Router::new()
            .route("/things/{id}", get(|| async {}))
            .nest("/in", Router::new().route("/{x}", get(|| async {})))
    };
    let at = serve(routes().layer(ProfileLayer::new())).await;
    let client = Client::new(false);
    for number in 0..1000 {
        client.get(at, &format!("/secret-{number}?token={number}")).await;
        client.get(at, &format!("/things/{number}?token={number}")).await;
        client.get(at, &format!("/in/{number}")).await;
        let method = format!("METHOD{number}").parse().unwrap();
        client.ask(method, at, "/things/1").await.unwrap();
    }
    assert_eq!(names(), ["GET /in/{x}", "GET /things/{id}", "GET [unmatched]", "[method] /things/{id}"]);
    let profile = profile_cost::snapshot();
    for name in names() {
        assert_eq!(counts(&profile, &name).returned, 1000, "{name}");
    }

    // A service that names requests itself, and badly.
    let badly = ProfileLayer::new().most_names(20).named_by(|request| Some(request.uri.path()));
    let at = serve(routes().layer(badly)).await;
    for number in 0..1000 {
        client.get(at, &format!("/{number}")).await;
    }
    let own = names().into_iter().filter(|name| !name.contains('[')).count();
    // 3 are the other layer's: `[method] /things/{id}` is one too.
    assert_eq!(own, 20 - 1);
    assert_eq!(counts(&profile_cost::snapshot(), "GET [other]").returned, 1000 - (20 - 3));

    // What a layer is told is in the request's head.
    #[derive(Clone)]
    struct Route(&'static str);
    let mut request = Request::new(Body::empty());
    request.extensions_mut().insert(Route("/told"));
    let layer = ProfileLayer::new().named_by(|request| Some(request.extensions.get::<Route>()?.0));
    let mut service = tower_layer(&layer, routes());
    call(&mut service, request).await;
    assert_eq!(counts(&profile_cost::snapshot(), "GET /told").returned, 1);
}

fn tower_layer<S>(layer: &ProfileLayer, service: S) -> profile_cost::http::Profiled<S> {
    tower_layer::Layer::layer(layer, service)
}

async fn call<S: tower_service::Service<Request<Body>>>(
    service: &mut S,
    request: Request<Body>,
) -> S::Response
where
    S::Error: std::fmt::Debug,
{
    service.call(request).await.expect("a response")
}
