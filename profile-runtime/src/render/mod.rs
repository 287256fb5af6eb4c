//! Renderers: one file a format. Each takes a [`Profile`] and a writer, and touches no global, so that the
//! same profile always gives the same bytes.

mod call_tree;
mod callgrind;
mod edges;
mod folded;
pub(crate) mod html;
mod json;
pub(crate) mod json_text;
pub(crate) mod names;
mod nanoseconds;
mod notes;
#[cfg(feature = "pprof")]
pub(crate) mod pprof;
#[cfg(feature = "pprof")]
pub(crate) mod protobuf;
mod pstats;
mod speedscope;
mod split;
#[cfg_attr(not(feature = "flamegraph"), allow(dead_code, reason = "folded lines need only part of it"))]
pub(crate) mod tree;
mod walk;

#[cfg(feature = "flamegraph")]
pub(crate) mod diff;
#[cfg(feature = "flamegraph")]
pub(crate) mod flamegraph;

pub use call_tree::{CallTree, TreeOptions, TreeRow};
#[cfg(feature = "flamegraph")]
pub use diff::DiffOptions;
#[cfg(feature = "flamegraph")]
pub use flamegraph::FlamegraphOptions;

use self::nanoseconds::Nanoseconds;
use crate::profile::{Counts, Profile};

/// What the width of a frame stands for. A path's value is exclusive: its callees have frames of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Nanoseconds spent running: on a CPU, or blocking the thread.
    #[default]
    Busy,
    /// Nanoseconds suspended at an `.await`.
    Await,
    /// Nanoseconds from start to end: busy and await together, what a task's caller waits for.
    Task,
    /// Calls begun.
    Calls,
    /// Bytes that were allocated and not freed; nothing without a tracking allocator.
    Live,
}

impl Metric {
    /// What is measured, in words: `busy time`, `await time`, `task time`, `calls`, `live bytes`.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Busy => "busy time",
            Metric::Await => "await time",
            Metric::Task => "task time",
            Metric::Calls => "calls",
            Metric::Live => "live bytes",
        }
    }

    /// True when values are nanoseconds, false when they are calls or bytes.
    pub fn is_time(self) -> bool {
        !matches!(self, Metric::Calls | Metric::Live)
    }

    fn of(self, counts: &Counts) -> u64 {
        match self {
            Metric::Busy => counts.self_busy,
            Metric::Await => counts.self_await,
            Metric::Task => counts.self_busy.saturating_add(counts.self_await),
            Metric::Calls => counts.starts,
            Metric::Live => counts.heap.live_bytes(),
        }
    }

    /// The exclusive value of each path, in nanoseconds, calls or bytes, indexed as [`Profile::paths`].
    fn values(self, profile: &Profile) -> Vec<u64> {
        let nanoseconds = Nanoseconds::of(profile);
        (profile.paths().iter())
            .map(|path| match self.of(&path.counts) {
                count if !self.is_time() => count,
                ticks => nanoseconds.of_ticks(ticks),
            })
            .collect()
    }
}
