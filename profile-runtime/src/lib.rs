//! The run-time half of `profile-cost`; use that crate, which re-exports this one.
//!
//! Data flows one way: `guard` and `future` write counters, `snapshot` reads them into a [`Profile`],
//! [`Stats`] sorts and sums it, `render` prints it.

#[cfg(test)]
mod async_oracle;
mod block;
mod calibrate;
mod call;
mod capture;
mod child_table;
mod clock;
mod context;
mod control;
mod counters;
mod disorder;
mod elapsed;
mod engine;
mod environment;
#[cfg(any(feature = "throttle", feature = "recorder"))]
mod estimate;
mod exit;
mod extension;
#[cfg(all(feature = "server", unix))]
mod fork;
mod format;
mod future;
mod guard;
#[cfg(feature = "heap")]
pub mod heap;
mod histogram;
#[cfg(feature = "http")]
pub mod http;
mod in_flight;
mod index;
mod label_name;
mod native;
mod outlined_guard;
mod paths;
mod position;
#[doc(hidden)]
pub mod private;
mod profile;
#[cfg(feature = "read")]
mod read;
#[cfg(feature = "recorder")]
pub mod recorder;
mod render;
mod report;
mod ring;
mod segment;
#[cfg(unix)]
mod signal;
mod site;
mod snapshot;
#[cfg(any(feature = "throttle", feature = "recorder"))]
mod split;
mod spot;
pub mod stats;
mod stderr;
mod storage;
mod sync;
mod tally;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod thread;
#[cfg(feature = "throttle")]
mod throttle;
mod units;
mod whole;
mod window;

pub use call::{runcall, runcall_async};
pub use context::{Attached, Context};
pub use control::{disable, enable, is_enabled};
pub use elapsed::Elapsed;
pub use exit::{Session, init};
pub use format::{Format, write_file};
pub use in_flight::{InFlight, OpenCall, RunningThread, SuspendedCalls, in_flight};
pub use profile::{
    Counts, Function, FunctionId, HeapCounts, Label, Notes, Path, PathId, Profile, ThreadCounts,
};
#[cfg(feature = "read")]
pub use read::{ReadError, Recording};
pub use render::{CallTree, Metric, TreeOptions, TreeRow};
#[cfg(feature = "flamegraph")]
pub use render::{DiffOptions, FlamegraphOptions};
pub use snapshot::{reset, snapshot, snapshot_by_thread, snapshot_with_threads};
pub use stats::{Diff, IntoRestrictions, Look, Restriction, Row, SortKey, Stats, Style};

/// Measures the rest of the enclosing block under a name of its own, as a call made by the function around it.
///
/// Not across an `.await`: the scope belongs to the thread, so a future that holds one is not `Send`. Put what is
/// awaited into an annotated `async fn` instead.
///
/// ```
/// # use profile_cost_runtime as profile_cost;
/// # fn parse(_: &str) {}
/// fn handle(request: &str) {
///     {
///         profile_cost::scope!("parse header");
///         parse(request);
///     }
///     // here it has ended
/// }
/// # handle("");
/// ```
#[cfg(feature = "enabled")]
#[macro_export]
macro_rules! scope {
    ($name:expr) => {
        let mut profile_cost_scope = $crate::private::Guard::new();
        {
            static SITE: $crate::private::Site =
                $crate::private::Site::new($name, ::core::file!(), ::core::line!(), true);
            $crate::private::Guard::enter(&mut profile_cost_scope, &SITE, || {});
        }
    };
}

/// Nothing: built without the feature `enabled`.
#[cfg(not(feature = "enabled"))]
#[macro_export]
macro_rules! scope {
    ($name:expr) => {};
}
