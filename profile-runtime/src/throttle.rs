//! Which calls are not all timed: those of functions whose calls are many and short, on threads that spend too much of their
//! time on being measured. Of them one in about [`PERIOD`] is timed, and the others are only counted. These read no clock;
//! their time goes to the innermost timed call around them, from where [`crate::estimate`] takes it back. Decided where elapsed
//! times are bucketed, by the thread that owns the counters.
//!
//! ```text
//! Timed --many calls, short ones, on a busy thread--> Sampled --the first call after a reset--> Timed
//! ```
//!
//! A reset ends it, so that what has changed (a cache that was warm and is cold) is measured again: that takes each thread
//! [`MANY`] timed calls of each such function, less than a millisecond. Counters are their own thread's to write, so a reset
//! touches none: they remember which reset they were throttled after, and a call looks whether that was the last one.
//!
//! Never throttled are futures, whose polls are few beside what they await, and the trees of single calls with a report of
//! their own, which are asked for because one call of many may be long.

use std::cell::Cell;

use crate::control;
use crate::counters::{Counters, add};
use crate::split::{Split, part};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Calls of a function by one thread that are always timed. NOTE: TAU waits for 100,000
/// (`TAU_THROTTLE_NUMCALLS`), since it stops measuring what it throttles.
pub(crate) const MANY: u64 = 2_000;

/// Calls are short when they take, on average, less than so many times what a timed call costs us.
const SHORT: u64 = 200;

/// A thread is measured too much while more than one part in so many of its time goes to that, by what a call costs at best:
/// between other code it is two to three times as much.
const PARTS: u64 = 20;

/// Of so many calls one is timed, about.
const PERIOD: u32 = 128;

/// What is kept for it beside the counters of a path, away from their hot line. Its thread writes.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// The reset that the next two are counted from.
    epoch: AtomicU32,
    /// Finished timed calls.
    calls: AtomicU64,
    /// Their elapsed ticks.
    ticks: AtomicU64,
    /// Of the calls begun, those that were only counted.
    counted: Split,
    /// Calls begun that were timed while others were not.
    samples: AtomicU64,
    /// Of the ticks in the path's own code, those of the samples.
    sampled: Split,
    /// The ticks in the path's own code when last looked at.
    seen: AtomicU64,
}

impl Throttle {
    /// Where in it `counted`, `samples` and `sampled` are, bytes. For whoever reads them in a file.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) const OFFSETS: [usize; 3] = [
        std::mem::offset_of!(Self, counted),
        std::mem::offset_of!(Self, samples),
        std::mem::offset_of!(Self, sampled),
    ];

    /// Says of another thread's counts what [`Throttle::read`] says, before these are copied.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) fn copy_from(&self, from: &Self) {
        self.counted.copy_from(&from.counted);
        self.samples.store(from.samples.load(Ordering::Relaxed), Ordering::Relaxed);
        self.sampled.copy_from(&from.sampled);
    }

    pub(crate) const fn new() -> Self {
        Self {
            epoch: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            counted: Split::new(),
            samples: AtomicU64::new(0),
            sampled: Split::new(),
            seen: AtomicU64::new(0),
        }
    }

    /// Notes a timed call.
    fn note(&self, ticks: u64, epoch: u32) {
        if self.epoch.load(Ordering::Relaxed) != epoch {
            self.epoch.store(epoch, Ordering::Relaxed);
            self.calls.store(0, Ordering::Relaxed);
            self.ticks.store(0, Ordering::Relaxed);
        }
        add(&self.calls, 1);
        add(&self.ticks, ticks);
    }

    /// True when the calls take less than `limit` ticks on average.
    fn is_short(&self, limit: u64) -> bool {
        self.ticks.load(Ordering::Relaxed) < self.calls.load(Ordering::Relaxed).saturating_mul(limit)
    }

    /// From now on few calls are timed; `starts` were begun, and took `busy` ticks of their own.
    pub(crate) fn begin(&self, starts: u64, busy: u64) {
        self.seen.store(busy, Ordering::Relaxed);
        self.sampled.begin(busy);
        self.counted.begin(starts);
    }

    /// From now on all calls are timed again.
    pub(crate) fn end(&self, starts: u64, busy: u64) {
        self.counted.end(starts);
        self.sampled.end(busy);
    }

    /// The next call is timed.
    pub(crate) fn sample(&self) {
        add(&self.samples, 1);
        self.counted.leave_out(1);
    }

    /// What was counted elsewhere is added to the calls begun and to the ticks: timed calls.
    pub(crate) fn absorb(&self, starts: u64, busy: u64) {
        self.counted.leave_out(starts);
        self.sampled.leave_out(busy);
    }

    /// Samples have ended, and the ticks are now `busy`. Those since the last look do not stand for other calls when they are
    /// more than `most`: then there was one among them that waited, or that the thread lost its processor in.
    fn look(&self, busy: u64, most: u64) {
        let since = busy.wrapping_sub(self.seen.load(Ordering::Relaxed));
        self.seen.store(busy, Ordering::Relaxed);
        if since > most {
            self.sampled.leave_out(since);
        }
    }

    /// For [`Readings`], before what they are parts of is read.
    pub(crate) fn read(&self) -> Readings {
        Readings {
            counted: self.counted.read(),
            samples: self.samples.load(Ordering::Relaxed),
            sampled: self.sampled.read(),
        }
    }
}

