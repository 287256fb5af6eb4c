//! Which calls are only counted: those on paths whose calls are many and short. They read no clock; their time goes to
//! the innermost timed call around them. Decided where elapsed times are bucketed, by the thread that owns the counters.
//!
//! ```text
//! Timed --many calls, all together too short--> Counted --the first call after a reset--> Timed
//! ```
//!
//! A reset ends it, so that what has changed (a cache that was warm and is cold) is measured again: that takes each thread
//! [`MANY`] timed calls of each such path, some milliseconds. Counters are their own thread's to write, so a reset touches
//! none: they remember which reset they were throttled after, and a call looks whether that was the last one.
//!
//! Never throttled are futures, whose polls are few beside what they await, and the trees of single calls with a report of
//! their own, which are asked for because one call of many may be long.

use std::cell::Cell;

use crate::control;
use crate::counters::{Counters, add};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Calls on a path by one thread that are always timed. NOTE: TAU's number (`TAU_THROTTLE_NUMCALLS`). So many calls cost
/// some 2 ms, which nobody notices; what is called less often is not worth a mark in the report.
pub(crate) const MANY: u64 = 100_000;

/// Calls are too short when they take, on average, less than so many times what a timed call costs us: then more than a
/// tenth of the time measured is our own. NOTE: TAU throttles below 10 us a call (`TAU_THROTTLE_PERCALL`), which leaves
/// out much that is worth seeing: a function of 5 us is hardly distorted by 20 ns.
pub(crate) const TIMES_OUR_COST: u64 = 10;

/// Marks [`Throttle::counted`] while calls are only counted.
const FLAG: u64 = 1 << 63;

/// What is kept for it beside the counters of a path, away from their hot line. Its thread writes.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// The reset that the next two are counted from.
    epoch: AtomicU32,
    /// Finished timed calls.
    calls: AtomicU64,
    /// Their elapsed ticks.
    ticks: AtomicU64,
    /// Calls begun that were only counted. While calls are, with [`FLAG`], the calls begun that were not: one word says it
    /// all, so that readers see no half of a change, and no call has to write it.
    counted: AtomicU64,
}

impl Throttle {
    pub(crate) const fn new() -> Self {
        Self {
            epoch: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            counted: AtomicU64::new(0),
        }
    }

    /// Notes a timed call. True when there are many of them.
    pub(crate) fn note(&self, ticks: u64, epoch: u32) -> bool {
        if self.epoch.load(Ordering::Relaxed) != epoch {
            self.epoch.store(epoch, Ordering::Relaxed);
            self.calls.store(0, Ordering::Relaxed);
            self.ticks.store(0, Ordering::Relaxed);
        }
        add(&self.calls, 1);
        add(&self.ticks, ticks);
        self.calls.load(Ordering::Relaxed) > MANY
    }

    /// True when the calls take less than `limit` ticks on average.
    pub(crate) fn is_short(&self, limit: u64) -> bool {
        self.ticks.load(Ordering::Relaxed) < self.calls.load(Ordering::Relaxed).saturating_mul(limit)
    }

    /// From now on calls are only counted; `starts` were begun.
    pub(crate) fn begin(&self, starts: u64) {
        let before = self.counted.load(Ordering::Relaxed);
        self.counted.store(FLAG | starts.wrapping_sub(before) & !FLAG, Ordering::Release);
    }

    /// From now on calls are timed again; `starts` were begun.
    pub(crate) fn end(&self, starts: u64) {
        self.counted.store(self.read_counted(starts), Ordering::Release);
    }

    /// So many timed calls, which were counted elsewhere, are added to those begun.
    pub(crate) fn absorb(&self, starts: u64) {
        let was = self.counted.load(Ordering::Relaxed);
        if was & FLAG != 0 {
            self.counted.store(was.wrapping_add(starts), Ordering::Release);
        }
    }

    /// Calls that were only counted, of `starts`, which are to be read after [`Throttle::read`].
    pub(crate) fn read_counted(&self, starts: u64) -> u64 {
        counted(self.read(), starts)
    }

    /// For [`counted`].
    pub(crate) fn read(&self) -> u64 {
        self.counted.load(Ordering::Acquire)
    }
}

/// Of calls begun, those that were only counted, by what [`Throttle::read`] said before they were read.
pub(crate) fn counted(read: u64, starts: u64) -> u64 {
    if read & FLAG == 0 { read.min(starts) } else { starts.saturating_sub(read & !FLAG) }
}

