//! What one thread counts on one path. A single thread writes, any thread reads, nobody locks: no
//! read-modify-write anywhere. Ticks come in as arguments.

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
#[cfg(feature = "throttle")]
use crate::throttle::{self, Throttle};

/// Adds to a counter that only the calling thread writes.
#[inline(always)]
pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

/// The counters of one (thread, path): one cache line, and with the feature `throttle` another that calls do not touch.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Counters {
    /// The path; set once, before the counters are published.
    pub(crate) path: AtomicU32,
    /// Index of the function's histogram in the block; set once.
    #[cfg(not(feature = "throttle"))]
    pub(crate) histogram: AtomicU32,
    /// Index of these counters in the block; set once.
    #[cfg(feature = "throttle")]
    pub(crate) index: AtomicU32,
    /// Index + 1 of the [`AsyncCounters`] in the block; 0 while the path was never polled.
    pub(crate) async_index: AtomicU32,
    /// The [`throttle::tag`] of the reset after which calls came to be only counted; 0 while all are timed.
    #[cfg(feature = "throttle")]
    counted_after: AtomicU32,
    /// Calls begun; +1 at entry or first poll.
    starts: AtomicU64,
    /// Calls begun that belong deeper but fold into this path; +1 with `starts`.
    folded: AtomicU64,
    /// Calls ended by return; +1 at exit.
    returned: AtomicU64,
    /// Calls ended by unwinding; +1 at exit.
    panicked: AtomicU64,
    /// Ticks in the path's own code; grows when the thread switches away from it.
    self_busy: AtomicU64,
    /// Tick at which the newest call that is no future's began; set at entry.
    began: AtomicU64,
    #[cfg(feature = "throttle")]
    pub(crate) throttle: Throttle,
    /// Index of the function's histogram in the block; set once.
    #[cfg(feature = "throttle")]
    pub(crate) histogram: AtomicU32,
}

/// Counters of that path, all zero. (loom's atomics are made by functions that are not `const`.)
macro_rules! counters {
    ($path:expr) => {
        Counters {
            path: AtomicU32::new($path),
            histogram: AtomicU32::new(0),
            async_index: AtomicU32::new(0),
            #[cfg(feature = "throttle")]
            index: AtomicU32::new(0),
            #[cfg(feature = "throttle")]
            counted_after: AtomicU32::new(0),
            #[cfg(feature = "throttle")]
            throttle: Throttle::new(),
            starts: AtomicU64::new(0),
            folded: AtomicU64::new(0),
            returned: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            self_busy: AtomicU64::new(0),
            began: AtomicU64::new(0),
        }
    };
}

/// Where in [`Counters`] what is, bytes: their size, `path`, `async_index`, `starts`, `folded`, `returned`, `panicked`,
/// `self_busy`, `began`; then, of calls that are only counted, [`Throttle::OFFSETS`], or zeros. For whoever reads them in a file.
#[cfg(all(feature = "recorder", unix))]
pub(crate) const OFFSETS: [usize; 12] = [
    size_of::<Counters>(),
    std::mem::offset_of!(Counters, path),
    std::mem::offset_of!(Counters, async_index),
    std::mem::offset_of!(Counters, starts),
    std::mem::offset_of!(Counters, folded),
    std::mem::offset_of!(Counters, returned),
    std::mem::offset_of!(Counters, panicked),
    std::mem::offset_of!(Counters, self_busy),
    std::mem::offset_of!(Counters, began),
    THROTTLE[0],
    THROTTLE[1],
    THROTTLE[2],
];

#[cfg(all(feature = "recorder", unix, feature = "throttle"))]
const THROTTLE: [usize; 3] = {
    let at = std::mem::offset_of!(Counters, throttle);
    let [counted, samples, sampled] = Throttle::OFFSETS;
    [at + counted, at + samples, at + sampled]
};
#[cfg(all(feature = "recorder", unix, not(feature = "throttle")))]
const THROTTLE: [usize; 3] = [0; 3];