/// What a [`Throttle`] said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Readings {
    counted: u64,
    /// Calls begun that were timed while others were not.
    pub(crate) samples: u64,
    sampled: u64,
}

impl Readings {
    /// Of calls begun, those that were only counted.
    pub(crate) fn counted(&self, starts: u64) -> u64 {
        part(self.counted, starts)
    }

    /// Of ticks, those of the samples.
    pub(crate) fn sampled(&self, busy: u64) -> u64 {
        part(self.sampled, busy)
    }
}

/// Which of the calls of a thread that need not be timed are: one in about [`PERIOD`], at random, lest they fall in step with
/// what the program does.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// Calls until then.
    left: Cell<u32>,
    random: Cell<u32>,
}

impl Sampler {
    pub(crate) const fn new(seed: u32) -> Self {
        Self { left: Cell::new(PERIOD / 2), random: Cell::new(seed.wrapping_mul(0x9e37_79b9) | 1) }
    }

    /// True for a call that is to be timed.
    #[inline(always)]
    pub(crate) fn is_due(&self) -> bool {
        let left = self.left.get();
        if left > 0 {
            self.left.set(left - 1);
            return false;
        }
        self.draw();
        true
    }

    /// Marsaglia's xorshift (doi:10.18637/jss.v008.i14).
    #[cold]
    #[inline(never)]
    fn draw(&self) {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random.set(x);
        self.left.set(x % (2 * PERIOD - 1));
    }
}

/// The timed calls of a function on a thread.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// The reset that they are counted from.
    epoch: Cell<u32>,
    calls: Cell<u64>,
}

impl Calls {
    /// One more. True when there are many.
    fn note(&self, epoch: u32) -> bool {
        if self.epoch.replace(epoch) != epoch {
            self.calls.set(0);
        }
        self.calls.set(self.calls.get() + 1);
        self.calls.get() > MANY
    }
}

/// What counters say that were throttled after that reset: not 0, which says that they are not.
#[inline(always)]
pub(crate) fn tag(epoch: u32) -> u32 {
    epoch.wrapping_add(1).max(1)
}

/// Ticks that a timed call costs; 0 until [`calibrate`] has been called.
static COST: AtomicU64 = AtomicU64::new(0);

/// Decides about the calls that are bucketed in one go.
#[derive(Debug)]
pub(crate) struct Judge {
    epoch: u32,
    cost: u64,
    /// They took too much of the thread's time.
    is_dense: bool,
    /// There are many calls of some function, and what a call costs is not known yet.
    needs_cost: Cell<bool>,
}

impl Judge {
    /// Of `calls` on a thread on which `ticks` have passed meanwhile.
    pub(crate) fn new(calls: u64, ticks: u64) -> Self {
        let cost = COST.load(Ordering::Relaxed);
        let is_dense = calls.saturating_mul(cost).saturating_mul(PARTS) > ticks;
        Self { epoch: control::epoch(), cost, is_dense, needs_cost: Cell::new(false) }
    }

    /// A timed call on these counters took so many ticks.
    pub(crate) fn judge(&self, counters: &Counters, function: &Calls, ticks: u64) {
        let is_future = counters.async_index.load(Ordering::Relaxed) > 0;
        if is_future {
            return;
        }
        counters.throttle.note(ticks, self.epoch);
        let limit = self.cost.saturating_mul(SHORT);
        if !function.note(self.epoch) {
        } else if counters.counted_after() != 0 {
            counters.throttle.look(counters.read_busy(), limit.saturating_mul(u64::from(PERIOD)));
        } else if self.cost == 0 {
            self.needs_cost.set(true);
        } else if self.is_dense && counters.throttle.is_short(limit) {
            counters.count_only(self.epoch);
        }
    }

