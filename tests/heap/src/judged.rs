//! An allocator that hands on to a [`Tracker`] and keeps the ledger beside it: the process's allocator in the tests.
//! And the comparison of both.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Mutex;

use profile_cost_runtime::heap::{self, Mode, Notes, SizeClass, Snapshot, Tracker};
use profile_cost_runtime::testing::tracker_is_called_directly;

use crate::ledger::Ledger;

static LEDGER: Mutex<Ledger> = Mutex::new(Ledger::new());

thread_local! {
    /// What is allocated now goes past both.
    static ASIDE: Cell<bool> = const { Cell::new(false) };
    /// The thread is in the ledger: what comes and goes now is the ledger's own.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

fn ledger<R>(work: impl FnOnce(&mut Ledger) -> R) -> R {
    let mut ledger = LEDGER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    INSIDE.set(true);
    let result = work(&mut ledger);
    INSIDE.set(false);
    result
}

/// What the closure allocates is seen by neither tracker nor ledger.
pub fn aside<R>(work: impl FnOnce() -> R) -> R {
    let before = ASIDE.replace(true);
    let result = work();
    ASIDE.set(before);
    result
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Judged<A = System>(Tracker<A>);

impl Judged<System> {
    /// Around the system's allocator.
    #[must_use]
    pub const fn system() -> Self {
        Self(Tracker::system())
    }
}

impl<A> Judged<A> {
    /// Around any allocator.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self(Tracker::new(inner))
    }
}

// SAFETY: each block is served, and taken back, by one of two allocators; the ledger knows those of the tracker.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Judged<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if ASIDE.get() || INSIDE.get() {
            // SAFETY: as the caller promised.
            return unsafe { System.alloc(layout) };
        }
        // SAFETY: as the caller promised.
        let block = unsafe { self.0.alloc(layout) };
        if !block.is_null() {
            ledger(|ledger| ledger.allocate(block.addr(), layout));
        }
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if ASIDE.get() || INSIDE.get() {
            // SAFETY: as the caller promised.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: as the caller promised.
        let block = unsafe { self.0.alloc_zeroed(layout) };
        if !block.is_null() {
            ledger(|ledger| ledger.allocate(block.addr(), layout));
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !INSIDE.get() && ledger(|ledger| ledger.free(block.addr(), layout)) {
            // SAFETY: it came from there.
            unsafe { self.0.dealloc(block, layout) }
        } else {
            // SAFETY: it came from there.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if INSIDE.get() || !ledger(|ledger| ledger.free(block.addr(), layout)) {
            // SAFETY: it came from there.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: it came from there; the rest as the caller promised.
        let moved = unsafe { self.0.realloc(block, layout, size) };
        assert!(!moved.is_null(), "no test asks for more than there is");
        // SAFETY: the allocator has just served it.
        let layout = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        ledger(|ledger| ledger.allocate(moved.addr(), layout));
        moved
    }
}

/// Switches the mode, of a `Tracker` that a test calls itself.
///
/// # Errors
/// See [`heap::set_mode`].
pub fn set_mode(mode: Mode) -> Result<(), heap::StartError> {
    tracker_is_called_directly();
    heap::set_mode(mode)
}

/// Begins to record. No other thread allocates.
///
/// # Panics
/// The mode is refused.
pub fn start(mode: Mode) {
    aside(|| {
        set_mode(mode).expect("a mode for this machine");
        ledger(Ledger::begin);
    });
}

/// The recording has begun anew.
pub fn begin_ledger() {
    ledger(Ledger::begin);
}

/// Ends it.
pub fn stop() {
    aside(|| {
        heap::stop();
        ledger(Ledger::end);
    });
}

/// A snapshot, equal to the ledger to the last block and byte. No other thread allocates.
///
/// # Panics
/// They differ.
#[track_caller]
#[must_use]
pub fn check() -> Snapshot {
    aside(|| {
        let (counts, snapshot) = (ledger(|ledger| ledger.counts()), heap::take_snapshot());
        let totals = snapshot.totals();
        assert_eq!(
            (totals.allocations, totals.allocated_bytes),
            (counts.allocations, counts.allocated_bytes)
        );
        assert_eq!((totals.frees, totals.freed_bytes), (counts.frees, counts.freed_bytes));
        let (blocks, bytes) = (counts.live_blocks(), counts.live_bytes());
        assert_eq!((totals.live_blocks(), totals.live_bytes()), (blocks, bytes));
        assert_eq!((snapshot.process.live_blocks, snapshot.process.live_bytes), (blocks, bytes));
        assert_eq!(heap::get_traced_memory().0, bytes);
        let older_frees = counts.older_frees;
        let truncated = snapshot.notes.truncated;
        assert_eq!(snapshot.notes, Notes { older_frees, truncated, ..Notes::default() });
        if truncated == 0 {
            assert_eq!(by_shape(&snapshot), shapes());
        }
        snapshot
    })
}

/// As [`check`], and the peak, too: where one thread allocates it is exact.
///
/// # Panics
/// They differ.
#[track_caller]
pub fn check_with_peak() -> Snapshot {
    let snapshot = check();
    aside(|| {
        let peak = ledger(|ledger| ledger.counts()).peak_bytes;
        assert_eq!(heap::get_traced_memory().1, peak, "the peak");
        // What was live then is known as it was within a part in a thousand of the peak.
        let at_peak = snapshot.totals().peak_bytes;
        assert!(at_peak <= peak && peak - at_peak <= peak / 1000, "live at the peak: {at_peak} of {peak}");
        assert_eq!(snapshot.process.peak_bytes, peak);
    });
    snapshot
}

/// In mode `counters`: blocks and bytes that are live. No other thread allocates, and no older block was freed.
///
/// # Panics
/// They differ.
#[track_caller]
pub fn check_counters() {
    aside(|| {
        let (counts, snapshot) = (ledger(|ledger| ledger.counts()), heap::take_snapshot());
        assert_eq!(counts.older_frees, 0, "it knows no older blocks");
        let process = &snapshot.process;
        assert_eq!((process.live_blocks, process.live_bytes), (counts.live_blocks(), counts.live_bytes()));
        assert_eq!(heap::get_traced_memory().0, counts.live_bytes());
        assert_eq!(snapshot.notes, Notes::default());
    });
}

/// Blocks and bytes live, by size class and alignment.
type Shapes = BTreeMap<(SizeClass, u32), (u64, u64)>;

fn by_shape(snapshot: &Snapshot) -> Shapes {
    let mut shapes = Shapes::new();
    for trace in snapshot.traces.iter().filter(|trace| trace.counts.live_blocks() > 0) {
        let sum = shapes.entry((trace.size_class, trace.align)).or_default();
        sum.0 += trace.counts.live_blocks();
        sum.1 += trace.counts.live_bytes();
    }
    shapes
}

fn shapes() -> Shapes {
    let mut shapes = Shapes::new();
    let layouts: Vec<_> = ledger(|ledger| ledger.recorded().collect());
    for layout in layouts {
        let class = SizeClass::of(layout.size() as u64);
        let sum = shapes.entry((class, layout.align() as u32)).or_default();
        sum.0 += 1;
        sum.1 += layout.size() as u64;
    }
    shapes
}