/// The same in [`AsyncCounters`]: size, `sequence`, `balance`, `suspended`, `open`, `begun`, `polls`, `longest_poll`,
/// `cancelled`.
#[cfg(all(feature = "recorder", unix))]
pub(crate) const ASYNC_OFFSETS: [usize; 9] = [
    size_of::<AsyncCounters>(),
    std::mem::offset_of!(AsyncCounters, sequence),
    std::mem::offset_of!(AsyncCounters, balance),
    std::mem::offset_of!(AsyncCounters, suspended),
    std::mem::offset_of!(AsyncCounters, open),
    std::mem::offset_of!(AsyncCounters, begun),
    std::mem::offset_of!(AsyncCounters, polls),
    std::mem::offset_of!(AsyncCounters, longest_poll),
    std::mem::offset_of!(AsyncCounters, cancelled),
];

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Returned,
    Panicked,
    /// The future was dropped before it was ready.
    Cancelled,
}

impl Counters {
    pub(crate) fn new() -> Self {
        counters!(0)
    }

    /// Counters of no path, which nothing is counted on: where a thread is before its first event.
    #[cfg(not(loom))]
    pub(crate) const fn nowhere() -> Self {
        counters!(u32::MAX)
    }

    #[inline(always)]
    pub(crate) fn start(&self) {
        add(&self.starts, 1);
    }

    pub(crate) fn fold(&self) {
        add(&self.folded, 1);
    }

