//! What can be asked for: every endpoint, by its path.

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::Refusal;
use super::work::Reply;
use super::{control, files, index, metrics, pprof, time};

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

/// Those of the reports.
const REPORT: &[&str] = &["sort", "limit", "restrict", "reverse", "strip", "style", "format", "seconds"];

/// Every endpoint, in the order of the index.
pub(super) const ROUTES: &[Route] = &[
    Route { method: "GET", path: "/pprof", parameters: &[], about: "this list", answer: index::pprof_folder },
    Route {
        method: "GET",
        path: "/pprof/",
        parameters: &["debug"],
        about: "this list; `debug=1` for text",
        answer: index::pprof,
    },
    Route {
        method: "GET",
        path: "/pprof/profile",
        parameters: &["seconds", "debug"],
        about: "calls and busy time in the next `seconds` (30), for go tool pprof; `debug=1` for text",
        answer: pprof::profile,
    },
    Route {
        method: "GET",
        path: "/pprof/wall",
        parameters: &["seconds", "debug"],
        about: "the same with suspended time: calls, wall, busy, await",
        answer: pprof::wall,
    },
    Route {
        method: "GET",
        path: "/pprof/cmdline",
        parameters: &[],
        about: "the command line, NUL-separated; where the options allow it",
        answer: pprof::cmdline,
    },
    Route {
        method: "GET",
        path: "/profile-cost/index",
        parameters: &[],
        about: "this list",
        answer: index::all,
    },
    Route {
        method: "GET",
        path: "/profile-cost/stats",
        parameters: REPORT,
        about: "the report, as in the log: functions by cumulative time; `style=pstats` as Python prints it, `format=json`",
        answer: time::stats,
    },
    Route {
        method: "GET",
        path: "/profile-cost/callers",
        parameters: REPORT,
        about: "for each function who called it",
        answer: time::callers,
    },
    Route {
        method: "GET",
        path: "/profile-cost/callees",
        parameters: REPORT,
        about: "for each function whom it called",
        answer: time::callees,
    },
    Route {
        method: "GET",
        path: "/profile-cost/tree",
        parameters: &[
            "metric", "depth", "sort", "limit", "restrict", "reverse", "strip", "format", "seconds",
        ],
        about: "the call tree; `metric` time, busy, await, calls, live",
        answer: time::tree,
    },
    Route {
        method: "GET",
        path: "/profile-cost/flamegraph.svg",
        parameters: &["metric", "seconds"],
        about: "the flamegraph; `metric` time, busy, await, calls, live",
        answer: files::flamegraph,
    },
    Route {
        method: "GET",
        path: "/profile-cost/folded",
        parameters: &["metric", "seconds"],
        about: "folded stacks, a line a path",
        answer: files::folded,
    },
    Route {
        method: "GET",
        path: "/profile-cost/pstats",
        parameters: &["seconds"],
        about: "a dump for Python's pstats and its tools",
        answer: files::pstats,
    },
    Route {
        method: "GET",
        path: "/profile-cost/json",
        parameters: &["seconds"],
        about: "the native form, for cargo profile-cost",
        answer: files::json,
    },
    Route {
        method: "GET",
        path: "/profile-cost/html",
        parameters: &["seconds"],
        about: "one page with table and flamegraph, to keep",
        answer: files::html,
    },
    Route {
        method: "GET",
        path: "/profile-cost/metrics",
        parameters: &[],
        about: "for Prometheus: calls, time and elapsed time by function, and memory",
        answer: metrics::metrics,
    },
    Route {
        method: "POST",
        path: "/profile-cost/control/time/start",
        parameters: &["duration", "format"],
        about: "record calls; with `duration` (seconds) until then",
        answer: control::start_time,
    },
    Route {
        method: "POST",
        path: "/profile-cost/control/time/stop",
        parameters: &["format"],
        about: "stop recording calls, whoever began",
        answer: control::stop_time,
    },
    Route {
        method: "POST",
        path: "/profile-cost/control/time/reset",
        parameters: &["format"],
        about: "forget the calls recorded, and go on",
        answer: control::reset_time,
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
