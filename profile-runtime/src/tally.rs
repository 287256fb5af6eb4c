//! The counters of one path, summed over threads at one moment, still in ticks.

use crate::counters::{AsyncCounters, Counters, Suspension};
#[cfg(feature = "throttle")]
use crate::estimate::Samples;
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
    /// Of `starts`, those that were timed while others were not.
    pub(crate) samples: u64,
    /// Of `busy`, what these took.
    pub(crate) sampled: u64,
    /// A maximum, so not a difference: since the last reset.
    pub(crate) longest: u64,
}

impl Tally {
    /// Adds counters, of which `ends` were read before those of any thread. Returns the busy ticks that it added.
    pub(crate) fn add(
        &mut self,
        counters: &Counters,
        asyncs: Option<&AsyncCounters>,
        ends: Ends,
        epoch: u32,
    ) -> u64 {
        let (ends, starts) = match asyncs {
            Some(_) => (ends, counters.read_starts()),
            None => Ends::read_with_starts(counters),
        };
        // NOTE: all sums wrap: counters may be in the flight recorder's file, and what it says is then not ours alone.
        let sum = |sum: &mut u64, more: u64| *sum = sum.wrapping_add(more);
        sum(&mut self.returned, ends.returned);
        sum(&mut self.panicked, ends.panicked);
        sum(&mut self.cancelled, ends.cancelled);
        sum(&mut self.starts, starts);
        sum(&mut self.folded, counters.read_folded());
        #[cfg(feature = "throttle")]
        let throttle = counters.throttle.read();
        let busy = counters.read_busy();
        sum(&mut self.busy, busy);
        #[cfg(feature = "throttle")]
        {
            // NOTE: with what began meanwhile; `since` leaves no more than began.
            sum(&mut self.untimed, throttle.counted(counters.read_starts()));
            sum(&mut self.samples, throttle.samples);
            sum(&mut self.sampled, throttle.sampled(busy));
        }
        let Some(asyncs) = asyncs else { return busy };
        let suspension = (0..10_000).find_map(|_| asyncs.try_read()).unwrap_or_default();
        self.suspension.add(suspension);
        sum(&mut self.polls, asyncs.read_polls());
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
        self.returned.wrapping_add(self.panicked).wrapping_add(self.cancelled)
    }

    /// Calls under way.
    pub(crate) fn active(&self) -> u64 {
        self.starts.saturating_sub(self.ends())
    }

    /// The samples since `before`.
    #[cfg(feature = "throttle")]
    pub(crate) fn samples_since(&self, before: &Baseline) -> Samples {
        Samples {
            calls: self.samples.saturating_sub(before.tally.samples),
            ticks: self.sampled.saturating_sub(before.tally.sampled),
        }
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

/// How many calls have ended, as one thread counts them on one path.
///
/// Ends are read before beginnings, so that they never outnumber them; where futures move between threads, those of all
/// threads before the beginnings of any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ends {
    returned: u64,
    panicked: u64,
    cancelled: u64,
}

impl Ends {
    pub(crate) fn read(counters: &Counters, asyncs: Option<&AsyncCounters>) -> Self {
        let (returned, panicked) = counters.read_ends();
        Self { returned, panicked, cancelled: asyncs.map_or(0, AsyncCounters::read_cancelled) }
    }

    /// Ends and beginnings of one moment, for calls that end on the thread on which they began. A short function is called
    /// and left many times while all ends are read; then it would seem to be under way as often.
    fn read_with_starts(counters: &Counters) -> (Self, u64) {
        let mut ends = counters.read_ends();
        let mut starts = counters.read_starts();
        // PERF: two or three rounds where calls are 10 ns apart.
        for _ in 0..100 {
            let later = counters.read_ends();
            if later == ends {
                break;
            }
            (ends, starts) = (later, counters.read_starts());
        }
        (Self { returned: ends.0, panicked: ends.1, cancelled: 0 }, starts)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_is_called_and_left_while_others_are_read_is_not_under_way() {
        let counters = Counters::new();
        let ends = Ends::read(&counters, None);
        for _ in 0..10 {
            counters.start();
            counters.finish_returned();
        }
        counters.start();
        let mut tally = Tally::default();
        tally.add(&counters, None, ends, 0);
        assert_eq!((tally.starts, tally.active()), (11, 1));
        // Of those that may end on other threads only what is known to have begun.
        let mut tally = Tally::default();
        tally.add(&counters, Some(&AsyncCounters::new()), ends, 0);
        assert_eq!((tally.starts, tally.returned), (11, 0));
    }
}
