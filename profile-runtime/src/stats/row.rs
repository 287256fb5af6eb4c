//! The rows of the default report, as data before they are text.

use super::labels::LabelId;
use super::{FunctionStats, Stats};
use crate::elapsed::Elapsed;
use crate::profile::{HeapCounts, Label};

/// One function's line in the default report. Times in seconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The function.
    pub label: Label,
    /// Calls begun, recursive ones included.
    pub calls: u64,
    /// Calls that were not recursive.
    pub primitive_calls: u64,
    /// In the function itself: `busy` and `wait`.
    pub total: f64,
    /// In the function and all that it called.
    pub cumulative: f64,
    /// `cumulative` per primitive call; none without such, and where some calls were not timed.
    pub per_call: Option<f64>,
    /// Elapsed time of finished calls; none when it was not recorded or no call has finished.
    pub elapsed: Option<Percentiles>,
    /// Of `total`, on a CPU or blocked.
    pub busy: f64,
    /// Of `total`, suspended at an await.
    pub wait: f64,
    /// Of `cumulative`, suspended at an await.
    pub cumulative_wait: f64,
    /// Calls that were only counted, too many and too short to be timed; they are in `calls`, and what they took,
    /// estimated, in the times.
    pub untimed: u64,
    /// Polls; 0 when no call was async.
    pub polls: u64,
    /// The longest single poll, callees included.
    pub longest_poll: f64,
    /// What the function's own code asked of the heap; all zero without a tracking allocator.
    pub heap: HeapCounts,
    /// What the function and all that it called asked of the heap; recursion counts once.
    pub cumulative_heap: HeapCounts,
    /// Calls that ended by unwinding.
    pub panicked: u64,
    /// Futures dropped before completion.
    pub cancelled: u64,
    /// Calls begun and not ended.
    pub in_flight: u64,
    /// What the profiler itself is estimated to have spent on the function's calls and polls.
    pub cost: f64,
    /// `cost` is more than 10 % of `total`: do not trust the function's own time.
    pub cost_matters: bool,
    /// What the profiler itself is estimated to have spent within the calls: between the two readings of the clock of
    /// those that were timed, and on all of the others.
    pub overhead: f64,
    /// `overhead` as a share of `total`, 0.1 for 10 %. None where no time is known to belong to the calls, as when some of
    /// them were not timed.
    pub overhead_share: Option<f64>,
}

/// Percentiles of a function's elapsed time per finished call, in seconds; relative error at most 2 %.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 95 of 100 calls took no longer.
    pub p95: f64,
    /// 99 of 100 calls took no longer.
    pub p99: f64,
    /// The longest call.
    pub max: f64,
}

impl Percentiles {
    fn of(elapsed: &Elapsed, seconds_per_tick: f64) -> Option<Self> {
        let at = |quantile| elapsed.value_at_quantile(quantile) as f64 * seconds_per_tick;
        let some = !elapsed.is_empty();
        some.then(|| Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) })
    }
}

impl Row {
    fn new(label: &Label, stats: &FunctionStats) -> Self {
        let details = &stats.details;
        let calls = stats.primitive_calls;
        Self {
            label: label.clone(),
            calls: stats.calls,
            primitive_calls: calls,
            total: stats.tottime,
            cumulative: stats.cumtime,
            per_call: (calls > 0).then(|| stats.cumtime / calls as f64),
            elapsed: (details.elapsed.as_ref()).and_then(|h| Percentiles::of(h, details.seconds_per_tick)),
            busy: details.busy,
            wait: details.wait,
            cumulative_wait: details.cumulative_wait,
            untimed: details.untimed,
            polls: details.polls,
            longest_poll: details.longest_poll,
            heap: details.heap,
            cumulative_heap: details.cumulative_heap,
            panicked: details.panicked,
            cancelled: details.cancelled,
            in_flight: details.active,
            cost: details.cost,
            cost_matters: details.cost > 0.1 * stats.tottime,
            overhead: details.overhead,
            overhead_share: (details.untimed == 0 && stats.tottime > 0.0)
                .then(|| details.overhead / stats.tottime),
        }
    }
}

pub(super) fn rows(stats: &Stats, functions: &[LabelId]) -> Vec<Row> {
    let found = functions.iter().filter_map(|&id| Some((id, stats.functions.get(id)?)));
    found.map(|(id, function)| Row::new(stats.labels.label(id), function)).collect()
}
