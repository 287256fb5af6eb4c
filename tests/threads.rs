//! A profile split by thread: each part holds what its thread did, and together they hold the whole.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};

use common::{enter, isolated, sites};
use profile_cost::{Counts, Profile};

/// Calls of each thread by name of thread and function.
fn calls(profile: &Profile) -> BTreeMap<(String, String), u64> {
    let mut calls = BTreeMap::new();
    for thread in profile.by_thread() {
        for (path, counts) in &thread.counts {
            let function = &profile.function(profile.path(*path).function).label.name;
            *calls.entry((thread.name.clone(), function.clone())).or_default() += counts.starts;
        }
    }
    calls
}

/// Sums of what adds up: starts, ends, busy time, polls.
fn sums<'a>(counts: impl Iterator<Item = &'a Counts>) -> [u64; 4] {
    counts.fold([0; 4], |sum, c| {
        let ends = c.returned + c.panicked + c.cancelled;
        [sum[0] + c.starts, sum[1] + ends, sum[2] + c.self_busy, sum[3] + c.polls]
    })
}

fn assert_parts_are_the_whole(profile: &Profile) {
    let parts = sums(profile.by_thread().iter().flat_map(|t| t.counts.iter().map(|(_, counts)| counts)));
    let whole = sums(profile.paths().iter().map(|path| &path.counts));
    assert_eq!((parts[0], parts[1], parts[3]), (whole[0], whole[1], whole[3]));
    // Each part's ticks are rounded to nanoseconds by themselves.
    let pairs = profile.by_thread().iter().map(|t| t.counts.len() as u64).sum::<u64>();
    assert!(parts[2].abs_diff(whole[2]) <= pairs, "{parts:?} {whole:?}");
}

#[test]
fn each_thread_has_what_it_did_and_a_reset_begins_anew() {
    isolated("each_thread_has_what_it_did_and_a_reset_begins_anew", || {
        profile_cost::enable();
        let sites = sites("f", 3);
        let work = |number: usize, calls: usize| {
            for _ in 0..calls {
                let _outer = enter(sites[number], || {});
                let _inner = enter(sites[2], || {});
            }
        };
        let (done, reset) = (Barrier::new(3), Barrier::new(3));
        std::thread::scope(|scope| {
            for number in [0, 1] {
                let (done, reset) = (&done, &reset);
                let body = move || {
                    work(number, 10 + number);
                    done.wait();
                    reset.wait();
                    work(number, 3);
                    done.wait();
                    reset.wait();
                };
                let thread = std::thread::Builder::new().name(format!("worker {number}"));
                thread.spawn_scoped(scope, body).expect("a thread");
            }
            done.wait();
            let first = profile_cost::snapshot_with_threads();
            profile_cost::reset();
            reset.wait();
            done.wait();
            let second = profile_cost::snapshot_with_threads();
            let without = profile_cost::snapshot();
            reset.wait();

            let must = |a: u64, b: u64| {
                [("worker 0", "f0", a), ("worker 0", "f2", a), ("worker 1", "f1", b), ("worker 1", "f2", b)]
                    .map(|(thread, function, calls)| ((thread.to_owned(), function.to_owned()), calls))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>()
            };
            assert_eq!(calls(&first), must(10, 11));
            assert_eq!(calls(&second), must(3, 3));
            assert_parts_are_the_whole(&first);
            assert_parts_are_the_whole(&second);
            assert!(without.by_thread().is_empty());
        });
    });
}

#[test]
fn a_future_that_moves_is_in_both_parts_and_its_suspension_in_none() {
    isolated("a_future_that_moves_is_in_both_parts_and_its_suspension_in_none", || {
        profile_cost::enable();
        let mut polls = 0;
        let mut future = Box::pin(measured!(
            "moves",
            std::future::poll_fn(move |_| {
                polls += 1;
                if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
            })
        ));
        for number in 0..3 {
            let thread = std::thread::Builder::new().name(format!("poller {number}"));
            future = std::thread::scope(|scope| {
                let body = || {
                    let _ = pin!(&mut future).as_mut().poll(&mut Context::from_waker(Waker::noop()));
                    future
                };
                thread.spawn_scoped(scope, body).expect("a thread").join().expect("no panic")
            });
        }
        let profile = profile_cost::snapshot_with_threads();
        // What the profiler measures of itself is nobody's event.
        assert_eq!(profile_cost::snapshot().notes.late_events, 0);
        // Threads that have ended hand their counters on, and so their part.
        assert_parts_are_the_whole(&profile);
        let moves = common::counts(&profile, "moves");
        assert_eq!((moves.starts, moves.returned, moves.polls), (1, 1, 3));
        assert!(moves.self_await > 0);
        assert!(profile.by_thread().iter().flat_map(|t| &t.counts).all(|(_, c)| c.self_await == 0));
    });
}
