//! The endpoints as a [`tower_service::Service`], for axum's `nest_service`, `route_service` and `fallback_service`,
//! and for hyper.

use std::convert::Infallible;
use std::task::{Context, Poll};

use ::http::header::{CONTENT_LENGTH, HOST};
use ::http::request::Parts;
use ::http::{HeaderName, HeaderValue, Method, StatusCode};
use tower_service::Service;

use super::answer::Answer;
use super::body::Body;
use crate::http::{Endpoints, Request, Response};

/// Answers requests for paths below `/debug`, with or without that prefix; bodies of requests are not read.
///
/// Never an error, and always ready. Nothing blocks the thread that polls: answers that take long are made on at most
/// two threads of the library's own, which end when there is nothing to do. When 64 answers wait for them already, the
/// next is 503 with `Retry-After`. An answer whose future is dropped is given up, and a timed capture with it.
///
/// ```
/// # use profile_cost_runtime as profile_cost;
/// # fn takes_a_service<S: tower_service::Service<http::Request<()>>>(_: S) {}
/// use profile_cost::http::{Endpoints, Options};
/// let endpoints = Endpoints::new(Options::default());
/// // Router::new().route("/", get(hello)).nest_service("/debug", endpoints)
/// # takes_a_service(endpoints);
/// ```
impl<B> Service<::http::Request<B>> for Endpoints {
    type Response = ::http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: ::http::Request<B>) -> Answer {
        let (parts, _body) = request.into_parts();
        Answer::new(self.answer(&asked(&parts)), parts.method == Method::HEAD)
    }
}

/// What is asked for, by the head of a request.
fn asked(parts: &Parts) -> Request<'_> {
    let header = |name: &str| {
        // The target's authority comes first where it is given (RFC 9112, 3.2.2; HTTP/2).
        if name == HOST.as_str()
            && let Some(authority) = parts.uri.authority()
        {
            let authority = authority.as_str();
            return Some(authority.rsplit_once('@').map_or(authority, |(_user, host)| host));
        }
        let mut values = parts.headers.get_all(name).iter();
        let value = values.next().filter(|_| values.next().is_none())?;
        value.to_str().ok()
    };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    Request::new(parts.method.as_str(), target, header)
}

/// The answer in the types of `http`. `head` leaves the body out and says how long it would be.
pub(super) fn convert(response: Response, head: bool) -> ::http::Response<Body> {
    let Response { status, headers, body } = response;
    let length = body.len();
    let mut converted = ::http::Response::new(if head { Body::default() } else { Body::new(body) });
    *converted.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        {
            converted.headers_mut().append(name, value);
        }
    }
    if head {
        converted.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    converted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(request: ::http::request::Builder) -> Option<String> {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        asked(&parts).host.map(str::to_owned)
    }

    #[test]
    fn the_host_is_the_authority_or_the_one_header() {
        let get = |uri: &str| ::http::Request::get(uri);
        assert_eq!(host(get("/x").header("host", "a:1")), Some("a:1".to_owned()));
        assert_eq!(host(get("http://b:2/x").header("host", "a:1")), Some("b:2".to_owned()));
        // Nobody becomes localhost by a user name.
        assert_eq!(host(get("http://localhost:x@evil/x")), Some("evil".to_owned()));
        assert_eq!(host(get("/x").header("host", "a").header("host", "localhost")), None);
        assert_eq!(host(get("/x")), None);
    }
}