/// What counters say that were throttled after that reset: not 0, which says that they are not.
#[inline(always)]
pub(crate) fn tag(epoch: u32) -> u32 {
    epoch.wrapping_add(1).max(1)
}

/// Ticks that calls take on average at least if they are not too short; 0 until [`calibrate`] has been called.
static LIMIT: AtomicU64 = AtomicU64::new(0);

pub(crate) fn limit() -> Option<u64> {
    Some(LIMIT.load(Ordering::Relaxed)).filter(|limit| *limit > 0)
}

/// Decides about the calls that are bucketed in one go.
#[derive(Debug)]
pub(crate) struct Judge {
    epoch: u32,
    limit: Option<u64>,
    /// There are many calls on some path, and what a call costs is not known yet.
    needs_limit: Cell<bool>,
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self { epoch: control::epoch(), limit: limit(), needs_limit: Cell::new(false) }
    }

    /// A timed call on these counters took so many ticks.
    pub(crate) fn judge(&self, counters: &Counters, ticks: u64) {
        let is_future = counters.async_index.load(Ordering::Relaxed) > 0;
        if is_future || !counters.throttle.note(ticks, self.epoch) || counters.counted_after() != 0 {
            return;
        }
        match self.limit {
            Some(limit) if counters.throttle.is_short(limit) => counters.count_only(self.epoch),
            Some(_) => {}
            None => self.needs_limit.set(true),
        }
    }

    /// [`calibrate`] is to be called once nothing is held.
    pub(crate) fn needs_limit(&self) -> bool {
        self.needs_limit.get()
    }
}

