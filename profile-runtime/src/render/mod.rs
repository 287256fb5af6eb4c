//! Renderers: one file a format. Each takes a [`Profile`] and a writer, and touches no global, so that the
//! same profile always gives the same bytes.

mod call_tree;
mod callgrind;
mod folded;
mod html;
mod json;
mod json_text;
mod names;
#[cfg(feature = "pprof")]
mod pprof;
mod pstats;
mod speedscope;
mod split;
#[cfg_attr(not(feature = "flamegraph"), allow(dead_code, reason = "folded lines need only part of it"))]
mod tree;

#[cfg(feature = "flamegraph")]
mod diff;
#[cfg(feature = "flamegraph")]
mod flamegraph;

pub use call_tree::{CallTree, TreeOptions, TreeRow};
#[cfg(feature = "flamegraph")]
pub use diff::DiffOptions;
#[cfg(feature = "flamegraph")]
pub use flamegraph::FlamegraphOptions;

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
}

impl Metric {
    /// What is measured, in words: `busy time`, `await time`, `task time`, `calls`.
    pub fn name(self) -> &'static str {
        match self {
            Metric::Busy => "busy time",
            Metric::Await => "await time",
            Metric::Task => "task time",
            Metric::Calls => "calls",
        }
    }

    /// True when values are nanoseconds, false when they are calls.
    pub fn is_time(self) -> bool {
        self != Metric::Calls
    }

    fn of(self, counts: &Counts) -> u64 {
        match self {
            Metric::Busy => counts.self_busy,
            Metric::Await => counts.self_await,
            Metric::Task => counts.self_busy.saturating_add(counts.self_await),
            Metric::Calls => counts.starts,
        }
    }

    /// The exclusive value of each path, in nanoseconds or calls, indexed as [`Profile::paths`].
    fn values(self, profile: &Profile) -> Vec<u64> {
        let ns_per_tick = profile.seconds_per_tick * 1e9;
        // NOTE: snapshots are in nanoseconds; their integers must not take the way through f64.
        let exact = !self.is_time() || (ns_per_tick - 1.0).abs() < 1e-9;
        (profile.paths().iter())
            .map(|path| match self.of(&path.counts) {
                value if exact => value,
                ticks => (ticks as f64 * ns_per_tick).round() as u64,
            })
            .collect()
    }
}
