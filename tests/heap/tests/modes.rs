//! Modes that change at random under the load of eight threads: in the end nothing is live, and at no time nonsense.
//!
//! `HEAP_SWITCHES` sets how often they change.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use profile_cost_heap::{Block, Random, random, set_mode};
use profile_cost_runtime::heap::{self, Mode};

const THREADS: u64 = 8;
const SHELVES: usize = 64;
const MOST_ON_SHELF: usize = 8;
const LARGEST: usize = 2_000;
/// Blocks that there can be at most.
const MOST_BLOCKS: u64 = (SHELVES * MOST_ON_SHELF) as u64 + 2 * THREADS;

/// Where threads put blocks, and take those of others from.
static SHELF: [Mutex<Vec<Block>>; SHELVES] = [const { Mutex::new(Vec::new()) }; SHELVES];
static STOP: AtomicBool = AtomicBool::new(false);

fn shelf(random: &mut Random) -> std::sync::MutexGuard<'static, Vec<Block>> {
    SHELF[random.below(SHELVES)].lock().expect("nobody panics")
}

fn load(seed: u64) {
    let mut random = Random::new(seed);
    while !STOP.load(Ordering::Relaxed) {
        match random.below(5) {
            0 | 1 => {
                let block = Block::new(1 + random.below(LARGEST));
                let mut shelf = shelf(&mut random);
                if shelf.len() < MOST_ON_SHELF {
                    shelf.push(block);
                }
            }
            2 => {
                let taken = shelf(&mut random).pop();
                if let Some(mut block) = taken {
                    block.resize(1 + random.below(LARGEST));
                    let mut shelf = shelf(&mut random);
                    if shelf.len() < MOST_ON_SHELF {
                        shelf.push(block);
                    }
                }
            }
            3 => drop(shelf(&mut random).pop()),
            // Threads that come and go, with what they have counted.
            _ if random.below(200) == 0 => {
                let block = Block::new(1 + random.below(LARGEST));
                std::thread::spawn(move || drop(block)).join().expect("it does not panic");
            }
            _ => {}
        }
    }
}

fn look(mode: Mode, estimates: bool) {
    let snapshot = heap::take_snapshot();
    let totals = snapshot.totals();
    let (live, peak) = heap::get_traced_memory();
    assert!(snapshot.process.live_blocks <= MOST_BLOCKS || estimates, "{mode}: {:?}", snapshot.process);
    // A thread's part of the total may be read before, and the total after it was handed over.
    assert!(live < 1 << 24 || estimates, "{mode}: {live} bytes");
    assert!(live < 1 << 40 && peak < 1 << 40 && live <= peak, "{mode}: {live} of {peak}");
    assert!(totals.live_bytes() < 1 << 40 && totals.allocated_bytes < 1 << 60, "{mode}: {totals:?}");
    assert!(totals.samples <= MOST_BLOCKS, "{mode}: {totals:?}");
    assert_eq!(snapshot.notes.unrecorded, 0);
}

fn main() {
    let switches = random::from_environment("HEAP_SWITCHES", 600);
    let mut random = Random::new(9);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || load(number + 20))).collect();
        // Whether anything is in the figures that is estimated.
        let mut estimates = false;
        for _ in 0..switches {
            let mode = match random.below(10) {
                0 | 1 => Mode::Exact { frames: 1 + random.below(40) as u32 },
                2 => Mode::Paths,
                // More rates than there are slots for.
                3..=6 => Mode::Sample { rate: 1 + random.below(20_000) as u64 },
                7 | 8 => Mode::Counters,
                _ => Mode::Off,
            };
            set_mode(mode).expect("nobody is held up for a second");
            match mode {
                Mode::Off | Mode::Counters => estimates = false,
                Mode::Sample { .. } => estimates = true,
                _ => {}
            }
            (0..random.below(50)).for_each(|_| std::thread::yield_now());
            look(mode, estimates);
            if random.below(10) == 0 {
                heap::clear_traces().expect("nobody is held up for a second");
                estimates = matches!(heap::mode(), Mode::Sample { .. });
                look(mode, estimates);
            }
        }
        // From a sample to exact, with what both have recorded.
        set_mode(Mode::Sample { rate: 1_000 }).expect("a mode");
        (0..200).for_each(|_| std::thread::yield_now());
        set_mode(Mode::Exact { frames: 25 }).expect("a mode");
        (0..200).for_each(|_| std::thread::yield_now());
        STOP.store(true, Ordering::Relaxed);
        // To the end of their destructors, by which what they counted is handed over.
        threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    });
    SHELF.iter().for_each(|shelf| shelf.lock().expect("nobody panics").clear());
    let snapshot = heap::take_snapshot();
    let totals = snapshot.totals();
    assert!(totals.allocations > 0);
    assert_eq!((totals.live_blocks(), totals.live_bytes(), totals.samples), (0, 0, 0));
    assert_eq!((totals.variance, snapshot.process.live_bytes, snapshot.process.live_blocks), (0.0, 0, 0));
    assert!(snapshot.traces.iter().all(|trace| trace.counts.frees == trace.counts.allocations));
    let kept: Vec<Block> = (1..=10).map(Block::new).collect();
    assert_eq!(heap::take_snapshot().totals().live_bytes(), 55);
    drop(kept);
    assert_eq!(heap::get_traced_memory().0, 0);
    heap::stop();
}
