//! What happens when things go wrong inside the program or the profiler: counts stay right, and nothing
//! aborts the host. Each scenario in a process of its own.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

mod common;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use std::future::Future as _;

use common::{again, counts, enter, is_child, isolated, sites, text, total};
use profile_cost::scope;
use profile_cost_runtime::private::{Report, Site, enter_report};
use profile_cost_runtime::testing::World;

#[test]
fn a_million_panics_leave_the_stack_balanced() {
    isolated("a_million_panics_leave_the_stack_balanced", || {
        profile_cost::enable();
        std::panic::set_hook(Box::new(|_| ()));
        for _ in 0..1_000_000 {
            let caught = catch_unwind(|| {
                scope!("outer");
                scope!("inner");
                std::panic::resume_unwind(Box::new(()));
            });
            assert!(caught.is_err());
        }
        // No call around it, whose end would set right where the thread is.
        let caught = catch_unwind(|| {
            scope!("alone");
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(caught.is_err());
        {
            scope!("after");
        }
        let profile = profile_cost::snapshot();
        for name in ["outer", "inner"] {
            let counts = counts(&profile, name);
            assert_eq!(
                (counts.starts, counts.panicked, counts.returned),
                (1_000_000, 1_000_000, 0),
                "{name}"
            );
        }
        let after = profile.paths().iter().find(|path| profile.function(path.function).label.name == "after");
        assert_eq!(after.map(|path| path.parent), Some(None), "the thread is back at the root");
        assert_eq!(profile.paths().len(), 4);
    });
}

#[test]
fn a_destructor_that_is_called_while_unwinding_and_returns_counts_as_returned() {
    struct Cleans;
    impl Drop for Cleans {
        fn drop(&mut self) {
            scope!("cleans");
            scope!("cleans deeper");
        }
    }
    isolated("a_destructor_that_is_called_while_unwinding_and_returns_counts_as_returned", || {
        profile_cost::enable();
        for _ in 0..1_000 {
            let _ = catch_unwind(|| {
                scope!("fails");
                let _cleans = Cleans;
                std::panic::resume_unwind(Box::new(()));
            });
        }
        let profile = profile_cost::snapshot();
        for (name, returned, panicked) in
            [("fails", 0, 1_000), ("cleans", 1_000, 0), ("cleans deeper", 1_000, 0)]
        {
            let counts = counts(&profile, name);
            assert_eq!(
                (counts.returned, counts.panicked, counts.active()),
                (returned, panicked, 0),
                "{name}"
            );
        }
    });
}

#[test]
fn a_million_calls_deep() {
    fn deeper(left: u32) {
        scope!("deeper");
        if left > 1 {
            deeper(left - 1);
        }
    }
    fn ping(left: u32) {
        scope!("ping");
        if left > 1 {
            pong(left - 1);
        }
    }
    fn pong(left: u32) {
        scope!("pong");
        if left > 1 {
            ping(left - 1);
        }
    }
    isolated("a_million_calls_deep", || {
        profile_cost::enable();
        let deep = || {
            deeper(1_000_000);
            ping(1_000_000);
        };
        let thread = std::thread::Builder::new().stack_size(2 << 30).spawn(deep).expect("a large stack");
        thread.join().expect("no panic");
        let profile = profile_cost::snapshot();
        for (name, calls) in [("deeper", 1_000_000), ("ping", 500_000), ("pong", 500_000)] {
            let counts = counts(&profile, name);
            assert_eq!((counts.starts, counts.returned, counts.active()), (calls, calls, 0), "{name}");
        }
        assert!(profile.paths().len() <= 210, "{}", profile.paths().len());
        assert_eq!(profile.notes.truncated_calls, 0);
    });
}

#[test]
fn ten_million_distinct_paths() {
    fn spread(functions: &[&'static Site], depth: u32) -> u64 {
        let mut calls = 0;
        for function in functions {
            let _call = enter(function, || {});
            calls += 1;
            if depth > 1 {
                calls += spread(functions, depth - 1);
            }
        }
        calls
    }
    isolated("ten_million_distinct_paths", || {
        profile_cost::enable();
        let calls = spread(&sites("f", 10), 7);
        assert_eq!(calls, 11_111_110);
        let profile = profile_cost::snapshot();
        let all = total(&profile);
        assert_eq!((all.starts, all.returned, all.active()), (calls, calls, 0));
        println!("# {} paths, {} calls truncated", profile.paths().len(), profile.notes.truncated_calls);
        assert!(profile.paths().len() <= 2 * 65_536 + 1, "{}", profile.paths().len());
        assert_eq!(profile.notes.truncated_calls, counts(&profile, "[truncated]").starts);
        assert!(profile.notes.truncated_calls > 10_000_000);
    });
}

#[test]
fn a_clock_that_goes_backwards_is_clamped_and_counted() {
    let world = World::new(100, 100);
    let (f, g) = (world.function("t.rs", 1, "f"), world.function("t.rs", 2, "g"));
    let thread = world.thread();
    thread.enter(f, 100);
    thread.enter(g, 150);
    thread.exit(120);
    thread.exit(170);
    let profile = world.thread_profile(&thread, 200);
    let (f, g) = (counts(&profile, "f"), counts(&profile, "g"));
    // 50 before g, and from 120, the clock's new start, to 170.
    assert_eq!((f.self_busy, g.self_busy), (100, 0));
    assert_eq!((f.returned, g.returned), (1, 1));
    assert_eq!(profile.notes.clock_backsteps, 1);
}

#[test]
fn thread_local_destructors_may_call_annotated_functions() {
    struct Late(&'static str);
    impl Drop for Late {
        fn drop(&mut self) {
            scope!("late");
            assert!(!self.0.is_empty());
        }
    }
    // One is destroyed before the profiler's own thread-local, one after it: the order is that of first
    // use, or its reverse.
    thread_local! {
        static BEFORE: RefCell<Option<Late>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    isolated("thread_local_destructors_may_call_annotated_functions", || {
        profile_cost::enable();
        for _ in 0..100 {
            let thread = std::thread::spawn(|| {
                BEFORE.with_borrow_mut(|slot| *slot = Some(Late("before")));
                {
                    scope!("work");
                }
                AFTER.with_borrow_mut(|slot| *slot = Some(Late("after")));
            });
            thread.join().expect("nothing aborts");
        }
        // A thread whose only calls come late.
        std::thread::spawn(|| BEFORE.with_borrow_mut(|slot| *slot = Some(Late("only"))))
            .join()
            .expect("no panic");
        let profile = profile_cost::snapshot();
        let late = counts(&profile, "late");
        println!("# {} recorded, {} late", late.starts, profile.notes.late_events);
        assert_eq!(counts(&profile, "work").returned, 100);
        assert_eq!(late.starts + profile.notes.late_events, 201);
        assert_eq!((late.returned, late.active()), (late.starts, 0));
        assert!(profile.notes.late_events >= 100);
    });
}

#[test]
fn reset_under_open_calls() {
    isolated("reset_under_open_calls", || {
        profile_cost::enable();
        for _ in 0..100 {
            scope!("outer");
            {
                scope!("inner");
                profile_cost::reset();
                let profile = profile_cost::snapshot();
                for name in ["outer", "inner"] {
                    let counts = counts(&profile, name);
                    assert_eq!((counts.starts, counts.active()), (1, 1), "{name}");
                }
            }
            let profile = profile_cost::snapshot();
            assert_eq!(counts(&profile, "inner").returned, 1);
            assert_eq!(counts(&profile, "outer").active(), 1);
        }
        profile_cost::reset();
        assert_eq!(total(&profile_cost::snapshot()).starts, 0);
    });
}

#[test]
fn switching_off_and_on_under_open_calls() {
    isolated("switching_off_and_on_under_open_calls", || {
        profile_cost::enable();
        {
            scope!("begun while on");
            profile_cost::disable();
            {
                scope!("begun while off");
                profile_cost::enable();
                scope!("below what is not recorded");
            }
            profile_cost::disable();
        }
        profile_cost::enable();
        let profile = profile_cost::snapshot();
        assert_eq!(counts(&profile, "begun while on").returned, 1);
        assert_eq!(counts(&profile, "begun while off").starts, 0);
        let below = counts(&profile, "below what is not recorded");
        assert_eq!((below.starts, below.returned), (1, 1));
        assert_eq!(total(&profile).active(), 0);
    });
}

#[test]
fn calls_that_end_out_of_order() {
    isolated("calls_that_end_out_of_order", || {
        profile_cost::enable();
        let sites = sites("f", 3);
        // In every order, the guards' own included.
        for order in [[0, 2, 1], [0, 1, 2], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            for _ in 0..1_000 {
                let mut open = [0, 1, 2].map(|at| Some(enter(sites[at], || {})));
                for at in order {
                    open[at] = None;
                    // Where the thread is: in the innermost call that is open.
                    scope!("here");
                }
            }
        }
        {
            scope!("after");
        }
        let profile = profile_cost::snapshot();
        for name in ["f0", "f1", "f2"] {
            let counts = counts(&profile, name);
            assert_eq!((counts.starts, counts.returned), (6_000, 6_000), "{name}");
        }
        let calls = |of: &str| {
            let paths = profile.paths().iter();
            let of = paths.filter(|path| profile.function(path.function).label.name == of);
            of.map(|path| {
                let name = |id| profile.function(profile.path(id).function).label.name.clone();
                (path.parent.map(name), path.counts.returned)
            })
            .collect::<std::collections::BTreeMap<_, _>>()
        };
        // After the first end, the second, the third: f2 in four of the orders and then in two, f1 in two and two,
        // f0 in none and two, and in the end in none of them.
        let below = |name: &str, calls| (Some(name.to_owned()), calls);
        let must = [below("f2", 6_000), below("f1", 4_000), below("f0", 2_000), (None, 6_000)];
        assert_eq!(calls("here"), must.into_iter().collect());
        assert_eq!(calls("after"), [(None, 1)].into_iter().collect(), "the thread is back at the root");
        assert_eq!(calls("f0"), [(None, 6_000)].into_iter().collect());
        // Each also by itself, in its thread's part.
        let by_thread = profile_cost::snapshot_with_threads();
        let parts = by_thread.by_thread().iter().flat_map(|thread| &thread.counts);
        assert_eq!(parts.map(|(_, counts)| counts.self_busy).sum::<u64>(), total(&by_thread).self_busy);
    });
}

#[test]
fn a_tree_of_its_own_that_finds_no_room_in_the_common_one_is_noted() {
    let test = "a_tree_of_its_own_that_finds_no_room_in_the_common_one_is_noted";
    if is_child() {
        profile_cost::enable();
        let sites = sites("f", 4);
        // The two roots and four paths are all that there may be: for the private tree it is enough.
        for calls in 1..=3 {
            let ((), profile) = profile_cost::runcall(|| {
                for _ in 0..10 {
                    let _outer = enter(sites[0], || {});
                    let _inner = enter(sites[1], || {});
                    drop(enter(sites[2], || {}));
                    drop(enter(sites[3], || {}));
                }
            });
            assert_eq!((profile.paths().len(), total(&profile).returned), (4, 40));
            let common = profile_cost::snapshot();
            assert_eq!(total(&common).returned, calls * 40);
            assert_eq!(common.notes.truncated_calls, calls * 40);
        }
        profile_cost::reset();
        assert_eq!(profile_cost::snapshot().notes.truncated_calls, 0);
        return;
    }
    let output = again(test).env("PROFILE_COST_MAX_PATHS", "6").output().expect("the child runs");
    assert!(output.status.success(), "{}", text(&output));
}

static REPORTED: Site = Site::new("reported", "t.rs", 1, true);
/// Kept apart and put back, but never printed.
static SILENT: Report = Report { over_ns: u64::MAX, top: 20, sort: "cumulative", log_target: "profile_cost" };

#[test]
fn per_call_reports_nested_300_deep() {
    fn nest(left: u32) {
        let _report = enter_report(&REPORTED, || {}, &SILENT);
        scope!("inside");
        if left > 1 {
            nest(left - 1);
        }
    }
    isolated("per_call_reports_nested_300_deep", || {
        profile_cost::enable();
        for _ in 0..3 {
            profile_cost::reset();
            nest(300);
            let profile = profile_cost::snapshot();
            assert_eq!(profile.notes.unisolated_reports, 300 - 256);
            for name in ["reported", "inside"] {
                let counts = counts(&profile, name);
                assert_eq!((counts.starts, counts.returned), (300, 300), "{name}");
            }
        }
    });
}

#[test]
fn three_hundred_per_call_reports_at_once() {
    isolated("three_hundred_per_call_reports_at_once", || {
        profile_cost::enable();
        let there = std::sync::Barrier::new(300);
        std::thread::scope(|scope| {
            for _ in 0..300 {
                let run = || {
                    let _report = enter_report(&REPORTED, || {}, &SILENT);
                    there.wait();
                    scope!("inside");
                    there.wait();
                };
                std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, run).expect("a thread");
            }
        });
        let profile = profile_cost::snapshot();
        assert_eq!(profile.notes.unisolated_reports, 300 - 256);
        for name in ["reported", "inside"] {
            let counts = counts(&profile, name);
            assert_eq!((counts.starts, counts.returned), (300, 300), "{name}");
        }
    });
}

#[test]
fn runcall_has_its_own_calls_only() {
    fn hammered(n: u32) {
        scope!("hammered");
        if n > 0 {
            hammered(n - 1);
        }
    }
    isolated("runcall_has_its_own_calls_only", || {
        profile_cost::enable();
        let stop = AtomicBool::new(false);
        let made = AtomicU64::new(0);
        /// Also when an assertion fails: the scope waits for its threads.
        struct Stops<'a>(&'a AtomicBool);
        impl Drop for Stops<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        std::thread::scope(|scope| {
            let _stops = Stops(&stop);
            for number in 0..8 {
                let (stop, made) = (&stop, &made);
                scope.spawn(move || {
                    let mut calls = 0;
                    while !stop.load(Ordering::Relaxed) {
                        hammered(3);
                        calls += 4;
                        if number % 2 == 0 {
                            let ((), profile) = profile_cost::runcall(|| hammered(6));
                            assert_eq!(counts(&profile, "hammered").returned, 7);
                            calls += 7;
                        }
                    }
                    made.fetch_add(calls, Ordering::Relaxed);
                });
            }
            for round in 1..300 {
                let ((), profile) = profile_cost::runcall(|| (0..round).for_each(|_| hammered(9)));
                let counts = counts(&profile, "hammered");
                assert_eq!((counts.starts, counts.returned), (round * 10, round * 10));
                assert_eq!(total(&profile), counts);
                made.fetch_add(round * 10, Ordering::Relaxed);
            }
        });
        let counts = counts(&profile_cost::snapshot(), "hammered");
        let made = made.load(Ordering::Relaxed);
        assert_eq!((counts.starts, counts.returned), (made, made), "each call once in the common tree");
    });
}

#[test]
fn a_task_that_outlives_its_runcall_is_counted_once() {
    async fn waits(times: u32) {
        for _ in 0..times {
            let mut first = true;
            std::future::poll_fn(
                |_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) },
            )
            .await;
            scope!("inside");
        }
    }
    isolated("a_task_that_outlives_its_runcall_is_counted_once", || {
        profile_cost::enable();
        let mut context = Context::from_waker(Waker::noop());
        for round in 1..=50u64 {
            let (mut task, profile) = profile_cost::runcall(|| {
                scope!("starts it");
                let task = profile_cost::Context::current().attach(measured!("outlives", waits(3)));
                let mut task = Box::pin(task);
                assert!(task.as_mut().poll(&mut context).is_pending());
                task
            });
            let outlives = counts(&profile, "outlives");
            assert_eq!((outlives.starts, outlives.active()), (1, 1));
            assert_eq!(counts(&profile, "inside").starts, 0);
            let common = profile_cost::snapshot();
            assert_eq!(counts(&common, "outlives").active(), 1, "round {round}: it is still running");
            while task.as_mut().poll(&mut context).is_pending() {}
            drop(task);
            // Another use of the private tree.
            let ((), other) = profile_cost::runcall(|| {
                scope!("other");
            });
            assert_eq!(total(&other).starts, 1);
            let common = profile_cost::snapshot();
            for (name, calls) in
                [("starts it", round), ("outlives", round), ("inside", 3 * round), ("other", round)]
            {
                let counts = counts(&common, name);
                assert_eq!((counts.starts, counts.returned), (calls, calls), "{name}, round {round}");
            }
        }
    });
}

#[test]
fn live_snapshots_are_monotone_and_never_have_more_ends_than_beginnings() {
    fn work(n: u64) {
        scope!("work");
        if !n.is_multiple_of(4) {
            work(n - 1);
        } else {
            scope!("leaf");
        }
    }
    async fn twice() {
        let mut first = true;
        std::future::poll_fn(|_| if std::mem::take(&mut first) { Poll::Pending } else { Poll::Ready(()) })
            .await;
    }
    isolated("live_snapshots_are_monotone_and_never_have_more_ends_than_beginnings", || {
        profile_cost::enable();
        let running = AtomicU64::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    scope!("thread");
                    let mut context = Context::from_waker(Waker::noop());
                    for n in 0..2_000_000 {
                        work(n);
                        let mut future = std::pin::pin!(measured!("future", twice()));
                        while future.as_mut().poll(&mut context).is_pending() {}
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                });
            }
            // The length of a tick is measured better and better in the first 200 ms.
            std::thread::sleep(std::time::Duration::from_millis(250));
            while counts(&profile_cost::snapshot(), "thread").starts < 2 {
                std::thread::yield_now();
            }
            let begin = Instant::now();
            let mut before = profile_cost::snapshot();
            let (first, began) = (total(&before).self_busy, Instant::now());
            let (mut looks, mut judged, mut wrong) = (0, 0, Vec::new());
            while running.load(Ordering::SeqCst) > 0 {
                let (least, now, most) = (began.elapsed(), profile_cost::snapshot(), begin.elapsed());
                looks += 1;
                for path in before.paths() {
                    let name = &before.function(path.function).label.name;
                    let depth = |profile: &profile_cost::Profile, at: Option<profile_cost::PathId>| {
                        std::iter::successors(at, |id| profile.path(*id).parent).count()
                    };
                    let same = now.paths().iter().find(|other| {
                        now.function(other.function).label.name == *name
                            && depth(&now, other.parent) == depth(&before, path.parent)
                    });
                    let (old, new) = (path.counts, same.expect("no path is lost").counts);
                    for (what, old, new) in [
                        ("starts", old.starts, new.starts),
                        ("returned", old.returned, new.returned),
                        ("polls", old.polls, new.polls),
                    ] {
                        assert!(new >= old, "{name}: {what} {old} -> {new}");
                    }
                }
                // A thread that loses its processor between reading the clock at the end of a call and
                // writing it down is seen as still in the call, until it goes on: then that time is its
                // caller's. So busy times of single paths may step back. Their sum is the time that both
                // threads have been in calls, which is all the time, and hardly ever anything else.
                if running.load(Ordering::SeqCst) == 2 {
                    judged += 1;
                    let busy = total(&now).self_busy.saturating_sub(first);
                    let [least, most] = [least, most].map(|time| 2 * time.as_nanos() as u64);
                    if busy + 10_000 < least - least / 100 || busy > most + most / 100 + 10_000 {
                        wrong.push((least, busy, most));
                    }
                }
                for path in now.paths() {
                    let c = path.counts;
                    assert!(c.starts >= c.returned + c.panicked + c.cancelled, "{c:?}");
                }
                before = now;
            }
            println!(
                "# {looks} snapshots meanwhile, the sum of busy time wrong in {} of {judged}",
                wrong.len()
            );
            assert!(wrong.len() * 50 <= judged, "{judged}: {wrong:?}");
        });
        let all = total(&profile_cost::snapshot());
        assert_eq!(all.active(), 0);
        assert_eq!(all.starts, all.returned);
    });
}

