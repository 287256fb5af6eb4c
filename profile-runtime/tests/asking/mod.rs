//! Asking endpoints as a client on this machine would.
#![allow(dead_code, reason = "each test uses its part")]

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use profile_cost_runtime::http::{Endpoints, Options, Reply, Request, Response};
use serde_json::Value;

/// What is recorded is the process's: one test at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Endpoints that may be asked for a snapshot at any time.
pub fn endpoints() -> Endpoints {
    let mut options = Options::default();
    options.snapshot_interval = Duration::ZERO;
    Endpoints::new(options)
}

fn request<'a>(method: &'a str, target: &'a str) -> Request<'a> {
    Request::new(method, target, |name| (name == "host").then_some("localhost:6600"))
}

pub fn ask(endpoints: &Endpoints, method: &str, target: &str) -> Response {
    endpoints.answer_here(&request(method, target))
}

/// What becomes of it, before any wait.
pub fn reply(endpoints: &Endpoints, target: &str) -> Reply {
    endpoints.answer(&request("GET", target))
}

pub fn get(endpoints: &Endpoints, target: &str) -> Response {
    good(ask(endpoints, "GET", target), target)
}

pub fn post(endpoints: &Endpoints, target: &str) -> Response {
    good(ask(endpoints, "POST", target), target)
}

fn good(response: Response, target: &str) -> Response {
    assert_eq!(response.status, 200, "{target}: {}", text(&response));
    assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
    response
}

/// What is refused, with that status: the message.
pub fn refused(endpoints: &Endpoints, method: &str, target: &str, status: u16) -> String {
    let response = ask(endpoints, method, target);
    assert_eq!(response.status, status, "{target}: {}", text(&response));
    if status == 429 {
        assert!(retry_after(&response) >= 1, "{target}");
    }
    text(&response).to_owned()
}

/// Seconds.
pub fn retry_after(response: &Response) -> u64 {
    let after = header(response, "retry-after").expect("when to ask again");
    after.parse().unwrap_or_else(|_| panic!("{after} seconds"))
}

pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
}

pub fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).expect("text")
}

pub fn json(response: &Response) -> Value {
    assert_eq!(header(response, "content-type"), Some("application/json"));
    serde_json::from_slice(&response.body).unwrap_or_else(|error| panic!("{error}: {}", text(response)))
}

pub fn get_json(endpoints: &Endpoints, target: &str) -> Value {
    json(&get(endpoints, target))
}

pub fn post_json(endpoints: &Endpoints, target: &str) -> Value {
    json(&post(endpoints, target))
}
