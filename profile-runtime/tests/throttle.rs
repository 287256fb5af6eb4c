//! Calls of which few are timed: counts against a naive model, times against another clock, and readers meanwhile.
//! `cargo test --release -p profile-cost-runtime --features throttle --test throttle`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use profile_cost_runtime::private::{Guard, Site, enter, instrument};
use profile_cost_runtime::{Counts, FunctionId, Profile, enable, in_flight, reset, runcall, snapshot};

/// As the engine has it.
const MANY: u64 = 2_000;
/// Elapsed times that wait to be looked at, at most. At one look there are many calls, and the cost of a call is measured; at
/// the next they are throttled.
const RING: u64 = 128;

/// Recording is the process's: one test at a time.
fn recording() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    enable();
    reset();
    turn
}

fn site(name: &'static str) -> &'static Site {
    Box::leak(Box::new(Site::new(name, "throttle.rs", 1, true)))
}

fn call(site: &'static Site) -> Guard {
    enter(site, || {})
}

fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// What all paths of a function add up to, and the finished calls whose elapsed time is known.
fn of(profile: &Profile, name: &str) -> (Counts, u64) {
    let Some(id) = profile.functions().iter().position(|f| f.label.name == name) else {
        return (Counts::default(), 0);
    };
    let mut sum = Counts::default();
    let own = profile.paths().iter().filter(|path| path.function == FunctionId(id as u32));
    own.for_each(|path| sum.add(&path.counts));
    (sum, profile.functions()[id].elapsed.as_ref().map_or(0, |elapsed| elapsed.len()))
}

/// Every call has been timed or only counted, and those that were timed have an elapsed time.
fn assert_adds_up(profile: &Profile, name: &str) -> u64 {
    let (counts, elapsed) = of(profile, name);
    assert_eq!(counts.active(), 0, "{name}: {counts:?}");
    assert_eq!(counts.starts - counts.untimed, elapsed, "{name}: {counts:?}");
    // Not all, and not none, of many.
    assert!(counts.untimed < 1_000 || elapsed > MANY + counts.untimed / 200, "{name}: {counts:?}");
    counts.untimed
}

// ---- counts ----

/// What happens, told to a naive model as well: calls begun, returned and panicked of each caller and callee.
#[derive(Default)]
struct Model {
    stack: Vec<&'static str>,
    pairs: BTreeMap<(&'static str, &'static str), [u64; 3]>,
}

struct Functions {
    main: &'static Site,
    short: &'static Site,
    nested: &'static Site,
    recursive: &'static Site,
    throws: &'static Site,
    long: &'static Site,
    time_of_long: Duration,
}

impl Model {
    fn call<R>(&mut self, name: &'static str, site: &'static Site, body: impl FnOnce(&mut Self) -> R) -> R {
        let pair = (self.stack.last().copied().unwrap_or("-"), name);
        self.pairs.entry(pair).or_default()[0] += 1;
        self.stack.push(name);
        let guard = call(site);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let guard = guard;
            let result = body(self);
            drop(guard);
            result
        }));
        self.stack.pop();
        self.pairs.entry(pair).or_default()[if result.is_ok() { 1 } else { 2 }] += 1;
        result.unwrap_or_else(|thrown| resume_unwind(thrown))
    }

    fn recurse(&mut self, f: &Functions, depth: u32) {
        self.call("recursive", f.recursive, |model| {
            if depth > 0 {
                model.recurse(f, depth - 1);
            }
            model.call("short", f.short, |_| ());
        });
    }

    fn work(&mut self, f: &Functions, rounds: u64) {
        self.call("main", f.main, |model| {
            for round in 0..rounds {
                model.call("short", f.short, |_| ());
                model.call("nested", f.nested, |model| model.call("short", f.short, |_| ()));
                if round % 2 == 0 {
                    model.recurse(f, (round % 5) as u32);
                }
                if round % 500 == 0 {
                    let thrown = catch_unwind(AssertUnwindSafe(|| {
                        model.call("throws", f.throws, |model| {
                            model.call("short", f.short, |_| resume_unwind(Box::new(())))
                        })
                    }));
                    assert!(thrown.is_err());
                    model.call("throws", f.throws, |_| ());
                    // And where calls have long been only counted.
                    let thrown = catch_unwind(AssertUnwindSafe(|| {
                        model.call("short", f.short, |_| resume_unwind(Box::new(())));
                    }));
                    assert!(thrown.is_err());
                }
            }
            for _ in 0..MANY + 2 * RING {
                model.call("long", f.long, |_| spin(f.time_of_long));
            }
        });
    }
}

