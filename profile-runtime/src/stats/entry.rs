//! The rows of the statistics table, and how two of them add up.

use super::labels::LabelId;
use super::ordered::Ordered;
use super::totals::{EdgeTotals, FunctionTotals};
use crate::elapsed::Elapsed;
use crate::profile::{HeapCounts, Notes, Profile};

/// What pstats holds of one function (`cc, nc, tt, ct, callers`), and what it does not know of.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct FunctionStats {
    /// Calls begun, recursive ones included (`ncalls`).
    pub calls: u64,
    /// Calls that were not recursive (`pcalls`).
    pub primitive_calls: u64,
    /// Seconds in the function itself, busy and await.
    pub tottime: f64,
    /// Seconds in the function and all that it called.
    pub cumtime: f64,
    /// How calls ended and where their time went.
    pub details: Details,
    pub(super) callers: Ordered<EdgeStats>,
}

/// What one function did on behalf of one caller: pstats' `(nc, cc, tt, ct)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct EdgeStats {
    /// Calls of this pair.
    pub calls: u64,
    /// Calls of this pair that no call of the same pair encloses.
    pub primitive_calls: u64,
    /// Seconds in the callee itself.
    pub tottime: f64,
    /// Seconds in the callee and all below it.
    pub cumtime: f64,
    /// What the callee itself asked of the heap.
    pub heap: HeapCounts,
    /// What the callee and all below it asked of the heap.
    pub cumulative_heap: HeapCounts,
    /// The number of calls is all that is known, as in dumps of Python's `profile` module: times are 0, and
    /// primitive calls are all calls.
    pub calls_only: bool,
}

/// Per function, what pstats has no column for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Details {
    /// Calls that ended by unwinding.
    pub panicked: u64,
    /// Futures dropped before completion.
    pub cancelled: u64,
    /// Calls begun and not ended.
    pub active: u64,
    /// Calls that were only counted, not timed; they are in `calls`, and what they took, estimated, in the times.
    pub untimed: u64,
    /// Polls; 0 when no call was async.
    pub polls: u64,
    /// The longest single poll, in seconds, callees included.
    pub longest_poll: f64,
    /// What the function's own code asked of the heap; all zero without a tracking allocator.
    pub heap: HeapCounts,
    /// What the function and all that it called asked of the heap; recursion counts once.
    pub cumulative_heap: HeapCounts,
    /// Seconds of `tottime` on a CPU or blocked.
    pub busy: f64,
    /// Seconds of `tottime` suspended.
    pub wait: f64,
    /// Seconds of `cumtime` suspended.
    pub cumulative_wait: f64,
    /// Seconds that the profiler itself is estimated to have spent on these calls and polls.
    pub cost: f64,
    /// Of that, what counts as the function's own time or, for calls that were only counted, would if they were timed.
    pub overhead: f64,
    /// Elapsed time of finished calls, in ticks of `seconds_per_tick`.
    pub elapsed: Option<Elapsed>,
    /// Seconds in one tick of `elapsed`.
    pub seconds_per_tick: f64,
}

impl FunctionStats {
    /// A function's row in seconds: each number is one multiplication of the whole tick count, as in
    /// cProfile, so that equal ticks print equal text.
    pub(super) fn new(totals: &FunctionTotals, profile: &Profile) -> Self {
        let seconds = |ticks: u64| profile.seconds_per_tick * ticks as f64;
        let counts = &totals.counts;
        let Notes { ticks_per_call, ticks_inside_call, ticks_per_untimed_call, ticks_per_poll, .. } =
            profile.notes;
        let timed = counts.starts.saturating_sub(counts.untimed) as f64;
        // A poll lies between two readings of the clock as other calls do.
        let inside = if counts.polls > 0 { counts.polls as f64 } else { timed };
        let untimed_ticks = ticks_per_untimed_call * counts.untimed as f64;
        let cost_ticks = ticks_per_call * timed + untimed_ticks + ticks_per_poll * counts.polls as f64;
        Self {
            calls: counts.starts,
            primitive_calls: totals.primitive_calls,
            tottime: seconds(totals.self_ticks()),
            cumtime: seconds(totals.cumulative_ticks()),
            details: Details {
                panicked: counts.panicked,
                cancelled: counts.cancelled,
                active: counts.active(),
                untimed: counts.untimed,
                polls: counts.polls,
                longest_poll: seconds(counts.longest_poll),
                heap: counts.heap,
                cumulative_heap: totals.cumulative_heap,
                busy: seconds(counts.self_busy),
                wait: seconds(counts.self_await),
                cumulative_wait: seconds(totals.cumulative_await),
                cost: profile.seconds_per_tick * cost_ticks,
                overhead: profile.seconds_per_tick * (ticks_inside_call * inside + untimed_ticks),
                elapsed: profile.function(totals.function).elapsed.clone(),
                seconds_per_tick: profile.seconds_per_tick,
            },
            callers: Ordered::default(),
        }
    }

