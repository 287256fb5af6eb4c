//! What one call costs, beside a plain call, two clock reads, and other profilers.
//!
//! `cargo bench --bench overhead` prints the table. Each figure is the fastest of many batches of some
//! 8,000 calls, all contenders taking turns, so that what else the machine does falls on none of them:
//! noise only ever adds. The costs of snapshots and per-call reports are measured by criterion.
#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

mod contenders;

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use contenders::{Contender, Shape, Shapes};
use criterion::Criterion;
use profile_cost_runtime::private::{Report, Site, enter, enter_report};

/// Calls in a batch; all of them have to fit into one trace of fastrace's.
const BATCH: u64 = 8_000;

struct Row {
    name: &'static str,
    shape: fn(&Shapes) -> Shape,
    calls_a_round: u64,
    threads: bool,
}

fn main() {
    let test = std::env::args().any(|argument| argument == "--test");
    let listed = std::env::args().any(|argument| argument == "--list");
    if listed {
        return;
    }
    let _peers = contenders::start_peers();
    let rounds = if test { 2 } else { 150 };
    compare(rounds);
    check_recorded(rounds);
    profile_cost::enable();
    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    reports(&mut criterion);
    snapshots(&mut criterion);
    criterion.final_summary();
}

fn compare(rounds: usize) {
    let row = |name, shape, calls_a_round| Row { name, shape, calls_a_round, threads: false };
    let rows = [
        row("flat", |s| s.flat, 1),
        row("16 callees in turn", |s| s.in_turn, 1),
        row("16 callees at random", |s| s.at_random, 1),
        row("chain of 8", |s| s.chain, 8),
        row("two parents of a leaf", |s| s.parents, 2),
        row("recursion (fib 22)", |s| s.fib, 0),
        row("poll", |s| s.poll, 1),
        Row { threads: true, ..row("two threads, flat", |s| s.flat, 1) },
    ];
    let contenders = contenders::all();
    let mut best = vec![[f64::INFINITY; 8]; rows.len()];
    for _ in 0..rounds {
        for (row, best) in rows.iter().zip(&mut best) {
            for (contender, best) in contenders.iter().zip(best) {
                *best = best.min(measure(row, contender));
            }
        }
    }
    let header: String = contenders.iter().map(|c| format!("{:>16}", c.name)).collect();
    println!("\nns per call, and in brackets how many times the floor (two clock reads)");
    println!("{:22}{header}", "");
    for (row, best) in rows.iter().zip(&best) {
        let cells: String = best.iter().map(|ns| format!("{ns:8.2} ({:5.2})", ns / best[1])).collect();
        println!("{:22}{cells}", row.name);
    }
    let off = best.iter().map(|ns| ns[2] - ns[0]).fold(f64::NEG_INFINITY, f64::max);
    let on = best.iter().map(|ns| ns[3] / ns[1]).fold(f64::NEG_INFINITY, f64::max);
    println!("off adds at most {off:.2} ns to a plain call; on takes at most {on:.3} times the floor\n");
}

/// A row that nobody recorded would be the cheapest of all.
fn check_recorded(rounds: usize) {
    let profile = profile_cost::snapshot();
    let is_poll = |path: &&profile_cost::Path| profile.function(path.function).label.name == "poll";
    let polls: u64 = profile.paths().iter().filter(is_poll).map(|path| path.counts.polls).sum();
    assert_eq!(polls, rounds as u64 * (BATCH + 400), "every poll is in the profile");
    let (calls, polls) = contenders::spans_of_fastrace();
    println!("fastrace delivered {calls} calls and {polls} polls of {}\n", rounds as u64 * (BATCH + 400));
}

/// Nanoseconds a call.
fn measure(row: &Row, contender: &Contender) -> f64 {
    let shape = (row.shape)(&contender.shapes);
    let (warm, rounds, calls) = match row.calls_a_round {
        // The argument of the recursion stands for the number of rounds.
        0 => (10, contender.fib, calls_of_fib(contender.fib)),
        per_round => (400 / per_round, BATCH / per_round, BATCH),
    };
    let time = if row.threads {
        on_two_threads(contender, shape, warm, rounds)
    } else {
        contender.time(shape, warm, rounds)
    };
    time.as_secs_f64() * 1e9 / calls as f64
}

/// The slower of two threads that run at the same time.
fn on_two_threads(contender: &Contender, shape: Shape, warm: u64, rounds: u64) -> Duration {
    let barrier = Barrier::new(2);
    let run = || {
        barrier.wait();
        contender.time(shape, warm, rounds)
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(run), scope.spawn(run)];
        threads.into_iter().map(|thread| thread.join().expect("no panic")).max().unwrap_or_default()
    })
}

fn calls_of_fib(n: u64) -> u64 {
    if n < 2 { 1 } else { 1 + calls_of_fib(n - 1) + calls_of_fib(n - 2) }
}

fn reports(criterion: &mut Criterion) {
    static SITE: Site = Site::new("reported", file!(), line!(), true);
    // Never printed: what is measured is keeping the call apart, and putting it back.
    static REPORT: Report =
        Report { over_ns: u64::MAX, top: 20, sort: "cumulative", log_target: "profile_cost" };
    criterion.bench_function("a per-call report, begun and finished", |b| {
        b.iter(|| drop(black_box(enter_report(&SITE, || {}, &REPORT))));
    });
}

fn snapshots(criterion: &mut Criterion) {
    let sites: Vec<&'static Site> = (0..100)
        .map(|i| {
            let name: &'static str = Box::leak(format!("site {i}").into_boxed_str());
            &*Box::leak(Box::new(Site::new(name, file!(), i + 1, true)))
        })
        .collect();
    for (outer, name) in [(10, "snapshot of 1,000 paths"), (100, "snapshot of 10,000 paths")] {
        for &above in &sites[..outer] {
            let _above = enter(above, || {});
            for &below in &sites {
                let _below = enter(below, || {});
            }
        }
        let start = Instant::now();
        black_box(profile_cost::snapshot());
        println!("first {name}: {:?}", start.elapsed());
        criterion.bench_function(name, |b| b.iter(|| black_box(profile_cost::snapshot())));
    }
}
