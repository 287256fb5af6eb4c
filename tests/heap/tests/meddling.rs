//! What comes between the halves of a `realloc`: all is forgotten and begun anew, or there is no memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use profile_cost_heap::judged;
use profile_cost_runtime::heap::{self, Mode, Notes, Tracker};

thread_local! {
    static FORGET: Cell<bool> = const { Cell::new(false) };
    static FAIL: Cell<bool> = const { Cell::new(false) };
}

/// Does as it is told in the middle of a `realloc`.
struct Meddling;

// SAFETY: blocks are the system's.
unsafe impl GlobalAlloc for Meddling {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if FORGET.get() {
            heap::clear_traces().expect("nobody is busy");
        }
        if FAIL.get() {
            return std::ptr::null_mut();
        }
        // SAFETY: as the caller promised.
        unsafe { System.realloc(block, layout, size) }
    }
}

// By hand, and not the process's: nothing else is in the figures.
static TRACKER: Tracker<Meddling> = Tracker::new(Meddling);

/// Blocks and bytes live, allocations and frees, and what else was noted.
fn look() -> (u64, u64, u64, u64, Notes) {
    let snapshot = heap::take_snapshot();
    let totals = snapshot.totals();
    assert_eq!(heap::get_traced_memory().0, totals.live_bytes());
    (totals.live_blocks(), totals.live_bytes(), totals.allocations, totals.frees, snapshot.notes)
}

fn main() {
    let older = |older_frees| Notes { older_frees, ..Notes::default() };
    let (small, large) = (Layout::new::<[u64; 8]>(), Layout::new::<[u64; 800]>());
    for mode in [Mode::Exact { frames: 25 }, Mode::Paths] {
        judged::set_mode(mode).expect("a mode");
        // SAFETY: each block is live when it is moved or freed, and of the layout that is told.
        unsafe {
            let block = TRACKER.alloc(small);
            assert_eq!(look(), (1, 64, 1, 0, older(0)));
            FAIL.set(true);
            assert!(TRACKER.realloc(block, small, large.size()).is_null());
            assert_eq!(look(), (1, 64, 1, 0, older(0)), "{mode}: it is where it was");
            FORGET.set(true);
            assert!(TRACKER.realloc(block, small, large.size()).is_null());
            assert_eq!(look(), (0, 0, 0, 0, older(0)), "{mode}: it is older than the recording now");
            FORGET.set(false);
            FAIL.set(false);
            TRACKER.dealloc(block, small);
            assert_eq!(look(), (0, 0, 0, 0, older(1)));
            let block = TRACKER.alloc(small);
            FORGET.set(true);
            let block = TRACKER.realloc(block, small, large.size());
            FORGET.set(false);
            assert_eq!(
                look(),
                (1, large.size() as u64, 1, 0, older(1)),
                "{mode}: an older one went, a new one came"
            );
            TRACKER.dealloc(block, large);
            assert_eq!(look(), (0, 0, 1, 1, older(1)));
        }
        heap::stop();
    }
}
