//! Profiles held against what really happened. Everything here depends on time, on machines that do
//! other things as well: each test runs in a process of its own, and again if need be.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

#[path = "../common/mod.rs"]
mod common;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use common::{counts, cumulative, isolated_tries};
use profile_cost::scope;

/// Keeps the processor busy for a time that depends on nothing but the number of rounds.
#[inline(never)]
fn work(rounds: u64) {
    for i in 0..rounds {
        std::hint::black_box(i);
    }
}

/// Nanoseconds of `rounds` rounds of work, without a profiler: the best of some tries.
fn cost(rounds: u64) -> f64 {
    let repeat = (1_000_000 / rounds).clamp(1, 10_000);
    (0..20)
        .map(|_| {
            let start = Instant::now();
            (0..repeat).for_each(|_| work(std::hint::black_box(rounds)));
            start.elapsed().as_nanos() as f64 / repeat as f64
        })
        .fold(f64::INFINITY, f64::min)
}

#[inline(never)]
fn a(rounds: u64) {
    scope!("a");
    work(rounds);
}

#[inline(never)]
fn b(rounds: u64) {
    scope!("b");
    work(rounds);
}

/// `a` has 70 % of the work, in as many calls or in calls that are 7/3 as long: its share of the profile
/// must be that, and where the instrument itself weighs in the report must say so.
#[test]
fn the_share_of_a_function_is_its_share_of_the_work() {
    isolated_tries("the_share_of_a_function_is_its_share_of_the_work", 8, || {
        profile_cost::enable();
        let rounds_per_ns = 1_000_000.0 / cost(1_000_000);
        let mut wrong = Vec::new();
        for ns in [20u64, 50, 100, 200, 500, 1_000, 10_000, 100_000] {
            // Calls of `a` take 1.4 times `ns` and those of `b` 0.6 times, so that the mean is `ns`; and
            // then seven calls of `a` to three of `b`, all alike.
            for (a_rounds, b_rounds, a_calls, b_calls) in [(1.4, 0.6, 1u32, 1u32), (1.0, 1.0, 7, 3)] {
                let rounds = |times: f64| (times * ns as f64 * rounds_per_ns).round().max(1.0) as u64;
                let (a_rounds, b_rounds) = (rounds(a_rounds), rounds(b_rounds));
                let truth = {
                    let (a, b) = (cost(a_rounds) * f64::from(a_calls), cost(b_rounds) * f64::from(b_calls));
                    a / (a + b)
                };
                // The least disturbed of some runs.
                let mut best: Option<(f64, f64, bool)> = None;
                for _ in 0..5 {
                    profile_cost::reset();
                    for _ in 0..(20_000_000 / (ns * u64::from(a_calls + b_calls))).clamp(20, 100_000) {
                        (0..a_calls).for_each(|_| a(a_rounds));
                        (0..b_calls).for_each(|_| b(b_rounds));
                    }
                    let profile = profile_cost::snapshot();
                    let (a, b) = (counts(&profile, "a"), counts(&profile, "b"));
                    let share = a.self_busy as f64 / (a.self_busy + b.self_busy) as f64;
                    let own = (a.starts + b.starts) as f64 * profile.notes.ticks_per_call;
                    let flagged = own > 0.1 * (a.self_busy + b.self_busy) as f64;
                    let off = (share - truth).abs();
                    if best.is_none_or(|(least, ..)| off < least) {
                        best = Some((off, share, flagged));
                    }
                }
                let Some((off, share, flagged)) = best else { unreachable!() };
                println!(
                    "# {ns:6} ns a call, {a_calls}:{b_calls} calls: share {:.2} %, truth {:.2} %, flagged {flagged}",
                    share * 100.0,
                    truth * 100.0
                );
                if off > 0.02 && (ns >= 200 || !flagged) || ns >= 1_000 && flagged {
                    wrong.push((ns, share, truth, flagged));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:?}");
    });
}

/// Processor time of this process, user and system.
fn processor_time() -> Duration {
    // SAFETY: all-zero is a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is valid for writing.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1_000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Self time is time on the clock: only while nobody else gets the processor is it processor time. So the
/// spells are judged in which the kernel's own two clocks agree with each other.
#[test]
fn self_times_add_up_to_what_the_kernel_counts() {
    isolated_tries("self_times_add_up_to_what_the_kernel_counts", 3, || {
        profile_cost::enable();
        let (mut sum, mut kernel, mut undisturbed) = (0.0, 0.0, 0);
        let end = Instant::now() + Duration::from_secs(20);
        while undisturbed < 30 && Instant::now() < end {
            profile_cost::reset();
            let (start, before) = (Instant::now(), processor_time());
            {
                scope!("all");
                while start.elapsed() < Duration::from_millis(10) {
                    a(10_000);
                    b(3_000);
                }
            }
            let (processor, clock) = (processor_time() - before, start.elapsed());
            if (processor.as_secs_f64() / clock.as_secs_f64() - 1.0).abs() < 0.03 {
                kernel += processor.as_nanos() as f64;
                sum += common::total(&profile_cost::snapshot()).self_busy as f64;
                undisturbed += 1;
            }
        }
        println!(
            "# self times {:.1} ms, getrusage {:.1} ms, {undisturbed} times 10 ms",
            sum / 1e6,
            kernel / 1e6
        );
        if undisturbed < 5 {
            println!("# NOT JUDGED: others had the processor nearly all the time");
            return;
        }
        assert!((sum / kernel - 1.0).abs() < 0.05, "{sum} {kernel}");
    });
}

/// What the system's clock says of each function, ns: taken around the scope, so that a machine that is
/// slower for a while is so for both.
static CLOCK: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];
const NAMES: [&str; 5] = ["top", "left", "slow", "right", "leaf"];

fn timed(at: usize, body: impl FnOnce()) {
    let start = Instant::now();
    body();
    CLOCK[at].fetch_add(start.elapsed().as_nanos() as u64, Relaxed);
}

fn top(slow_rounds: u64) {
    timed(0, || {
        scope!("top");
        left(slow_rounds);
        right();
    });
}

fn left(slow_rounds: u64) {
    timed(1, || {
        scope!("left");
        work(2_000);
        slow(slow_rounds);
    });
}

fn slow(rounds: u64) {
    timed(2, || {
        scope!("slow");
        work(rounds);
    });
}

fn right() {
    timed(3, || {
        scope!("right");
        work(3_000);
        leaf(5_000);
    });
}

fn leaf(rounds: u64) {
    timed(4, || {
        scope!("leaf");
        work(rounds);
    });
}

/// Cumulative times of a block of calls, ns a call: by the profile, and by the clock.
fn block(slow_rounds: u64) -> [[f64; 5]; 2] {
    const CALLS: u32 = 100;
    profile_cost::reset();
    CLOCK.iter().for_each(|clock| clock.store(0, Relaxed));
    (0..CALLS).for_each(|_| top(slow_rounds));
    let profile = profile_cost::snapshot();
    let per_call = |ns: u64| ns as f64 / f64::from(CALLS);
    [
        NAMES.map(|name| per_call(cumulative(&profile, name).0)),
        CLOCK.each_ref().map(|clock| per_call(clock.load(Relaxed))),
    ]
}

/// The faster and the slower program run in turn, and each difference is held to the one that the clock
/// saw: where the processor's speed drifts between them, it does for both.
#[test]
fn a_slower_function_moves_itself_and_its_ancestors_only() {
    isolated_tries("a_slower_function_moves_itself_and_its_ancestors_only", 5, || {
        profile_cost::enable();
        let mut least = [[[f64::INFINITY; 5]; 2]; 2];
        for _ in 0..40 {
            for (least, rounds) in least.iter_mut().zip([20_000, 22_000]) {
                let run = block(rounds);
                for (least, run) in least.as_flattened_mut().iter_mut().zip(run.as_flattened()) {
                    *least = least.min(*run);
                }
            }
        }
        let [before, after] = least;
        let more =
            |judge: usize| -> [f64; 5] { std::array::from_fn(|at| after[judge][at] - before[judge][at]) };
        let (profile, clock) = (more(0), more(1));
        println!("# slow by 10 %: {NAMES:?} by {profile:.0?} ns, by the clock {clock:.0?}");
        for at in 0..5 {
            // The clock's own reading is in what it says.
            let level = (before[0][at] - before[1][at]).abs();
            assert!(level < 0.02 * before[1][at] + 100.0, "{}: {before:?}", NAMES[at]);
            let off = (profile[at] - clock[at]).abs();
            // The function and its ancestors by what was added, the others not at all.
            let allowed = if at < 3 { 0.15 * clock[2].abs() } else { 0.02 * before[1][at] };
            assert!(off < allowed, "{}: {profile:?}, by the clock {clock:?}", NAMES[at]);
        }
    });
}

#[test]
fn ten_sleeps_joined_take_one_and_add_up_to_ten() {
    isolated_tries("ten_sleeps_joined_take_one_and_add_up_to_ten", 5, || {
        profile_cost::enable();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let child = || measured!("child", tokio::time::sleep(Duration::from_millis(100)));
        let joined = async {
            let mut children: Vec<_> = (0..10).map(|_| Box::pin(child())).collect();
            std::future::poll_fn(|context| {
                children.retain_mut(|child| child.as_mut().poll(context).is_pending());
                if children.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
            })
            .await;
        };
        use std::future::Future as _;
        runtime.block_on(measured!("parent", joined));
        let profile = profile_cost::snapshot();
        let elapsed = |name: &str| {
            let function = profile.functions().iter().find(|f| f.label.name == name).expect("it was called");
            function.elapsed.as_ref().expect("it ended").max()
        };
        let parent = elapsed("parent") as f64 / 1e6;
        let children = counts(&profile, "child");
        let sum = (children.self_busy + children.self_await) as f64 / 1e6;
        println!("# parent {parent:.1} ms, children together {sum:.1} ms");
        // Within the 2 % of the histogram.
        assert!((98.0..130.0).contains(&parent), "{parent}");
        assert!(sum >= 1_000.0, "{sum}");
        assert_eq!((children.starts, children.returned), (10, 10));
    });
}