#[test]
fn a_panic_while_the_profiler_is_entered_from_a_panicking_thread_is_no_abort() {
    isolated("a_panic_while_the_profiler_is_entered_from_a_panicking_thread_is_no_abort", || {
        profile_cost::enable();
        // More than there are trees, so that each must be given back.
        for _ in 0..300 {
            let ((), profile) = profile_cost::runcall(|| {
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    let _ = profile_cost::runcall(|| {
                        scope!("fails inside");
                        std::panic::resume_unwind(Box::new(()));
                    });
                }));
                assert!(caught.is_err());
            });
            drop(profile);
        }
        let profile = profile_cost::snapshot();
        assert_eq!(counts(&profile, "fails inside").panicked, 300);
        assert_eq!(profile.notes.unisolated_reports, 0);
    });
}

static BY_LOGGER: Report = Report { over_ns: 0, top: 20, sort: "cumulative", log_target: "annotated logger" };
static LOGGING: Site = Site::new("logging", "t.rs", 2, true);
static RECORDS: AtomicU64 = AtomicU64::new(0);

struct AnnotatedLogger;

impl log::Log for AnnotatedLogger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _report = enter_report(&LOGGING, || {}, &BY_LOGGER);
        assert!(record.target() != "annotated logger" || record.args().to_string().contains("logging"));
        RECORDS.fetch_add(1, Ordering::Relaxed);
    }

    fn flush(&self) {}
}

#[test]
fn a_logger_that_is_reported_on_itself_ends() {
    isolated("a_logger_that_is_reported_on_itself_ends", || {
        profile_cost::enable();
        log::set_logger(&AnnotatedLogger).expect("the only logger");
        log::set_max_level(log::LevelFilter::Info);
        for _ in 0..3 {
            log::info!("a record of the program");
        }
        // Each record of the program, and one report on the logger for it.
        assert_eq!(RECORDS.load(Ordering::Relaxed), 6);
        let counts = counts(&profile_cost::snapshot(), "logging");
        assert_eq!((counts.starts, counts.returned), (6, 6));
    });
}