    /// A call that is no future's begins at tick `now`.
    #[inline(always)]
    pub(crate) fn begin(&self, now: u64) {
        self.began.store(now, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(crate) fn charge(&self, ticks: u64) {
        add(&self.self_busy, ticks);
    }

    /// NOTE: Release, and read with Acquire before `starts`: whoever sees an end sees its beginning, so
    /// that no snapshot has more ends than beginnings.
    #[inline(always)]
    pub(crate) fn finish_returned(&self) {
        self.returned.store(self.returned.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    pub(crate) fn finish_panicked(&self) {
        self.panicked.store(self.panicked.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// What stands for these counters in the ring of elapsed times.
    #[cfg(not(loom))]
    #[inline(always)]
    pub(crate) fn in_ring(&self) -> u32 {
        #[cfg(feature = "throttle")]
        let of = &self.index;
        #[cfg(not(feature = "throttle"))]
        let of = &self.histogram;
        of.load(Ordering::Relaxed)
    }

    /// True while a call is open that this thread began, none of them a future's that was dropped.
    #[cfg(not(loom))]
    pub(crate) fn is_active(&self) -> bool {
        let (returned, panicked) = self.read_ends();
        self.read_starts() != returned.wrapping_add(panicked)
    }

    /// Returned and panicked calls. To be read before [`Counters::read_starts`].
    pub(crate) fn read_ends(&self) -> (u64, u64) {
        (self.returned.load(Ordering::Acquire), self.panicked.load(Ordering::Acquire))
    }

    pub(crate) fn read_starts(&self) -> u64 {
        self.starts.load(Ordering::Acquire)
    }

    pub(crate) fn read_folded(&self) -> u64 {
        self.folded.load(Ordering::Relaxed)
    }

    /// When the newest call that is no future's began; means nothing where none ever did.
    #[cfg(not(loom))]
    pub(crate) fn read_began(&self) -> u64 {
        self.began.load(Ordering::Relaxed)
    }

    pub(crate) fn read_busy(&self) -> u64 {
        self.self_busy.load(Ordering::Relaxed)
    }

    /// Becomes what another thread has counted in `from` by now. Ends are read before beginnings and written after them, so
    /// that never more of them are to be seen.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) fn copy_from(&self, from: &Self) {
        let (returned, panicked) = from.read_ends();
        self.path.store(from.path.load(Ordering::Relaxed), Ordering::Relaxed);
        self.async_index.store(from.async_index.load(Ordering::Relaxed), Ordering::Relaxed);
        self.began.store(from.read_began(), Ordering::Relaxed);
        #[cfg(feature = "throttle")]
        self.throttle.copy_from(&from.throttle);
        self.self_busy.store(from.read_busy(), Ordering::Relaxed);
        self.starts.store(from.read_starts(), Ordering::Relaxed);
        self.folded.store(from.read_folded(), Ordering::Relaxed);
        self.returned.store(returned, Ordering::Release);
        self.panicked.store(panicked, Ordering::Release);
    }

    /// Takes over what was counted elsewhere (the tree of a per-call report, when it ends).
    pub(crate) fn absorb(&self, starts: u64, folded: u64, returned: u64, panicked: u64, self_busy: u64) {
        // NOTE: those trees are never throttled.
        #[cfg(feature = "throttle")]
        self.throttle.absorb(starts, self_busy);
        add(&self.starts, starts);
        add(&self.folded, folded);
        add(&self.self_busy, self_busy);
        self.returned.store(self.returned.load(Ordering::Relaxed).wrapping_add(returned), Ordering::Release);
        self.panicked.store(self.panicked.load(Ordering::Relaxed).wrapping_add(panicked), Ordering::Release);
    }
}

/// Calls that are only counted; see [`crate::throttle`]. For the owner, but for readings.
#[cfg(feature = "throttle")]
impl Counters {
    /// 0 while all calls are timed, and the [`throttle::tag`] of this reset while most are only counted.
    #[inline(always)]
    pub(crate) fn counted_after(&self) -> u32 {
        self.counted_after.load(Ordering::Relaxed)
    }

    /// True when calls are only counted since that reset.
    pub(crate) fn is_counted_only(&self, epoch: u32) -> bool {
        self.counted_after() == throttle::tag(epoch)
    }

    /// Calls from now on are only counted, but for samples.
    pub(crate) fn count_only(&self, epoch: u32) {
        if self.counted_after() == 0 {
            self.throttle.begin(self.starts.load(Ordering::Relaxed), self.read_busy());
            self.counted_after.store(throttle::tag(epoch), Ordering::Relaxed);
        }
    }

    /// There was a reset since calls came to be only counted: they are timed again.
    pub(crate) fn time_again(&self) {
        self.throttle.end(self.starts.load(Ordering::Relaxed), self.read_busy());
        self.counted_after.store(0, Ordering::Relaxed);
    }
}

/// What only futures have, for one (thread, path).
///
/// Suspended time is kept as a balance, so that a future may be suspended on one thread and resumed on
/// another: at a suspension at tick t, `balance -= t` and `suspended += 1`; at the resumption at tick u,
/// `balance += u` and `suspended -= 1` (all wrapping). Over all threads, suspended time up to now is
/// `balance + suspended * now`.
///
/// The ages of open calls are kept so too: `open` of them are together `open * now - begun` ticks old.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct AsyncCounters {
    /// Odd while `balance`, `suspended`, `open` and `begun` are being changed.
    sequence: AtomicU32,
    /// The reset during which `longest_poll` was taken.
    epoch: AtomicU32,
    balance: AtomicU64,
    suspended: AtomicU64,
    /// Calls that began here less those that ended here, wherever they began.
    open: AtomicU64,
    /// The sum of the ticks at which they began, of the latter taken off.
    begun: AtomicU64,
    /// Polls; +1 when a poll ends.
    polls: AtomicU64,
    /// Ticks of the longest poll since the last reset, callees included.
    longest_poll: AtomicU64,
    /// Calls ended by dropping the future; +1 in its drop.
    cancelled: AtomicU64,
}

/// A consistent reading of the suspended time of one (thread, path), and of the ages of its open calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Suspension {
    pub(crate) balance: u64,
    pub(crate) suspended: u64,
    pub(crate) open: u64,
    pub(crate) begun: u64,
}

impl Suspension {
    pub(crate) fn add(&mut self, other: Self) {
        self.balance = self.balance.wrapping_add(other.balance);
        self.suspended = self.suspended.wrapping_add(other.suspended);
        self.open = self.open.wrapping_add(other.open);
        self.begun = self.begun.wrapping_add(other.begun);
    }
}

impl AsyncCounters {
    pub(crate) fn new() -> Self {
        Self {
            sequence: AtomicU32::new(0),
            epoch: AtomicU32::new(0),
            balance: AtomicU64::new(0),
            suspended: AtomicU64::new(0),
            open: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            polls: AtomicU64::new(0),
            longest_poll: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
        }
    }

    #[inline(always)]
    fn change(&self, (first, by): (&AtomicU64, u64), (second, and_by): (&AtomicU64, u64)) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
        // NOTE: keeps the two stores below behind the odd sequence number.
        fence(Ordering::Release);
        add(first, by);
        add(second, and_by);
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }

    #[inline(always)]
    fn shift(&self, balance: u64, suspended: u64) {
        self.change((&self.balance, balance), (&self.suspended, suspended));
    }

    /// A call begins at tick `now`: its first poll.
    #[inline(always)]
    pub(crate) fn begin(&self, now: u64) {
        self.change((&self.open, 1), (&self.begun, now));
    }

    /// A call ends that began at tick `start`.
    #[inline(always)]
    pub(crate) fn end(&self, start: u64) {
        self.change((&self.open, u64::MAX), (&self.begun, 0u64.wrapping_sub(start)));
    }

    /// The future returned `Pending` at tick `at`.
    #[inline(always)]
    pub(crate) fn suspend(&self, at: u64) {
        self.shift(0u64.wrapping_sub(at), 1);
    }

    /// A future suspended at tick `from` goes on; `ticks` of that time were spent suspended.
    #[inline(always)]
    pub(crate) fn resume(&self, from: u64, ticks: u64) {
        self.shift(from.wrapping_add(ticks), u64::MAX);
    }

    /// Takes over what was counted elsewhere (the tree of a per-call report, when it ends).
    pub(crate) fn absorb(&self, awaited: u64, polls: u64, longest: u64, cancelled: u64, epoch: u32) {
        self.shift(awaited, 0);
        if polls > 0 {
            self.polled(longest, epoch);
            add(&self.polls, polls - 1);
        }
        self.cancelled
            .store(self.cancelled.load(Ordering::Relaxed).wrapping_add(cancelled), Ordering::Release);
    }

    #[inline(always)]
    pub(crate) fn polled(&self, ticks: u64, epoch: u32) {
        add(&self.polls, 1);
        if self.epoch.load(Ordering::Relaxed) != epoch {
            self.epoch.store(epoch, Ordering::Relaxed);
            self.longest_poll.store(ticks, Ordering::Relaxed);
        } else if ticks > self.longest_poll.load(Ordering::Relaxed) {
            self.longest_poll.store(ticks, Ordering::Relaxed);
        }
    }

    pub(crate) fn finish_cancelled(&self) {
        self.cancelled.store(self.cancelled.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    pub(crate) fn read_cancelled(&self) -> u64 {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(crate) fn read_polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    pub(crate) fn read_longest(&self, epoch: u32) -> u64 {
        if self.epoch.load(Ordering::Relaxed) == epoch {
            self.longest_poll.load(Ordering::Relaxed)
        } else {
            0
        }
    }

    /// Forgets the longest poll. Only while no future of the path is alive.
    pub(crate) fn clear_longest(&self) {
        self.longest_poll.store(0, Ordering::Relaxed);
    }

    /// Becomes what another thread has counted in `from` by now, if that is to be had.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) fn copy_from(&self, from: &Self) {
        let cancelled = from.read_cancelled();
        let Some(read) = (0..1_000).find_map(|_| from.try_read()) else { return };
        let sequence = self.sequence.load(Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.balance.store(read.balance, Ordering::Relaxed);
        self.suspended.store(read.suspended, Ordering::Relaxed);
        self.open.store(read.open, Ordering::Relaxed);
        self.begun.store(read.begun, Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
        self.polls.store(from.read_polls(), Ordering::Relaxed);
        self.longest_poll.store(from.longest_poll.load(Ordering::Relaxed), Ordering::Relaxed);
        self.cancelled.store(cancelled, Ordering::Release);
    }

    /// `None` while the owner is in the middle of a change.
    pub(crate) fn try_read(&self) -> Option<Suspension> {
        let before = self.sequence.load(Ordering::Acquire);
        let balance = self.balance.load(Ordering::Relaxed);
        let suspended = self.suspended.load(Ordering::Relaxed);
        let open = self.open.load(Ordering::Relaxed);
        let begun = self.begun.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let after = self.sequence.load(Ordering::Relaxed);
        (before == after && before.is_multiple_of(2)).then_some(Suspension {
            balance,
            suspended,
            open,
            begun,
        })
    }
}
