//! What can be asked for: every endpoint, by its path.

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::Refusal;
use super::work::Reply;
use super::{control, files, heap, in_flight, index, metrics, page, pprof, time};

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
        path: "/profile-cost/inflight",
        parameters: &["format"],
        about: "what is running or suspended right now, since when, on which call path",
        answer: in_flight::in_flight,
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
    Route {
        method: "GET",
        path: "/pprof/heap",
        parameters: &["seconds", "debug", "gc"],
        about: "what is live, for go tool pprof; `seconds=N` for a while, `debug=1` for text",
        answer: heap::pprof::heap,
    },
    Route {
        method: "GET",
        path: "/pprof/allocs",
        parameters: &["seconds", "debug", "gc"],
        about: "the same, all that was allocated first",
        answer: heap::pprof::allocs,
    },
    Route {
        method: "GET",
        path: "/profile-cost/tracemalloc",
        parameters: &["key_type", "limit", "cumulative", "id", "format"],
        about: "the lines (`key_type`: lineno, filename, traceback, type, path, function, crate, size) that hold most",
        answer: heap::tracemalloc::tracemalloc,
    },
    Route {
        method: "GET",
        path: "/profile-cost/memory",
        parameters: &["limit", "id", "format"],
        about: "types and how they grew since last asked, the largest blocks, and what else the process takes",
        answer: heap::memory::memory,
    },
    Route {
        method: "GET",
        path: "/profile-cost/snapshots",
        parameters: &[],
        about: "snapshots of the heap that are kept",
        answer: heap::snapshots::list,
    },
    Route {
        method: "POST",
        path: "/profile-cost/snapshots",
        parameters: &[],
        about: "take one and keep it",
        answer: heap::snapshots::take,
    },
    Route {
        method: "GET",
        path: "/profile-cost/snapshots/compare",
        parameters: &["old", "new", "key_type", "limit", "cumulative", "format"],
        about: "what changed from `old` to `new`: numbers of kept ones, or `new=now`",
        answer: heap::snapshots::compare,
    },
    Route {
        method: "GET",
        path: "/profile-cost/snapshots/get",
        parameters: &["id", "format"],
        about: "a snapshot as a file: txt, json, folded, svg, pb.gz, dhat, heap",
        answer: heap::snapshots::get,
    },
    Route {
        method: "GET",
        path: "/profile-cost/control",
        parameters: &[],
        about: "what is recorded, since when and until when",
        answer: control::status,
    },
    Route {
        method: "POST",
        path: "/profile-cost/control/heap/start",
        parameters: &["mode", "frames", "rate", "duration", "limit", "format"],
        about: "record the heap: `mode` sample, exact, paths, counters; with `duration` (seconds) until then",
        answer: heap::control::start,
    },
    Route {
        method: "POST",
        path: "/profile-cost/control/heap/stop",
        parameters: &["format"],
        about: "end the heap's recording, and forget it",
        answer: heap::control::stop,
    },
    Route {
        method: "POST",
        path: "/profile-cost/control/heap/reset",
        parameters: &["format"],
        about: "forget what was recorded of the heap, and go on",
        answer: heap::control::reset,
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
///
/// Paths are compared as they are: nothing is decoded and no `..` followed, so that no proxy can see another path than is
/// found here.
pub(super) fn find(method: &str, path: &str) -> Result<&'static Route, Refusal> {
    if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::new(400, "the path has characters other than visible ASCII"));
    }
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
