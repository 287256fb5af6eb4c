//! The counters of one path, summed over threads at one moment, still in ticks.

use crate::counters::{AsyncCounters, Counters, Suspension};
use crate::profile::{Counts, HeapCounts};

/// See the module. Grows monotonically; what happened between two moments is their difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) starts: u64,
    pub(crate) folded: u64,
    pub(crate) returned: u64,
    pub(crate) panicked: u64,
    pub(crate) cancelled: u64,
    pub(crate) busy: u64,
    pub(crate) suspension: Suspension,
    pub(crate) polls: u64,
    /// Of `starts`, those that were only counted.
    pub(crate) untimed: u64,
    /// A maximum, so not a difference: since the last reset.
    pub(crate) longest: u64,
}

impl Tally {
    /// The first half of reading counters; see [`Counters::read_ends`].
    pub(crate) fn add_ends(&mut self, counters: &Counters, asyncs: Option<&AsyncCounters>) {
        let (returned, panicked) = counters.read_ends();
        self.returned += returned;
        self.panicked += panicked;
        self.cancelled += asyncs.map_or(0, AsyncCounters::read_cancelled);
    }

    /// The second half. Returns the busy ticks that it added.
    pub(crate) fn add_rest(
        &mut self,
        counters: &Counters,
        asyncs: Option<&AsyncCounters>,
        epoch: u32,
    ) -> u64 {
        self.starts += counters.read_starts();
        self.folded += counters.read_folded();
        // NOTE: with what began meanwhile; `since` leaves no more than began.
        self.untimed += counters.read_counted();
        let busy = counters.read_busy();
        self.busy += busy;
        let Some(asyncs) = asyncs else { return busy };
        let suspension = (0..10_000).find_map(|_| asyncs.try_read()).unwrap_or_default();
        self.suspension.add(suspension);
        self.polls += asyncs.read_polls();
        self.longest = self.longest.max(asyncs.read_longest(epoch));
        busy
    }

    /// Suspended ticks up to `now`, futures still suspended included.
    pub(crate) fn awaited(&self, now: u64) -> u64 {
        let ticks = self.suspension.balance.wrapping_add(self.suspension.suspended.wrapping_mul(now));
        // A future that moves between threads while they are read one after the other can leave a sum
        // that is below zero by the time the reading took.
        if (ticks as i64) < 0 { 0 } else { ticks }
    }

    pub(crate) fn ends(&self) -> u64 {
        self.returned + self.panicked + self.cancelled
    }

    /// Calls under way.
    pub(crate) fn active(&self) -> u64 {
        self.starts.saturating_sub(self.ends())
    }

    /// What was counted since `before` (taken at tick `then`), as a profile has it, in ticks.
    pub(crate) fn since(&self, now: u64, before: &Baseline) -> Counts {
        Counts {
            starts: self.starts.saturating_sub(before.starts),
            folded: self
                .folded
                .saturating_sub(before.tally.folded)
                .min(self.starts.saturating_sub(before.starts)),
            returned: self.returned.saturating_sub(before.tally.returned),
            panicked: self.panicked.saturating_sub(before.tally.panicked),
            cancelled: self.cancelled.saturating_sub(before.tally.cancelled),
            self_busy: self.busy.saturating_sub(before.tally.busy),
            self_await: self.awaited(now).saturating_sub(before.awaited),
            polls: self.polls.saturating_sub(before.tally.polls),
            longest_poll: self.longest,
            untimed: self
                .untimed
                .saturating_sub(before.tally.untimed)
                .min(self.starts.saturating_sub(before.starts)),
            heap: HeapCounts::default(),
        }
    }
}

/// A tally from which to count anew. Calls under way then count as begun after it, so that ends never
/// outnumber beginnings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Baseline {
    pub(crate) tally: Tally,
    starts: u64,
    awaited: u64,
}

impl Baseline {
    pub(crate) fn new(tally: Tally, now: u64) -> Self {
        Self { tally, starts: tally.ends(), awaited: tally.awaited(now) }
    }

    /// For one thread's tally. Calls under way stay behind: a call may end on another thread than it began
    /// on, so that one thread's ends do not tell which of its calls are.
    pub(crate) fn of_part(tally: Tally) -> Self {
        Self { tally, starts: tally.starts, awaited: 0 }
    }
}
