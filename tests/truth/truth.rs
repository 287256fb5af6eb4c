//! Profiles held against what really happened. Everything here depends on time, on machines that do
//! other things as well: each test runs in a process of its own, and again if need be.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

#[path = "../common/mod.rs"]
mod common;

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

#[inline(never)]
fn leaf(rounds: u64) {
    scope!("leaf");
    work(rounds);
}

#[inline(never)]
fn slow(rounds: u64) {
    scope!("slow");
    work(rounds);
}

#[inline(never)]
fn left(slow_rounds: u64) {
    scope!("left");
    work(2_000);
    slow(slow_rounds);
}

#[inline(never)]
fn right() {
    scope!("right");
    work(3_000);
    leaf(5_000);
}

/// Cumulative times of one run, ns a call: the least of some blocks each, so that what else the machine
/// does stays out.
fn run(slow_rounds: u64) -> [f64; 5] {
    let mut least = [f64::INFINITY; 5];
    for _ in 0..40 {
        profile_cost::reset();
        for _ in 0..100 {
            scope!("top");
            left(slow_rounds);
            right();
        }
        let profile = profile_cost::snapshot();
        for (least, name) in least.iter_mut().zip(["top", "left", "slow", "right", "leaf"]) {
            *least = least.min(cumulative(&profile, name).0 as f64 / 100.0);
        }
    }
    least
}

#[test]
fn a_slower_function_moves_itself_and_its_ancestors_only() {
    isolated_tries("a_slower_function_moves_itself_and_its_ancestors_only", 10, || {
        profile_cost::enable();
        let (before, after) = (run(20_000), run(22_000));
        let more: Vec<f64> = before.iter().zip(&after).map(|(before, after)| after - before).collect();
        println!("# slow by 10 %: top, left, slow, right, leaf by {more:.0?} ns");
        let slow = more[2] / before[2];
        assert!((0.08..0.12).contains(&slow), "{slow}");
        for ancestor in [0, 1] {
            assert!((more[ancestor] / more[2] - 1.0).abs() < 0.15, "{more:?}");
        }
        for other in [3, 4] {
            assert!(more[other].abs() < 0.02 * before[other], "{more:?}");
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
