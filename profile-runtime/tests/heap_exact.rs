//! What a recording says beside counts, and what it does at its limits. The counts themselves are held to the last block
//! in tests/heap.
//!
//! The tracker is called by hand here and is not the process's allocator, so that nothing else is in the figures.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, MutexGuard};

use profile_cost_runtime::heap::{self, Mode, Snapshot, TraceCounts, Tracker};

static TRACKER: Tracker = Tracker::system();

/// The recording is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    profile_cost_runtime::testing::tracker_is_called_directly();
    heap::stop();
    guard
}

/// A block that frees itself.
struct Block {
    memory: usize,
    layout: Layout,
}

impl Block {
    fn new(size: usize, align: usize) -> Self {
        let layout = Layout::from_size_align(size, align).unwrap();
        // SAFETY: no test asks for zero bytes.
        let memory = unsafe { TRACKER.alloc(layout) };
        assert!(!memory.is_null());
        // SAFETY: that many bytes are ours.
        unsafe { memory.write_bytes(0x5a, size) };
        Self { memory: memory.expose_provenance(), layout }
    }

    fn pointer(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.memory)
    }

    fn resize(&mut self, size: usize) {
        // SAFETY: the block is live, of that layout, and the size is not zero.
        let memory = unsafe { TRACKER.realloc(self.pointer(), self.layout, size) };
        assert!(!memory.is_null());
        self.memory = memory.expose_provenance();
        self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block is live, and of that layout.
        unsafe { TRACKER.dealloc(self.pointer(), self.layout) };
    }
}

fn look() -> (Snapshot, TraceCounts) {
    let snapshot = heap::take_snapshot();
    let totals = snapshot.totals();
    assert_eq!(snapshot.process.live_bytes, totals.live_bytes(), "the total is the sum of the traces");
    assert_eq!(snapshot.process.live_blocks, totals.live_blocks());
    (snapshot, totals)
}

#[test]
fn what_recording_took_is_given_back() {
    let _alone = alone();
    // What stays for the next time: the walker's table.
    heap::start(25).unwrap();
    heap::stop();
    let kept = heap::get_tracemalloc_memory();
    let blocks: Vec<Block> = {
        heap::start(25).unwrap();
        (0..200_000).map(|size| Block::new(1 + size % 300, 8)).collect()
    };
    let taken = heap::get_tracemalloc_memory() - kept;
    assert!(taken < 200_000 * 16 + (2 << 20), "{taken} bytes for 200,000 blocks");
    heap::stop();
    let left = heap::get_tracemalloc_memory().saturating_sub(kept);
    assert!(left < taken / 4, "{left} of {taken} bytes are left");
    drop(blocks);
}

#[test]
fn stacks_tell_allocations_apart_and_frames_are_limited() {
    #[inline(never)]
    fn one() -> Block {
        std::hint::black_box(Block::new(8, 8))
    }
    #[inline(never)]
    fn other() -> Block {
        std::hint::black_box(Block::new(8, 8))
    }
    let _alone = alone();
    heap::start(25).unwrap();
    let _blocks = [one(), other(), other()];
    let (snapshot, _) = look();
    let mut counts: Vec<u64> = snapshot.traces.iter().map(|trace| trace.counts.allocations).collect();
    counts.sort_unstable();
    // `other` was called from two places.
    assert_eq!(counts, [1, 1, 1]);
    assert!(snapshot.traces.iter().all(|trace| trace.frames.len() > 3));
    heap::stop();
    heap::start(2).unwrap();
    let _more = [one(), other()];
    let (snapshot, _) = look();
    assert!(snapshot.traces.iter().all(|trace| trace.frames.len() == 2));
    heap::stop();
}

/// Each of two stacks asks for blocks of two sizes in turn, so that a thread which remembers what it found for its stack
/// and a size would take one stack's for the other's.
#[test]
fn stacks_that_take_turns_are_told_apart() {
    const ROUNDS: usize = 500;
    #[inline(never)]
    fn site(blocks: &mut Vec<Block>, sizes: &[usize]) {
        // Of a length that is not known: one call in a loop, not two calls.
        for &size in std::hint::black_box(sizes) {
            blocks.push(Block::new(size, 8));
        }
    }
    let _alone = alone();
    heap::start(25).unwrap();
    let mut blocks = Vec::with_capacity(4 * ROUNDS);
    for _ in 0..ROUNDS {
        site(&mut blocks, &[100, 1_000]);
        site(&mut blocks, &[1_000, 100]);
        std::hint::black_box(&mut blocks);
    }
    let (snapshot, _) = look();
    let live: Vec<u64> = snapshot.traces.iter().map(|trace| trace.counts.live_blocks()).collect();
    assert_eq!(live, [ROUNDS as u64; 4], "two stacks, two sizes");
    drop(blocks);
    heap::stop();
}