#[test]
fn counts_are_those_of_a_naive_model_on_every_thread() {
    let _turn = recording();
    let cost = snapshot().notes.ticks_per_call;
    let f = Functions {
        main: site("main"),
        short: site("short"),
        nested: site("nested"),
        recursive: site("recursive"),
        throws: site("throws"),
        long: site("long"),
        // Well above the limit, which is 200 times the cost.
        time_of_long: Duration::from_nanos(600 * cost as u64),
    };
    let models: Vec<Model> = std::thread::scope(|scope| {
        let worker = |rounds| {
            let f = &f;
            scope.spawn(move || {
                let mut model = Model::default();
                model.work(f, rounds);
                assert!(model.stack.is_empty());
                model
            })
        };
        let threads: Vec<_> = [3 * MANY, MANY + RING + 7, 1_000].map(worker).into_iter().collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let mut wanted: BTreeMap<(&str, &str), [u64; 3]> = BTreeMap::new();
    for (pair, counts) in models.into_iter().flat_map(|model| model.pairs) {
        let sum = wanted.entry(pair).or_default();
        (0..3).for_each(|i| sum[i] += counts[i]);
    }
    let profile = snapshot();
    let mut found: BTreeMap<(&str, &str), [u64; 3]> = BTreeMap::new();
    let name = |id: FunctionId| profile.function(id).label.name.as_str();
    for path in profile.paths() {
        let caller = path.parent.map_or("-", |parent| name(profile.path(parent).function));
        let sum = found.entry((caller, name(path.function))).or_default();
        sum[0] += path.counts.starts;
        sum[1] += path.counts.returned;
        sum[2] += path.counts.panicked;
    }
    found.retain(|_, counts| *counts != [0; 3]);
    assert_eq!(found, wanted);
    let untimed: BTreeMap<_, _> = ["main", "short", "nested", "recursive", "throws", "long"]
        .map(|name| (name, assert_adds_up(&profile, name)))
        .into_iter()
        .collect();
    assert!(untimed["short"] > 2 * MANY, "{untimed:?}");
    assert_eq!((untimed["main"], untimed["throws"], untimed["long"]), (0, 0, 0), "few, or not short");
    assert_eq!(profile.notes.untimed_after, MANY);
}

#[test]
fn guards_that_do_not_nest_leave_the_thread_where_it_was() {
    let _turn = recording();
    let (outer, short, timed) = (site("outer of order"), site("short of order"), site("timed of order"));
    for _ in 0..MANY + 3 * RING {
        let _outer = call(outer);
        drop(call(short));
    }
    let before = snapshot();
    for round in 0..600 {
        let mut guards = [call(outer), call(short), call(timed), call(short), call(short)].map(Some);
        // All orders of three of the five, and then the others.
        let order = [round % 5, round / 5 % 5, round / 25 % 5, 0, 1, 2, 3, 4];
        for at in order {
            guards[at] = None;
        }
        drop(call(timed));
    }
    let profile = snapshot().since(&before);
    let calls = |name| of(&profile, name).0.starts;
    assert_eq!(
        (calls("outer of order"), calls("short of order"), calls("timed of order")),
        (600, 1_800, 1_200)
    );
    assert!(profile.paths().iter().all(|path| path.counts.active() == 0));
    // Called from nowhere, every time.
    let roots = profile.paths().iter().filter(|path| path.parent.is_none());
    let timed_roots = roots.filter(|path| profile.function(path.function).label.name == "timed of order");
    assert_eq!(timed_roots.map(|path| path.counts.starts).sum::<u64>(), 600);
}

// ---- times ----

#[test]
fn the_time_of_all_is_what_another_clock_says() {
    let _turn = recording();
    let (parent, child) = (site("parent"), site("child"));
    let outside = Instant::now();
    let guard = call(parent);
    let inside = Instant::now();
    for i in 0..20 * MANY {
        let _child = call(child);
        black_box(i);
    }
    let least = inside.elapsed();
    drop(guard);
    let most = outside.elapsed();
    let profile = snapshot();
    let (parent, child) = (of(&profile, "parent").0, of(&profile, "child").0);
    assert_eq!((parent.starts, child.starts), (1, 20 * MANY));
    let found = Duration::from_nanos(parent.self_busy + child.self_busy);
    // What the two clocks may differ by.
    let tolerance = most / 1_000 + Duration::from_micros(5);
    assert!(found + tolerance >= least && found <= most + tolerance, "{least:?} {found:?} {most:?}");
    assert!(assert_adds_up(&profile, "child") > 18 * MANY);
    assert!(parent.self_busy > 0 && child.self_busy > 0, "{parent:?} {child:?}");
}

#[test]
fn what_a_counted_call_calls_is_timed_and_takes_no_time_of_others() {
    let _turn = recording();
    let (caller, counted, callee) = (site("caller"), site("counted"), site("callee"));
    let ms = Duration::from_millis(1);
    let (since, now, elapsed, guard) = loop {
        // Anew each time: a sample that waited as these do would stand for others.
        reset();
        let guard = call(caller);
        for _ in 0..MANY + 3 * RING {
            drop(call(counted));
        }
        let start = Instant::now();
        let before = snapshot();
        for _ in 0..3 {
            spin(2 * ms);
            let counted = call(counted);
            spin(ms);
            let callee = call(callee);
            spin(4 * ms);
            drop(callee);
            spin(ms);
            drop(counted);
        }
        let now = snapshot();
        let elapsed = start.elapsed();
        let since = now.since(&before);
        // Once in 40 times or so one of them was a sample.
        if of(&since, "counted").0.untimed == 3 {
            break (since, now, elapsed, guard);
        }
    };
    drop(guard);
    let busy = |name| Duration::from_nanos(of(&since, name).0.self_busy);
    let counts = of(&since, "counted").0;
    assert_eq!((counts.starts, counts.returned), (3, 3));
    // As much as those before them took.
    assert!(Duration::from_nanos(counts.self_busy) < ms, "{counts:?}");
    assert!(
        busy("caller") >= 12 * ms && busy("callee") >= 12 * ms,
        "{:?} {:?}",
        busy("caller"),
        busy("callee")
    );
    assert!(busy("caller") + busy("callee") <= elapsed + ms, "no time twice");
    // It stands below the counted one, which stands below its caller.
    let path = now.paths().iter().rfind(|path| now.function(path.function).label.name == "callee");
    let parent = now.path(path.and_then(|path| path.parent).expect("a callee"));
    assert_eq!(now.function(parent.function).label.name, "counted");
    assert_eq!(
        parent.parent.map(|id| now.function(now.path(id).function).label.name.as_str()),
        Some("caller")
    );
}

// ---- others look on ----

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_snapshot_meanwhile_never_has_more_ends_than_starts() {
    let _turn = recording();
    let (top, short, other) = (site("top"), site("short below"), site("other below"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Also when something is not as it should be.
        let stops = StopOnDrop(&stop);
        let worker = scope.spawn(|| {
            let _top = call(top);
            let mut calls = 0u64;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..1_000 {
                    let _short = call(short);
                    if calls.is_multiple_of(64) {
                        drop(call(other));
                    }
                    calls += 1;
                }
            }
            calls
        });
        let start = Instant::now();
        let mut last = (0, 0);
        let (mut looks, mut throttled_looks) = (0, 0);
        while throttled_looks < 300 {
            let before = start.elapsed();
            let profile = snapshot();
            for path in profile.paths() {
                let counts = path.counts;
                assert!(counts.returned <= counts.starts, "{counts:?}");
                assert!(counts.active() <= 1, "{counts:?}");
                assert!(counts.untimed <= counts.starts, "{counts:?}");
            }
            let short = of(&profile, "short below").0;
            let all: u64 = profile.paths().iter().map(|path| path.counts.self_busy).sum();
            assert!((short.starts, short.untimed) >= last, "{short:?} after {last:?}");
            last = (short.starts, short.untimed);
            if looks > 2 {
                // The thread has been inside `top` since before the first look or so.
                let most = start.elapsed() + Duration::from_millis(50);
                assert!(Duration::from_nanos(all) <= most, "{all} ns, {before:?} and later");
            }
            looks += 1;
            throttled_looks += u32::from(short.untimed > 0);
        }
        drop(stops);
        let calls = worker.join().expect("no panic");
        let short = of(&snapshot(), "short below").0;
        assert_eq!((short.starts, short.returned), (calls, calls));
    });
}

#[test]
fn a_thread_inside_a_counted_call_is_seen_there() {
    let _turn = recording();
    let (holder, short) = (site("holder"), site("held"));
    let (inside, is_inside) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().name("held up".into());
        let body = move || {
            let _holder = call(holder);
            for _ in 0..MANY + 3 * RING {
                drop(call(short));
            }
            let _short = call(short);
            inside.send(()).expect("somebody waits");
            let _ = may_go.recv();
        };
        let worker = worker.spawn_scoped(scope, body).expect("a thread");
        is_inside.recv().expect("it gets there");
        let seen = in_flight();
        let thread = seen.running.iter().find(|running| running.thread == "held up").expect("it is seen");
        let calls: Vec<_> = thread.calls.iter().map(|call| (call.label.name.as_str(), call.age)).collect();
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert!(calls[0].0 == "holder" && calls[0].1.is_some(), "{calls:?}");
        // No clock was read when it began.
        assert_eq!(calls[1], ("held", None));
        go.send(()).expect("it waits");
        worker.join().expect("no panic");
    });
}