    /// [`calibrate`] is to be called once nothing is held.
    pub(crate) fn needs_cost(&self) -> bool {
        self.needs_cost.get()
    }
}

/// Measures what a call costs, if that was not done yet: some 0.1 ms, once for the process, and not before there are many
/// calls. NOTE: not from within [`crate::thread::Inside`]; see [`crate::calibrate`].
#[cold]
pub(crate) fn calibrate() {
    COST.store((crate::calibrate::costs().per_call as u64).max(1), Ordering::Relaxed);
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

        fn begin(&mut self, block: &Block, function: usize) {
            let mut path = self.open.last().map(|open| open.path.clone()).unwrap_or_default();
            path.push(function);
            let is_timed = !self.throttled.contains(&path) || block.sampler.left.get() == 0;
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
                block.sampler.left.set(below(8) as u32);
                let mut model = Model::default();
                for step in 0..120 {
                    model.pass(below(20) as u64);
                    match below(5) {
                        0 | 1 if step < 100 => model.begin(block, below(FUNCTIONS)),
                        2 => {
                            block.sampler.left.set(block.sampler.left.get().min(below(8) as u32));
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
        for seed in 1..=600 {
            let mut below = random(seed);
            let depth = [1, 2, 3, 5, 100][below(5)];
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
                    // Where recursion folds, calls of one path cannot be told apart that end in any order.
                    if open.is_empty() {
                        assert_eq!(block.current_path(), Some(ROOT), "seed {seed}, step {step}");
                    }
                }
                while !open.is_empty() {
                    drop(open.remove(below(open.len())));
                }
                assert_eq!(block.current_path(), Some(ROOT), "seed {seed}");
                assert!(block.is_charged(block.counters_of(ROOT)), "seed {seed}");
            });
        }
    }

    #[test]
    fn many_calls_are_those_since_the_reset() {
        let calls = Calls::default();
        for call in 1..=MANY {
            assert!(!calls.note(3), "call {call}");
        }
        assert!(calls.note(3) && !calls.note(4));
    }

    #[test]
    fn short_calls_are_so_on_average_since_the_reset() {
        let throttle = Throttle::new();
        (0..100).for_each(|_| throttle.note(7, 3));
        assert!(throttle.is_short(8) && !throttle.is_short(7));
        throttle.note(200, 3);
        assert!(!throttle.is_short(8) && throttle.is_short(9));
        throttle.note(1, 4);
        assert!(throttle.is_short(2));
    }

    #[test]
    fn calls_only_counted_and_the_ticks_of_samples_add_up_over_spells() {
        let throttle = Throttle::new();
        let read = |starts, busy| {
            let readings = throttle.read();
            (readings.counted(starts), readings.samples, readings.sampled(busy))
        };
        // 30 timed, in 500 ticks; 12 only counted; one sampled, in 9 ticks.
        throttle.begin(30, 500);
        assert_eq!(read(42, 500), (12, 0, 0));
        throttle.sample();
        assert_eq!(read(43, 509), (12, 1, 9));
        throttle.end(43, 509);
        // 5 timed, in 80 ticks; 1 only counted, one sampled.
        assert_eq!(read(48, 589), (12, 1, 9));
        throttle.begin(48, 589);
        throttle.sample();
        assert_eq!(read(50, 592), (13, 2, 12));
        // From the tree of a single call: all timed.
        throttle.absorb(100, 1_000);
        assert_eq!(read(150, 1_592), (13, 2, 12));
        // A sample that waited stands for no other.
        throttle.look(1_592, 5_000);
        throttle.sample();
        throttle.look(7_592, 5_000);
        assert_eq!(read(151, 7_592), (13, 3, 12));
        throttle.look(7_599, 5_000);
        assert_eq!(read(151, 7_599), (13, 3, 19));
        // Read before it had begun.
        assert_eq!(part(0, 99), 0);
    }

    #[test]
    fn samples_are_one_in_so_many_and_not_in_step() {
        let sampler = Sampler::new(1);
        let due: Vec<usize> = (0..1_000_000).filter(|_| sampler.is_due()).collect();
        let mean = 1e6 / due.len() as f64;
        assert!((mean / f64::from(PERIOD) - 1.0).abs() < 0.02, "{mean}");
        for step in 2..=9 {
            let mut at = vec![0; step];
            due.iter().for_each(|call| at[call % step] += 1);
            let even = due.len() as f64 / step as f64;
            assert!(at.iter().all(|&n| (f64::from(n) / even - 1.0).abs() < 0.1), "{step}: {at:?}");
        }
    }
}
