//! The tracking allocator against a naive model: block and byte counts equal to the last one.
//!
//! The tracker is called by hand here and is not the process's allocator, so that nothing else is in the figures.
//! `HEAP_OPERATIONS` sets how many operations the random test does.

use std::alloc::{GlobalAlloc, Layout};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, mpsc};

use profile_cost_runtime::heap::{self, Mode, Snapshot, TraceCounts, Tracker};

static TRACKER: Tracker = Tracker::system();

/// The recording is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
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

    fn zeroed(size: usize) -> Self {
        let layout = Layout::from_size_align(size, 8).unwrap();
        // SAFETY: as above.
        let memory = unsafe { TRACKER.alloc_zeroed(layout) };
        // SAFETY: that many bytes are ours.
        assert!((0..size).all(|at| unsafe { *memory.add(at) } == 0));
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

/// Sizes by block, as plain as can be.
#[derive(Default)]
struct Model {
    live: HashMap<usize, usize>,
    allocations: u64,
    allocated: u64,
    frees: u64,
    freed: u64,
    peak: usize,
}

impl Model {
    fn live_bytes(&self) -> usize {
        self.live.values().sum()
    }

    fn allocate(&mut self, block: &Block, live: &mut usize) {
        assert!(self.live.insert(block.memory, block.layout.size()).is_none());
        self.allocations += 1;
        self.allocated += block.layout.size() as u64;
        *live += block.layout.size();
        self.peak = self.peak.max(*live);
    }

    fn free(&mut self, memory: usize, live: &mut usize) {
        let size = self.live.remove(&memory).unwrap();
        self.frees += 1;
        self.freed += size as u64;
        *live -= size;
    }
}

fn random_operations(mode: Mode) {
    let operations: usize =
        std::env::var("HEAP_OPERATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    heap::set_mode(mode).unwrap();
    let mut state = 0x1234_5678_9abc_def1u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as usize % below
    };
    let (mut model, mut blocks, mut live) = (Model::default(), Vec::<Block>::new(), 0);
    for step in 0..operations {
        match random(10) {
            0..=3 => {
                let most = if random(50) == 0 { 300_000 } else { 600 };
                let size = 1 + random(most);
                let block =
                    if random(4) == 0 { Block::zeroed(size) } else { Block::new(size, 1 << random(8)) };
                model.allocate(&block, &mut live);
                blocks.push(block);
            }
            4..=5 if !blocks.is_empty() => {
                let at = random(blocks.len());
                let block = &mut blocks[at];
                model.free(block.memory, &mut live);
                block.resize(1 + random(2_000));
                model.allocate(block, &mut live);
            }
            6..=9 if !blocks.is_empty() && (blocks.len() > 5_000 || random(5) != 0) => {
                let block = blocks.swap_remove(random(blocks.len()));
                model.free(block.memory, &mut live);
            }
            _ => {}
        }
        if step % (operations / 20).max(1) == 0 {
            compare(&model, mode);
        }
    }
    compare(&model, mode);
    for block in blocks {
        model.free(block.memory, &mut live);
    }
    compare(&model, mode);
    assert_eq!(look().1.live_blocks(), 0);
}

fn compare(model: &Model, mode: Mode) {
    let (snapshot, totals) = look();
    assert_eq!(totals.live_blocks(), model.live.len() as u64, "{mode}");
    assert_eq!(totals.live_bytes(), model.live_bytes() as u64, "{mode}");
    assert_eq!((totals.allocations, totals.allocated_bytes), (model.allocations, model.allocated), "{mode}");
    assert_eq!((totals.frees, totals.freed_bytes), (model.frees, model.freed), "{mode}");
    assert_eq!(heap::get_traced_memory(), (model.live_bytes() as u64, model.peak as u64), "{mode}");
    assert_eq!(snapshot.notes, heap::Notes::default(), "nothing lost");
}

#[test]
fn random_operations_agree_with_a_naive_model_by_stack() {
    let _alone = alone();
    random_operations(Mode::Exact { frames: 25 });
    heap::stop();
}

#[test]
fn random_operations_agree_with_a_naive_model_by_path() {
    let _alone = alone();
    random_operations(Mode::Paths);
    heap::stop();
}

#[test]
fn sixteen_threads_that_free_what_others_allocated() {
    let _alone = alone();
    heap::start(10).unwrap();
    let threads = 16;
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..threads).map(|_| mpsc::channel::<Block>()).unzip();
    let kept: Vec<Block> = std::thread::scope(|scope| {
        let workers: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(number, receiver)| {
                let to = senders[(number + 1) % threads].clone();
                scope.spawn(move || {
                    for size in 1..=3_000 {
                        to.send(Block::new(size, 8)).unwrap();
                    }
                    drop(to);
                    // Two of three are freed here.
                    let taken: Vec<Block> = receiver.iter().take(3_000).collect();
                    taken
                        .into_iter()
                        .enumerate()
                        .filter(|(at, _)| at % 3 == 0)
                        .map(|(_, block)| block)
                        .collect()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| -> Vec<Block> { worker.join().unwrap() }).collect()
    });
    let (_, totals) = look();
    assert_eq!(totals.allocations, 16 * 3_000);
    assert_eq!(totals.allocated_bytes, 16 * (1..=3_000).sum::<u64>());
    assert_eq!(totals.live_blocks(), kept.len() as u64);
    assert_eq!(totals.live_bytes(), kept.iter().map(|block| block.layout.size() as u64).sum::<u64>());
    drop(kept);
    assert_eq!(look().1.live_bytes(), 0);
    heap::stop();
}

#[test]
fn a_recording_that_starts_late_knows_only_what_came_after() {
    let _alone = alone();
    let older = (0..100).map(|_| Block::new(64, 8)).collect::<Vec<_>>();
    heap::start(5).unwrap();
    let younger = (0..10).map(|_| Block::new(32, 8)).collect::<Vec<_>>();
    drop(older);
    let (snapshot, totals) = look();
    assert_eq!((totals.live_blocks(), totals.live_bytes()), (10, 320));
    assert_eq!(snapshot.notes.older_frees, 100);
    drop(younger);
    heap::stop();
    assert_eq!(heap::take_snapshot().traces, []);
    // And again.
    let _between = Block::new(1_000, 8);
    heap::start(5).unwrap();
    let _block = Block::new(16, 8);
    assert_eq!(look().1.live_bytes(), 16);
    heap::stop();
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
fn destructors_of_thread_locals_and_panics() {
    struct Late(Option<Block>);
    impl Drop for Late {
        fn drop(&mut self) {
            drop(self.0.take());
            drop(Block::new(48, 8));
            self.0 = Some(Block::new(24, 8));
        }
    }
    thread_local!(static LATE: std::cell::RefCell<Late> = const { std::cell::RefCell::new(Late(None)) });
    let _alone = alone();
    heap::start(25).unwrap();
    std::thread::spawn(|| {
        LATE.with(|late| late.borrow_mut().0 = Some(Block::new(100, 8)));
        let _ = std::panic::catch_unwind(|| {
            let _block = Block::new(500, 8);
            std::panic::resume_unwind(Box::new(()));
        });
    })
    .join()
    .unwrap();
    let (_, totals) = look();
    assert_eq!((totals.live_blocks(), totals.live_bytes()), (0, 0));
    assert_eq!((totals.allocations, totals.allocated_bytes), (4, 672));
    heap::stop();
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
    assert!(snapshot.traces.iter().all(|trace| trace.frames.len() <= 3), "2 and the allocator's own");
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

#[cfg(unix)]
#[test]
fn a_forked_child_goes_on_recording() {
    let _alone = alone();
    heap::start(25).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    drop(Block::new(64, 8));
                }
            });
        }
        // Holds the locks that a child must find open.
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                drop(heap::take_snapshot());
            }
        });
        let mut forks = 0..200;
        let ended_badly = forks.find_map(|_| {
            // SAFETY: the child does only what is asked of it here, and leaves by `_exit`.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: a child that hangs is ended, and seen.
                unsafe { libc::alarm(10) };
                for size in 1..200 {
                    drop(Block::new(size, 8));
                }
                let ok = heap::get_traced_memory().0 <= 3 * 64;
                // SAFETY: ends the child.
                unsafe { libc::_exit(if ok { 0 } else { 1 }) };
            }
            let mut status = 0;
            // SAFETY: waits for that child.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            (status != 0).then_some(status)
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(ended_badly, None, "the status of a child");
    });
    assert_eq!(look().1.live_blocks(), 0);
    heap::stop();
}