// ---- begin and end ----

#[test]
fn a_reset_ends_it_and_it_begins_anew() {
    let _turn = recording();
    let (outer, short) = (site("outer of reset"), site("short of reset"));
    let outer = call(outer);
    let work = |calls: u64| (0..calls).for_each(|_| drop(call(short)));
    work(MANY + 3 * RING);
    // Of this call the end is counted after the reset.
    let open = call(short);
    reset();
    drop(open);
    work(1_000);
    let profile = snapshot();
    let (counts, elapsed) = of(&profile, "short of reset");
    assert_eq!((counts.starts, counts.returned, counts.untimed, elapsed), (1_001, 1_001, 0, 1_000));
    assert!(counts.self_busy > 0 && profile.notes.untimed_after == 0, "{counts:?}");
    work(MANY - 2_000);
    assert_eq!(of(&snapshot(), "short of reset").0.untimed, 0);
    work(5_000);
    let (counts, elapsed) = of(&snapshot(), "short of reset");
    assert_eq!(counts.starts, MANY + 4_001);
    assert!((MANY..=MANY + 2 * RING).contains(&elapsed), "{elapsed}");
    assert_eq!(counts.untimed + elapsed + 1, counts.starts);
    drop(outer);
}

#[test]
fn calls_with_a_report_of_their_own_and_futures_are_always_timed() {
    let _turn = recording();
    let (short, future) = (site("reported"), site("future"));
    let ((), profile) = runcall(|| (0..2 * MANY).for_each(|_| drop(call(short))));
    let (counts, elapsed) = of(&profile, "reported");
    assert_eq!((counts.starts, counts.untimed, elapsed), (2 * MANY, 0, 2 * MANY));
    let below = site("below a future");
    let mut cx = Context::from_waker(Waker::noop());
    let mut last = Duration::ZERO;
    for round in 0..=MANY + RING {
        let mut once = Some(());
        let body = std::future::poll_fn(|cx: &mut Context<'_>| {
            drop(call(below));
            if round == MANY + RING {
                let start = Instant::now();
                spin(Duration::from_millis(2));
                last = start.elapsed();
            }
            cx.waker().wake_by_ref();
            if once.take().is_some() { Poll::Pending } else { Poll::Ready(()) }
        });
        let mut polled = std::pin::pin!(instrument(future, || {}, body));
        while Future::poll(Pin::new(&mut polled).as_mut(), &mut cx).is_pending() {}
    }
    let profile = snapshot();
    let (counts, elapsed) = of(&profile, "future");
    assert_eq!((counts.starts, counts.untimed, elapsed), (MANY + RING + 1, 0, MANY + RING + 1));
    assert!(counts.polls == 2 * counts.starts && Duration::from_nanos(counts.self_busy) >= last);
    assert!(assert_adds_up(&profile, "below a future") > MANY / 2);
}

