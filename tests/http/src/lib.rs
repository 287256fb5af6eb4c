//! What the tests share: a service on a port of its own, clients, and what a profile says of a function.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use profile_cost::{Counts, Profile};

/// Serves on a free port of loopback, until the runtime ends.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(axum::serve(listener, router).into_future());
    address
}

/// A client that keeps connections.
#[derive(Clone, Debug)]
pub struct Client(HyperClient<HttpConnector, Body>);

impl Client {
    /// Of HTTP/1.1, or of HTTP/2 with knowledge that the server has it.
    pub fn new(http2: bool) -> Self {
        Self(HyperClient::builder(TokioExecutor::new()).http2_only(http2).build_http())
    }

    /// Status and body; `None` when the connection broke.
    pub async fn ask(&self, method: Method, at: SocketAddr, target: &str) -> Option<(StatusCode, String)> {
        let request = Request::builder().method(method).uri(format!("http://{at}{target}"));
        let response = self.0.request(request.body(Body::empty()).expect("a request")).await.ok()?;
        let status = response.status();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some((status, String::from_utf8_lossy(&body).into_owned()))
    }

    /// As [`Client::ask`], with GET, of what answers.
    pub async fn get(&self, at: SocketAddr, target: &str) -> (StatusCode, String) {
        self.ask(Method::GET, at, target).await.expect("an answer")
    }
}

/// What all calls of a function of this name add up to.
pub fn counts(profile: &Profile, name: &str) -> Counts {
    let mut sum = Counts::default();
    for path in profile.paths().iter().filter(|path| profile.function(path.function).label.name == name) {
        sum.add(&path.counts);
    }
    sum
}

/// Every call path that ends in a function of this name, from its root.
pub fn call_paths(profile: &Profile, name: &str) -> Vec<Vec<String>> {
    let name_of = |path: &profile_cost::Path| profile.function(path.function).label.name.clone();
    let paths = profile.paths().iter().filter(|path| name_of(path) == name && path.counts.starts > 0);
    let from_root = |path| {
        let ancestors = std::iter::successors(Some(path), |path: &&profile_cost::Path| {
            path.parent.map(|parent| profile.path(parent))
        });
        let mut names: Vec<String> = ancestors.map(name_of).collect();
        names.reverse();
        names
    };
    paths.map(from_root).collect()
}

/// Waits until a condition holds; a minute at most.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition().await {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
