//! cProfile for Rust services: annotate suspect functions, run the service, read the callers report in the
//! log, open the flamegraph.
//!
//! ```
//! use profile_cost::{SortKey, Stats, profile_cost};
//!
//! #[profile_cost]
//! fn parse(line: &str) -> Vec<u32> {
//!     line.split(',').filter_map(|field| field.parse().ok()).collect()
//! }
//!
//! #[profile_cost]
//! fn load(text: &str) -> usize {
//!     text.lines().map(|line| parse(line).len()).sum()
//! }
//!
//! profile_cost::enable();
//! load("1,2,3\n4,5");
//!
//! let mut report = Vec::new();
//! Stats::new(profile_cost::snapshot())
//!     .strip_dirs()
//!     .sort_stats([SortKey::Cumulative])
//!     .print_stats(&mut report, 20)?
//!     .print_callers(&mut report, "parse")?;
//! # #[cfg(feature = "enabled")]
//! assert!(String::from_utf8_lossy(&report).contains("parse"));
//! # std::io::Result::Ok(())
//! ```
//!
//! # Without code
//!
//! Off unless asked: an annotated function then costs one relaxed load. The environment asks:
//!
//! | variable | meaning |
//! |---|---|
//! | `PROFILE_COST=cumulative` | print the report at exit, sorted so: any of pstats' keys, several with commas. `off`: record nothing, not even calls annotated with `report` |
//! | `PROFILE_COST_OUT=a.svg,b.json,c.prof` | write these at exit, each in the [`Format`] of its extension: `.html`, `.svg`, `.json`, `.prof`, `.pb.gz`, `.callgrind`, `.speedscope.json`, `.folded`, `.txt` |
//! | `PROFILE_COST_HEAP=exact:25` | what a [`heap::Tracker`] records from before `main` on, and at exit the report of what is live then: `exact:25`, `sample:512KiB`, `paths`, `counters` or `off` |
//! | `PROFILE_COST_HEAP_OUT=a.txt,b.heap,c.svg` | in place of that report these files, each in the [`heap::Format`] of its extension: `.txt`, `.heap`, `.svg`, `.json`, `.pb.gz`, `.dhat.json`, `.folded` |
//! | `PROFILE_COST_HEAP_MEMORY=256MiB` | the most that the heap's recording may take; past it `exact` gives way to a sample |
//! | `PROFILE_COST_HTTP=127.0.0.1:6600` | with the feature `server`: answer requests there, also before `main` in a program with a [`heap::Tracker`]; a port alone is one of this machine, `off` is nothing. Nothing is recorded by that alone: the page's button, or a POST to `control/time/start`, begins. Says where it listens, or why not, in a line on stderr; the program runs on. `PROFILE_COST=off` keeps it from listening. Of a process that forks, the child does not answer |
//! | `PROFILE_COST_HTTP_TOKEN=..`, `PROFILE_COST_HTTP_TOKEN_FILE=path` | requests need this token: `Authorization: Bearer ..`, or as a password. At least 16 characters; addresses that others than this machine reach need one |
//! | `PROFILE_COST_HTTP_HOSTS=a.example,b` | names by which the service may be asked, beside those of this machine |
//! | `PROFILE_COST_RECORD=DIR` | the flight recorder: count in a file in that folder, which outlives the process however it ends; `cargo profile-cost postmortem DIR` reads it. See [`recorder`] |
//! | `PROFILE_COST_RECORD_OPTIONS=keep=5,report-previous` | what it does: see [`recorder::Options`] |
//! | `PROFILE_COST_SIGTERM=1` | also when SIGTERM ends the process; handlers of the program's own keep working |
//! | `PROFILE_COST_TOP=30` | rows of the report at exit |
//! | `PROFILE_COST_MAX_PATHS=65536`, `PROFILE_COST_MAX_DEPTH=100` | how large the call tree may grow; from which depth recursion folds |
//!
//! # What is counted
//!
//! Calls are counted by call path. *Self* time is a function's own, *cumulative* time includes what it
//! called; both are wall time. For an async function, *busy* is the time inside its polls and *await* the
//! time it was suspended; the caller is whoever polled it first. Recursion, callers and callees follow
//! Python's `pstats`, which is also where the names of [`Stats`]' methods come from.
//!
//! A task, thread or pool job is counted below the call that started it when it is given that call's
//! [`Context`]; without one it is a root of its own.
//!
//! # Performance
//!
//! Each call reads the clock twice; `cargo bench --bench overhead` measures everything else against that
//! floor, beside other profilers. README.md has the table.
//!
//! # Features
//!
//! - `enabled` (default): without it the attribute hands items back untouched, and the machine code is that
//!   of the program without profile-cost.
//! - `flamegraph` (default): SVG through inferno, which is under CDDL-1.0.
//! - `pprof` (default): files for `go tool pprof`, compressed by flate2.
//! - `heap` (default): the tracking allocator. Stacks are walked by gimli's reading of the program's unwind tables.
//! - `symbols` (default): names and types for what the heap holds, from debug information, in a child of the process
//!   (`Snapshot::name`, `Snapshot::in_child`). Without it `cargo profile-cost heap` names snapshots offline.
//! - `recorder` (default): the flight recorder, off until it is asked for. Unix.
//! - `tower`: the endpoints of `http` as a tower service, for axum's `nest_service` and for hyper, and
//!   `http::ProfileLayer`, with which every request is a call named by its method and route. Depends on no runtime.
//! - `axum`: the layer knows the routes that axum 0.8 matched, so that `.layer(ProfileLayer::new())` is all it takes.
//! - `server`: a small server for those endpoints, for `PROFILE_COST_HTTP` and `http::serve`.
//! - `read`: `Recording::read`, native JSON and pstats dumps back into values, with serde_json.
//!   `cargo profile-cost` has it; a service need not.

#![forbid(unsafe_code)]

pub use profile_cost_macros::profile_cost;
pub use profile_cost_runtime::*;