/// A thread takes over what another that has ended remembered: not which stack was its first.
#[test]
fn a_thread_does_not_take_the_stacks_of_another_for_its_own() {
    #[inline(never)]
    fn site(sizes: &[usize]) -> Vec<Block> {
        let mut blocks = Vec::with_capacity(2);
        for &size in std::hint::black_box(sizes) {
            blocks.push(Block::new(size, 8));
        }
        blocks
    }
    let _alone = alone();
    heap::start(25).unwrap();
    let former = std::thread::spawn(|| site(&[100, 1_000])).join().unwrap();
    let later = std::thread::spawn(|| std::hint::black_box(site(&[1_000, 100]))).join().unwrap();
    let (snapshot, _) = look();
    let live: Vec<u64> = snapshot.traces.iter().map(|trace| trace.counts.live_blocks()).collect();
    assert_eq!(live, [1; 4], "two stacks, two sizes");
    drop((former, later));
    heap::stop();
}

/// A stack of more frames than are compared with the one before, and then none at all.
#[test]
fn paths_do_not_take_a_stack_for_theirs() {
    let _alone = alone();
    heap::start(100).unwrap();
    let deep = Block::new(100, 8);
    heap::set_mode(Mode::Paths).unwrap();
    let flat = Block::new(100, 8);
    let (snapshot, _) = look();
    let mut frames: Vec<bool> = snapshot.traces.iter().map(|trace| trace.frames.is_empty()).collect();
    frames.sort_unstable();
    assert_eq!(frames, [false, true]);
    drop((deep, flat));
    heap::stop();
}

#[test]
fn blocks_freed_at_once_are_temporary_and_copies_are_counted() {
    let _alone = alone();
    heap::start(25).unwrap();
    for _ in 0..10 {
        drop(Block::new(40, 8));
    }
    let kept = Block::new(40, 8);
    let _other = Block::new(40, 8);
    drop(kept);
    assert_eq!(look().1.temporary, 10);
    let mut grows = Block::new(64, 8);
    let before = grows.memory;
    grows.resize(1 << 20);
    let copied = look().1.copied_bytes;
    assert_eq!(copied, if grows.memory == before { 0 } else { 64 });
    heap::stop();
}

#[test]
fn what_was_live_at_the_peak() {
    let _alone = alone();
    heap::start(25).unwrap();
    let base = Block::new(1_000, 8);
    drop((0..50).map(|_| Block::new(1_000_000, 8)).collect::<Vec<_>>());
    let (_, totals) = look();
    assert_eq!(heap::get_traced_memory(), (1_000, 50_001_000));
    assert_eq!((totals.peak_blocks, totals.peak_bytes), (51, 50_001_000));
    heap::reset_peak();
    assert_eq!(heap::get_traced_memory(), (1_000, 1_000));
    assert_eq!(look().1.peak_bytes, 1_000);
    drop(base);
    heap::stop();
}

#[test]
fn a_sample_is_right_on_average_and_frees_cancel() {
    let _alone = alone();
    heap::set_mode(Mode::Sample { rate: 4_096 }).unwrap();
    let blocks: Vec<Block> = (0..100_000).map(|at| Block::new(16 + at % 500, 8)).collect();
    let truth = blocks.iter().map(|block| block.layout.size()).sum::<usize>() as f64;
    let (_, totals) = look();
    let error = (totals.live_bytes() as f64 - truth) / totals.variance.sqrt();
    assert!(error.abs() < 5.0, "{error} standard deviations off");
    assert!((totals.variance.sqrt() / truth) < 0.05, "{} bytes", totals.variance.sqrt());
    drop(blocks);
    let (_, totals) = look();
    assert_eq!((totals.live_blocks(), totals.live_bytes(), totals.samples), (0, 0, 0));
    assert_eq!(totals.variance, 0.0);
    heap::stop();
}

#[test]
fn past_the_cap_a_sample_takes_over() {
    let _alone = alone();
    heap::set_memory_limit(2 << 20);
    heap::start(25).unwrap();
    let blocks: Vec<Block> = (0..400_000).map(|_| Block::new(16, 8)).collect();
    assert!(heap::get_tracemalloc_memory() <= 2 << 20);
    assert!(matches!(heap::mode(), Mode::Sample { .. }));
    let snapshot = heap::take_snapshot();
    assert_eq!(snapshot.notes.cap_reached, 2 << 20);
    assert!(snapshot.notes.unrecorded > 0);
    drop(blocks);
    assert_eq!(heap::take_snapshot().totals().live_blocks(), 0);
    heap::stop();
    heap::set_memory_limit(256 << 20);
}
