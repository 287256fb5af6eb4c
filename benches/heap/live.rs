//! A million live blocks on ten thousand stacks: what recording them takes, and what a snapshot of them costs.
//! In a process of its own, so that no memory freed by other measurements hides what this one takes.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use profile_cost::heap::{self, Mode};

use crate::contenders::record;
use crate::program_allocator::{Choice, PROGRAM};
use crate::shapes::below_25_calls;
use crate::table::print_figure;

/// Asks this program for these figures alone.
pub const ARGUMENT: &str = "--live-blocks";
const STACKS: usize = 10_000;
/// At most so long may a snapshot make another thread wait.
const WAIT_MS: f64 = 1.0;

/// In a process of its own; prints the figures.
pub fn measure_in_child(test: bool) {
    let mut child = std::process::Command::new(std::env::current_exe().expect("the program's own path"));
    child.arg(ARGUMENT).args(test.then_some("--test"));
    let status = child.status().expect("the program again");
    assert!(status.success(), "{ARGUMENT}: {status}");
}

/// Measures and prints.
pub fn measure(test: bool) {
    let (blocks, runs) = if test { (2 * STACKS, 2) } else { (1_000_000, 20) };
    PROGRAM.during(Choice::Tracker, || {
        record(Mode::Exact { frames: 25 });
        let live = below_25_calls(|| (0..blocks).map(allocate).collect::<Vec<_>>());
        println!("\n{blocks} live blocks on {STACKS} stacks of 25 frames");
        let own = heap::get_tracemalloc_memory() as f64 / blocks as f64;
        print_figure("own memory", own, "bytes a block", (!test).then_some(16.0));
        snapshots(blocks, runs);
        drop(live);
    });
}

fn snapshots(blocks: usize, runs: usize) {
    let before = resident();
    forget_peak();
    let first = Instant::now();
    let snapshot = heap::take_snapshot();
    let first = first.elapsed();
    let growth = peak().saturating_sub(before);
    let (stacks, counted) = (snapshot.traces.len(), snapshot.totals().live_blocks());
    assert!(stacks >= STACKS && counted >= blocks as u64, "{counted} blocks on {stacks} stacks");
    drop(snapshot);

    let (other, stop) = (Other::default(), AtomicBool::new(false));
    let (mut times, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| other.allocate_until(&stop));
        for _ in 0..runs {
            let mut time = Duration::ZERO;
            with.push(other.longest_during(|| {
                let begun = Instant::now();
                black_box(heap::take_snapshot());
                time = begun.elapsed();
            }));
            times.push(time);
            // The same load for the same time: what else the machine does shows in both.
            without.push(other.longest_during(|| {
                let begun = Instant::now();
                while begun.elapsed() < time {
                    std::hint::spin_loop();
                }
            }));
        }
        stop.store(true, Ordering::Relaxed);
    });
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    print_figure("the first snapshot", ms(first), "ms", Some(50.0));
    print_figure("a snapshot, median", ms(median(&mut times)), "ms", Some(50.0));
    // What preempts a thread for longer than the target hides whether the target is met.
    let quiet = ms(median(&mut without)) < WAIT_MS;
    print_figure("another thread waited, median", ms(median(&mut with)), "ms", quiet.then_some(WAIT_MS));
    print_figure("the same without a snapshot", ms(median(&mut without)), "ms", None);
    print_figure("another thread waited, least", ms(with[0]), "ms", None);
    print_figure("the same without a snapshot", ms(without[0]), "ms", None);
    if !quiet {
        println!("the machine is too busy to tell whether a snapshot makes a thread wait {WAIT_MS} ms");
    }
    print_figure("resident memory grew by at most", growth as f64 / 1e6, "MB", Some(16.0));
}

/// A thread that allocates all the time, and how long it waited for a block.
#[derive(Default)]
struct Other {
    longest_ns: std::sync::atomic::AtomicU64,
}

impl Other {
    fn allocate_until(&self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let begun = Instant::now();
            drop(black_box(Box::new([0_u64; 8])));
            self.longest_ns.fetch_max(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// The longest that an allocation and its free took while `body` ran.
    fn longest_during(&self, body: impl FnOnce()) -> Duration {
        self.longest_ns.store(0, Ordering::Relaxed);
        body();
        Duration::from_nanos(self.longest_ns.load(Ordering::Relaxed))
    }
}

/// Sorts them, too: the first is the least.
fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// A block of 16 to 128 bytes, on one of ten thousand stacks.
fn allocate(number: usize) -> Box<[u8]> {
    DIGITS[number % 10](number % STACKS / 10, 3, 16 + number % 113)
}

type Digit = fn(usize, u32, usize) -> Box<[u8]>;

/// A function for each decimal digit: the stack spells the number.
const DIGITS: [Digit; 10] = [
    digit::<0>, digit::<1>, digit::<2>, digit::<3>, digit::<4>, digit::<5>, digit::<6>, digit::<7>,
    digit::<8>, digit::<9>,
];

#[inline(never)]
fn digit<const DIGIT: u8>(rest: usize, left: u32, size: usize) -> Box<[u8]> {
    let mut block = match left {
        0 => vec![0; size].into_boxed_slice(),
        _ => DIGITS[rest % 10](rest / 10, left - 1, size),
    };
    // Tells the ten functions apart, and comes after the call, which thus leaves a frame.
    block[left as usize] = DIGIT;
    black_box(block)
}

/// Resident memory of this process, bytes; 0 where the system does not say.
fn resident() -> u64 {
    status("VmRSS:")
}

/// The most that it was since [`forget_peak`].
fn peak() -> u64 {
    status("VmHWM:")
}

fn forget_peak() {
    // Where this fails the peak is that of the process's life: too much rather than too little.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().map_or(0, |kilobytes| kilobytes << 10)
}