/// Measures what a call costs, if that was not done yet: some 0.1 ms, once for the process, and not before there are many
/// calls. NOTE: not from within [`crate::thread::Inside`]; see [`crate::calibrate`].
#[cold]
pub(crate) fn calibrate() {
    let limit = crate::calibrate::costs().per_call * TIMES_OUR_COST as f64;
    LIMIT.store((limit as u64).max(1), Ordering::Relaxed);
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::block::Block;
    use crate::clock;
    use crate::disorder::tests::{self as world, Counted, FUNCTIONS, call, with_thread};
    use crate::engine::Engine;
    use crate::guard::Guard;
    use crate::paths::{Limits, ROOT};
    use crate::snapshot;

    struct Open {
        path: Vec<usize>,
        is_timed: bool,
        guard: Option<Guard>,
    }

    /// The naive way: time goes to the innermost open call that is timed.
    #[derive(Default)]
    struct Model {
        open: Vec<Open>,
        counted: Counted,
        throttled: BTreeSet<Vec<usize>>,
        untimed: u64,
        now: u64,
    }

    impl Model {
        fn pass(&mut self, ticks: u64) {
            self.now += ticks;
            clock::set_fake(Some(self.now));
            if let Some(open) = self.open.iter().rfind(|open| open.is_timed) {
                self.counted.get_mut(&open.path).expect("it has begun").0 += ticks;
            }
        }

        fn begin(&mut self, function: usize) {
            let mut path = self.open.last().map(|open| open.path.clone()).unwrap_or_default();
            path.push(function);
            let is_timed = !self.throttled.contains(&path);
            self.untimed += u64::from(!is_timed);
            self.counted.entry(path.clone()).or_default().1 += 1;
            self.open.push(Open { path, is_timed, guard: Some(call(function)) });
        }

        fn end(&mut self, at: usize) {
            let Open { path, guard, .. } = self.open.remove(at);
            drop(guard);
            self.counted.get_mut(&path).expect("it has begun").2 += 1;
        }
    }

    fn random(seed: u64) -> impl FnMut(usize) -> usize {
        let mut random = crate::testing::Random::of_seed(seed);
        move |limit| random.index(limit)
    }

    /// The path that the thread is on is throttled, or no more, or was before a reset.
    fn change(block: &Block, choice: usize) -> Option<bool> {
        let path = block.current_path().filter(|path| *path != ROOT)?;
        let counters = block.counters_of(path);
        if counters.counted_after() != 0 {
            counters.time_again();
        }
        match choice {
            0 => counters.count_only(control::epoch()),
            1 => counters.count_only(control::epoch().wrapping_add(1)),
            _ => {}
        }
        Some(choice == 0)
    }

    fn untimed(engine: &Engine, block: &'static Block, now: u64) -> u64 {
        snapshot::collect(engine, &[block], now, control::epoch()).iter().map(|tally| tally.untimed).sum()
    }

    #[test]
    fn time_goes_to_the_innermost_call_that_is_timed() {
        for seed in 1..=200 {
            let mut below = random(seed);
            with_thread(Limits { depth: 100, paths: 5_000 }, |engine, block| {
                let mut model = Model::default();
                for step in 0..120 {
                    model.pass(below(20) as u64);
                    match below(5) {
                        0 | 1 if step < 100 => model.begin(below(FUNCTIONS)),
                        2 => {
                            if let (Some(throttled), Some(open)) =
                                (change(block, below(4)), model.open.last())
                            {
                                let path = open.path.clone();
                                if throttled {
                                    model.throttled.insert(path)
                                } else {
                                    model.throttled.remove(&path)
                                };
                            }
                        }
                        _ if !model.open.is_empty() => model.end(model.open.len() - 1),
                        _ => {}
                    }
                    model.pass(below(20) as u64);
                    assert_eq!(
                        world::counted(engine, block, model.now),
                        model.counted,
                        "seed {seed}, step {step}"
                    );
                    assert_eq!(untimed(engine, block, model.now), model.untimed, "seed {seed}, step {step}");
                }
                while !model.open.is_empty() {
                    model.end(model.open.len() - 1);
                }
                model.pass(1_000);
                assert_eq!(world::counted(engine, block, model.now), model.counted, "seed {seed}");
                assert!(block.is_charged(block.counters_of(ROOT)), "seed {seed}");
            });
        }
    }

    #[test]
    fn in_any_order_and_folded_no_call_and_no_tick_is_lost() {
        for seed in 1..=300 {
            let mut below = random(seed);
            let depth = [3, 5, 100][below(3)];
            with_thread(Limits { depth, paths: 5_000 }, |engine, block| {
                let mut open: Vec<Guard> = Vec::new();
                let (mut starts, mut ends, mut now) = (0, 0, 0);
                let order = below(5);
                for step in 0..160 {
                    now += below(20) as u64;
                    clock::set_fake(Some(now));
                    match below(6) {
                        0..=2 if step < 130 => {
                            open.push(call(below(FUNCTIONS)));
                            starts += 1;
                        }
                        3 => {
                            change(block, below(3));
                        }
                        _ if !open.is_empty() => {
                            let last = open.len() - 1;
                            drop(open.remove(if below(4) < order { below(open.len()) } else { last }));
                            ends += 1;
                        }
                        _ => {}
                    }
                    now += below(20) as u64;
                    clock::set_fake(Some(now));
                    let tallies = snapshot::collect(engine, &[block], now, control::epoch());
                    let sum = tallies.iter().fold([0; 3], |sum, tally| {
                        [sum[0] + tally.starts, sum[1] + tally.returned, sum[2] + tally.busy]
                    });
                    assert_eq!(sum, [starts, ends, now], "seed {seed}, step {step}");
                }
                while !open.is_empty() {
                    drop(open.remove(below(open.len())));
                }
                // Where recursion folds, calls of one path cannot be told apart that end in any order.
                if depth == 100 {
                    assert_eq!(block.current_path(), Some(ROOT), "seed {seed}");
                    assert!(block.is_charged(block.counters_of(ROOT)), "seed {seed}");
                }
            });
        }
    }

    #[test]
    fn many_and_short_is_throttled_and_a_reset_begins_anew() {
        let throttle = Throttle::new();
        for call in 1..=MANY {
            assert!(!throttle.note(7, 3), "call {call}");
        }
        assert!(throttle.note(7, 3) && throttle.is_short(8) && !throttle.is_short(7));
        assert!(throttle.note(2 * MANY, 3) && !throttle.is_short(8) && throttle.is_short(9));
        assert!(!throttle.note(1, 4) && throttle.is_short(2));
        // 30 timed, 12 only counted, 5 timed, 1 only counted.
        throttle.begin(30);
        assert_eq!(throttle.read_counted(42), 12);
        throttle.end(42);
        assert_eq!(throttle.read_counted(47), 12);
        throttle.begin(47);
        // From the tree of a single call: all timed.
        throttle.absorb(100);
        assert_eq!(throttle.read_counted(148), 13);
        // Read before it had begun.
        assert_eq!(counted(0, 99), 0);
    }
}