    /// Neither called nor of any time, but of blocks.
    pub(super) fn is_of_heap_only(&self) -> bool {
        self.calls == 0 && self.cumtime == 0.0 && self.details.cumulative_heap != HeapCounts::default()
    }

    /// pstats' `add_func_stats`.
    pub(super) fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.primitive_calls = self.primitive_calls.saturating_add(other.primitive_calls);
        self.tottime += other.tottime;
        self.cumtime += other.cumtime;
        self.details.add(other.details);
        for (caller, edge) in other.callers.into_entries() {
            match self.callers.get_mut(caller) {
                Some(mine) => mine.add(&edge),
                None => self.callers.set(caller, edge),
            }
        }
    }

    /// The same row with its callers under other ids. Two callers that become one keep the later's
    /// numbers: pstats does so when it strips directories.
    pub(super) fn with_callers(mut self, mut rename: impl FnMut(LabelId) -> LabelId) -> Self {
        let mut callers = Ordered::default();
        for (caller, edge) in self.callers.into_entries() {
            callers.set(rename(caller), edge);
        }
        self.callers = callers;
        self
    }
}

impl EdgeStats {
    pub(super) fn new(totals: &EdgeTotals, seconds_per_tick: f64) -> Self {
        Self {
            calls: totals.calls,
            primitive_calls: totals.primitive_calls,
            tottime: seconds_per_tick * totals.self_ticks as f64,
            cumtime: seconds_per_tick * totals.cumulative_ticks as f64,
            heap: totals.heap,
            cumulative_heap: totals.cumulative_heap,
            calls_only: false,
        }
    }

    /// As [`FunctionStats::is_of_heap_only`].
    pub(super) fn is_of_heap_only(&self) -> bool {
        self.calls == 0 && self.cumtime == 0.0 && self.cumulative_heap != HeapCounts::default()
    }

    /// An edge of which only the calls are known.
    #[cfg(feature = "read")]
    pub(crate) fn of_calls(calls: u64) -> Self {
        Self { calls, primitive_calls: calls, calls_only: true, ..Self::default() }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.primitive_calls = self.primitive_calls.saturating_add(other.primitive_calls);
        self.tottime += other.tottime;
        self.cumtime += other.cumtime;
        self.heap.add(&other.heap);
        self.cumulative_heap.add(&other.cumulative_heap);
        self.calls_only |= other.calls_only;
    }
}

impl Details {
    fn add(&mut self, other: Self) {
        self.panicked = self.panicked.saturating_add(other.panicked);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.active = self.active.saturating_add(other.active);
        self.untimed = self.untimed.saturating_add(other.untimed);
        self.polls = self.polls.saturating_add(other.polls);
        self.longest_poll = self.longest_poll.max(other.longest_poll);
        self.heap.add(&other.heap);
        self.cumulative_heap.add(&other.cumulative_heap);
        self.busy += other.busy;
        self.wait += other.wait;
        self.cumulative_wait += other.cumulative_wait;
        self.cost += other.cost;
        self.overhead += other.overhead;
        let Some(theirs) = other.elapsed else { return };
        match &mut self.elapsed {
            None => (self.elapsed, self.seconds_per_tick) = (Some(theirs), other.seconds_per_tick),
            Some(mine) if self.seconds_per_tick == other.seconds_per_tick => mine.add(&theirs),
            Some(mine) => {
                let scale = other.seconds_per_tick / self.seconds_per_tick;
                for &(value, calls) in theirs.counts() {
                    mine.record((value as f64 * scale).round() as u64, calls);
                }
            }
        }
    }
}