// ---- what it costs ----

#[test]
#[ignore = "a measurement: run it by name with --ignored --nocapture, in release, on a quiet machine"]
#[allow(clippy::print_stderr, reason = "its result")]
fn cost_of_a_call() {
    let _turn = recording();
    let (top, short) = (site("top of cost"), site("short of cost"));
    let _top = call(top);
    const CALLS: u64 = 10_000;
    let per_call = |body: &dyn Fn()| {
        let batches = (0..200).map(|_| {
            let start = Instant::now();
            (0..CALLS).for_each(|_| body());
            start.elapsed().as_secs_f64() * 1e9 / CALLS as f64
        });
        let mut batches: Vec<f64> = batches.collect();
        batches.sort_by(f64::total_cmp);
        (batches[0], batches[batches.len() / 2])
    };
    // As the macros do it: a guard that is returned is copied, which costs more than a call that is only counted.
    let one = || {
        let mut guard = Guard::new();
        guard.enter(black_box(short), || {});
    };
    let first = {
        let start = Instant::now();
        (0..MANY).for_each(|_| one());
        start.elapsed().as_secs_f64() * 1e9 / MANY as f64
    };
    (0..2 * RING).for_each(|_| one());
    let counted = per_call(&one);
    let untimed = of(&snapshot(), "short of cost").0.untimed;
    assert!(untimed >= 200 * CALLS, "{untimed}");
    // A reset before each batch: so many are timed in any case.
    let mut timed_batches: Vec<f64> = (0..20)
        .map(|_| {
            reset();
            one();
            let start = Instant::now();
            (0..MANY / 2).for_each(|_| one());
            start.elapsed().as_secs_f64() * 1e9 / (MANY / 2) as f64
        })
        .collect();
    timed_batches.sort_by(f64::total_cmp);
    let notes = snapshot().notes;
    eprintln!("first {MANY} calls: {first:.1} ns a call");
    eprintln!("timed: fastest {:.1}, median {:.1} ns a call", timed_batches[0], timed_batches[10]);
    eprintln!("counted only: fastest {:.1}, median {:.1} ns a call", counted.0, counted.1);
    eprintln!(
        "calibrated: a call {:.1}, of it inside {:.1}, counted only {:.1}, a poll {:.1} ns",
        notes.ticks_per_call, notes.ticks_inside_call, notes.ticks_per_untimed_call, notes.ticks_per_poll
    );
}
