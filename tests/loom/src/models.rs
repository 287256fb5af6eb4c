//! One test a protocol: the model holds, and each weakness breaks it.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::counters::{AsyncCounters, Counters, Suspension};
use crate::position::{Position, StayReading};
use crate::ring::Ring;
use crate::sync::Weakness::{self, *};
use crate::sync::{plant, planted};

/// Explores `model`, with at most three preemptions.
fn explore(model: fn()) {
    let runs = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = runs.clone();
    let model = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    };
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
    // One run would mean that nothing was explored.
    let runs = runs.load(Ordering::Relaxed);
    let _ = writeln!(std::io::stderr(), "{runs} runs");
    assert!(runs > 20, "{runs} runs");
}

fn holds_and_notices(model: fn(), weaknesses: &[Weakness]) {
    explore(model);
    let mut missed = Vec::new();
    for &weakness in weaknesses {
        plant(Some(weakness));
        let ended = catch_unwind(AssertUnwindSafe(|| explore(model)));
        plant(None);
        match ended {
            Ok(()) => missed.push(weakness),
            Err(panic) => {
                let found = panic.downcast_ref::<String>().map_or("(no text)", String::as_str);
                let _ = writeln!(std::io::stderr(), "{weakness:?}: {found}");
            }
        }
    }
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}

/// A future begins on one thread and ends on another, which got it from the first.
#[test]
fn a_snapshot_never_has_more_ends_than_beginnings() {
    fn model() {
        let blocks = Arc::new([Counters::new(), Counters::new()]);
        let handed_over = Arc::new(AtomicBool::new(false));
        let first = thread::spawn({
            let (blocks, handed_over) = (blocks.clone(), handed_over.clone());
            move || {
                blocks[0].start();
                blocks[0].start();
                blocks[0].finish_panicked();
                handed_over.store(true, Ordering::Release);
            }
        });
        let second = thread::spawn({
            let blocks = blocks.clone();
            move || {
                if handed_over.load(Ordering::Acquire) {
                    blocks[1].finish_returned();
                }
            }
        });
        let ends = || blocks.iter().map(|counters| counters.read_ends()).map(|(a, b)| a + b).sum::<u64>();
        let starts = || blocks.iter().map(Counters::read_starts).sum::<u64>();
        let (ends, starts) = if planted(OtherOrder) {
            let starts = starts();
            (ends(), starts)
        } else {
            // As `snapshot::collect`: all ends before the first start.
            (ends(), starts())
        };
        assert!(ends <= starts, "{ends} of {starts}");
        first.join().unwrap();
        second.join().unwrap();
    }
    holds_and_notices(model, &[RelaxedStores, RelaxedLoads, OtherOrder]);
}

#[test]
fn suspended_time_is_read_as_it_was_at_one_moment() {
    fn model() {
        let counters = Arc::new(AsyncCounters::new());
        let owner = thread::spawn({
            let counters = counters.clone();
            move || {
                counters.suspend(10);
                counters.resume(10, 5);
            }
        });
        let moments = [(0, 0), (0u64.wrapping_sub(10), 1), (5, 0)];
        if let Some(Suspension { balance, suspended, .. }) = counters.try_read() {
            assert!(moments.contains(&(balance, suspended)), "{balance} {suspended}");
        }
        owner.join().unwrap();
        assert_eq!(counters.try_read(), Some(Suspension { balance: 5, suspended: 0, ..Default::default() }));
    }
    holds_and_notices(model, &[RelaxedStores, RelaxedLoads, NoReleaseFence, NoAcquireFence, NeverOdd]);
}

#[test]
fn each_elapsed_time_is_read_once_while_it_moves_to_its_histogram() {
    const CALLS: u64 = 3;
    fn model() {
        let ring = Arc::new(Ring::new());
        let buckets: Arc<[_; CALLS as usize]> =
            Arc::new(std::array::from_fn(|_| crate::sync::atomic::AtomicU64::new(0)));
        let owner = thread::spawn({
            let (ring, buckets) = (ring.clone(), buckets.clone());
            move || {
                for call in 0..CALLS {
                    if ring.push(0, call) {
                        ring.drain(|_, ticks| crate::counters::add(&buckets[ticks as usize], 1));
                    }
                }
            }
        });
        let read = || {
            let histogram =
                || (0..).zip(buckets.iter()).map(|(i, n)| (i, n.load(Ordering::Relaxed))).collect();
            let mut calls = [0; CALLS as usize];
            for (bucket, count) in ring.read_with(|whose| whose == 0, histogram) {
                calls[bucket] += count;
            }
            // Those before the moment of reading, once each.
            let seen = calls.iter().sum::<u64>() as usize;
            assert!(calls.iter().enumerate().all(|(i, &n)| n == u64::from(i < seen)), "{calls:?}");
            seen
        };
        let before = read();
        owner.join().unwrap();
        assert!(before <= CALLS as usize);
        assert_eq!(read(), CALLS as usize);
    }
    holds_and_notices(model, &[RelaxedStores, RelaxedLoads, NoReleaseFence, NoAcquireFence]);
}

/// Reads a thread's position while it makes `switches` between root (0) and call (1), at ticks; it begins
/// on the call at tick 10. `moments` are path, self time before, and beginning of each stay.
fn read_while_switching<const N: usize>(switches: [(usize, u64); N], moments: &[(u32, u64, u64)]) {
    // NOTE: what a position points to lives for ever; here, as long as the model.
    let place = Box::new((Position::nowhere(), [Counters::new(), Counters::new()]));
    let place: &'static (Position, [Counters; 2]) = Box::leak(place);
    let (position, paths) = place;
    paths[1].path.store(1, Ordering::Relaxed);
    position.set(&paths[1], 10);
    let owner = thread::spawn(move || {
        for (path, now) in switches {
            assert!(position.switch(position.current(), &paths[path], now));
        }
    });
    let reading = |(path, before, since): (u32, u64, u64)| StayReading {
        counters: &raw const paths[path as usize],
        before,
        ticks: 100 - since,
    };
    if let Some(seen) = position.read(100) {
        assert!(moments.iter().any(|&moment| seen == reading(moment)), "{seen:?}");
    }
    owner.join().unwrap();
    assert_eq!(position.read(100), moments.last().copied().map(reading));
    // SAFETY: the owner has ended, and nothing else has the reference.
    drop(unsafe { Box::from_raw(std::ptr::from_ref(place).cast_mut()) });
}

#[test]
fn a_position_is_read_as_it_was_at_one_moment_when_the_thread_leaves_and_comes_back() {
    fn model() {
        read_while_switching([(0, 30), (1, 35)], &[(1, 0, 10), (0, 0, 30), (1, 20, 35)]);
    }
    holds_and_notices(model, &[RelaxedStores, RelaxedLoads, NoReleaseFence, NoAcquireFence, NeverNull]);
}

#[test]
fn a_position_is_read_as_it_was_at_one_moment_when_recursion_folds() {
    fn model() {
        read_while_switching([(1, 30), (1, 35)], &[(1, 0, 10), (1, 20, 30), (1, 25, 35)]);
    }
    holds_and_notices(model, &[RelaxedStores, RelaxedLoads, NoReleaseFence, NoAcquireFence, NeverNull]);
}
