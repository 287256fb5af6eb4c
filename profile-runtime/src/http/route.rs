//! What can be asked for: every endpoint, by its path.

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::Refusal;
use super::work::Reply;
use super::{control, page, pprof, time};

/// An endpoint.
#[derive(Debug)]
pub(super) struct Route {
    /// `GET` reads (and is answered to `HEAD` too), `POST` changes what is recorded.
    pub(super) method: &'static str,
    /// Its path below `/debug`.
    pub(super) path: &'static str,
    /// The parameters it takes.
    pub(super) parameters: &'static [&'static str],
    /// One line for the index.
    pub(super) about: &'static str,
    /// Answers.
    pub(super) answer: fn(&Endpoints, &Parameters) -> Result<Reply, Refusal>,
}

/// Every endpoint, in the order of the index.
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/pprof/cmdline",
        parameters: &[],
        about: "the command line, NUL-separated; where the options allow it",
        answer: pprof::cmdline,
    },
    Route {
        method: "GET",
        path: "/profile-cost/stats",
        parameters: &["sort", "limit", "restrict", "seconds"],
        about: "the report, as in the log: functions sorted by cumulative time",
        answer: time::stats,
    },
    Route {
        method: "POST",
        path: "/profile-cost/control/time/start",
        parameters: &["duration"],
        about: "record calls; with `duration` (seconds) until then",
        answer: control::start_time,
    },
    Route {
        method: "GET",
        path: page::PATHS[0],
        parameters: &[],
        about: "the live page, for a browser",
        answer: page::page,
    },
    Route { method: "GET", path: page::PATHS[1], parameters: &[], about: "the same", answer: page::page },
    Route {
        method: "GET",
        path: "/profile-cost/page.json",
        parameters: &[],
        about: "what the page shows of the calls recorded, for it alone: its form changes",
        answer: page::data,
    },
];

/// The endpoint for a method and path.
pub(super) fn find(method: &str, path: &str) -> Result<&'static Route, Refusal> {
    let path = path.strip_prefix("/debug").unwrap_or(path);
    let mut others = ROUTES.iter().filter(|route| route.path == path).peekable();
    if others.peek().is_none() {
        return Err(Refusal::new(
            404,
            "nothing here; /debug/pprof/ and /debug/profile-cost/ say what there is",
        ));
    }
    let asked = if method == "HEAD" { "GET" } else { method };
    let allowed: Vec<&str> = others.clone().map(|route| route.method).collect();
    others.find(|route| route.method == asked).ok_or_else(|| {
        let allowed = allowed.join(", ");
        Refusal::new(405, format!("use {allowed}")).with("allow", allowed)
    })
}
