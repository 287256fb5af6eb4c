//! What the flight recorder adds to a call and to a block of the heap: the same functions on a thread whose counters are leaked, and on one whose counters
//! are in a file, in one process, taking turns.
//!
//! `cargo bench --bench recorder` prints a table for a file on tmpfs and one on the disk of the temporary folder. Each figure is the
//! fastest of many batches. Then both threads call for 45 seconds, in which the kernel writes pages back, which it does with those 30 seconds old: how many faults,
//! how long the slowest batch took, and how much was written to the disk.
#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use profile_cost::{heap, profile_cost, recorder};

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

/// Set in the children: the folder that they record into.
const FOLDER: &str = "PROFILE_COST_BENCH_FOLDER";
/// How long both call.
const SECONDS: u64 = 45;
/// Calls in a batch.
const BATCH: u64 = 8_000;

#[profile_cost]
#[inline(never)]
fn flat(n: u64) -> u64 {
    black_box(n)
}

macro_rules! chain {
    ($($name:ident calls $next:ident),*) => {
        $(#[profile_cost]
        #[inline(never)]
        fn $name(n: u64) -> u64 {
            $next(n) + 1
        })*
    };
}
chain!(chain_1 calls chain_2, chain_2 calls chain_3, chain_3 calls chain_4, chain_4 calls flat);

macro_rules! callees {
    ($($name:ident),*) => {
        $(#[profile_cost]
        #[inline(never)]
        fn $name(n: u64) -> u64 {
            black_box(n)
        })*
        const CALLEES: [fn(u64) -> u64; 16] = [$($name),*];
    };
}
callees!(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15);

const SHAPES: [(&str, fn()); 4] = [
    ("flat", || (0..BATCH).for_each(|n| _ = flat(n))),
    ("16 callees in turn", || (0..BATCH).for_each(|n| _ = CALLEES[n as usize % 16](n))),
    ("chain of 5", || (0..BATCH / 5).for_each(|n| _ = chain_1(n))),
    ("blocks, heap exact:25", || (0..BATCH).for_each(|n| drop(black_box(vec![0u8; 32 + n as usize % 64])))),
];

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let is_test = std::env::args().any(|argument| argument == "--test");
    if let Some(folder) = std::env::var_os(FOLDER) {
        return measure(Path::new(&folder), is_test);
    }
    let temporary = std::env::temp_dir().join(format!("profile-cost-bench-{}", std::process::id()));
    let shared = PathBuf::from("/dev/shm").join(format!("profile-cost-bench-{}", std::process::id()));
    for (name, folder) in [("tmpfs", shared), ("the disk of the temporary folder", temporary)] {
        println!("\nrecording into a file on {name}");
        let mut command = Command::new(std::env::current_exe().expect("its own path"));
        command.env(FOLDER, &folder).args(is_test.then_some("--test"));
        assert!(command.status().expect("the child runs").success());
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// A thread that does what it is sent, and answers with how long that took and how many pages faulted.
struct Worker {
    work: Sender<fn()>,
    answers: Receiver<(Duration, i64)>,
}

impl Worker {
    fn start() -> Self {
        let (work, to_do) = channel::<fn()>();
        let (answer, answers) = channel();
        std::thread::spawn(move || {
            for shape in to_do {
                let (start, faults) = (Instant::now(), faults());
                shape();
                if answer.send((start.elapsed(), self::faults() - faults)).is_err() {
                    return;
                }
            }
        });
        let worker = Self { work, answers };
        // Takes its counters.
        SHAPES.iter().for_each(|(_, shape)| _ = worker.time(*shape));
        worker
    }

    fn time(&self, shape: fn()) -> (Duration, i64) {
        self.work.send(shape).expect("it lives");
        self.answers.recv().expect("it lives")
    }
}

fn faults() -> i64 {
    // SAFETY: all zero is a value of the structure, which the call fills.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage.ru_minflt + usage.ru_majflt
    }
}

/// Bytes that this process had the kernel write to disks, so far; `None` where it does not say.
fn written() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).and_then(|bytes| bytes.parse().ok())
}

fn measure(folder: &Path, is_test: bool) {
    profile_cost::enable();
    // The first thread's counts of blocks are the process's own as well.
    heap::start(25).expect("there is a tracker");
    let leaked = Worker::start();
    recorder::start(folder, &recorder::Options::default()).expect("it records");
    let mapped = Worker::start();
    let rounds = if is_test { 2 } else { 2_000 };
    println!("{:22}{:>12}{:>12}{:>10}   ns per call, the fastest of {rounds}", "", "leaked", "mapped", "");
    for (name, shape) in SHAPES {
        let mut best = [f64::INFINITY; 2];
        for round in 0..rounds {
            // Who goes first takes turns as well.
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for who in order {
                let (time, _) = [&leaked, &mapped][who].time(shape);
                best[who] = best[who].min(time.as_secs_f64() * 1e9 / BATCH as f64);
            }
        }
        let [leaked, mapped] = best;
        println!("{name:22}{leaked:12.2}{mapped:12.2}{:+9.1}%", 100.0 * (mapped / leaked - 1.0));
    }
    let end = Instant::now() + Duration::from_secs(if is_test { 0 } else { SECONDS });
    let before = written();
    let (mut times, mut faults) = ([Vec::new(), Vec::new()], [0; 2]);
    while times[1].is_empty() || Instant::now() < end {
        for (who, worker) in [&leaked, &mapped].into_iter().enumerate() {
            let (time, more) = worker.time(SHAPES[1].1);
            times[who].push(time);
            faults[who] += more;
        }
    }
    if let (Some(before), Some(written)) = (before, written()) {
        println!("written in these {SECONDS} s: {} KiB", written.saturating_sub(before) >> 10);
    }
    for (who, name) in ["leaked", "mapped"].into_iter().enumerate() {
        times[who].sort_unstable();
        let at = |quantile: f64| times[who][((times[who].len() - 1) as f64 * quantile) as usize];
        println!(
            "{name}: {} batches in {SECONDS} s, {} faults; a batch took {:?}, of a hundred one {:?}, the slowest {:?}",
            times[who].len(),
            faults[who],
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}
