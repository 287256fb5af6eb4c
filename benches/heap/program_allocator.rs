//! The program's allocator: any of the contenders, switched while it runs.
//!
//! All of them hand on to the system's allocator and add nothing to a block, so that each can free what another
//! allocated. What it takes to look at the switch is in the figures of all, the system allocator's among them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU8, Ordering};

use crate::contenders::{PPROF_EXACT, PPROF_SAMPLED, TRACKER};

#[global_allocator]
pub static PROGRAM: ProgramAllocator = ProgramAllocator { choice: AtomicU8::new(Choice::System as u8) };

pub struct ProgramAllocator {
    choice: AtomicU8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Choice {
    System,
    Tracker,
    PprofSampled,
    PprofExact,
    Dhat,
}

impl ProgramAllocator {
    /// Runs `body` with that allocator, and goes back to the one before. No other thread may be at work meanwhile that keeps what it allocates:
    /// dhat panics when a block comes back that it did not see freed.
    pub fn during<R>(&self, choice: Choice, body: impl FnOnce() -> R) -> R {
        let before = self.choice.swap(choice as u8, Ordering::Relaxed);
        let result = body();
        self.choice.store(before, Ordering::Relaxed);
        result
    }
}

/// Calls the same method of the allocator that is chosen.
macro_rules! hand_on {
    ($choice:expr, $method:ident($($argument:expr),*)) => {{
        const SYSTEM: u8 = Choice::System as u8;
        const TRACKER_: u8 = Choice::Tracker as u8;
        const SAMPLED: u8 = Choice::PprofSampled as u8;
        const EXACT: u8 = Choice::PprofExact as u8;
        // SAFETY: the caller keeps to the contract of the method, which is that of the method called. Blocks of
        // one allocator may go to another: all of them are the system allocator's, unchanged.
        unsafe {
            match $choice.load(Ordering::Relaxed) {
                SYSTEM => System.$method($($argument),*),
                TRACKER_ => TRACKER.$method($($argument),*),
                SAMPLED => PPROF_SAMPLED.$method($($argument),*),
                EXACT => PPROF_EXACT.$method($($argument),*),
                _ => dhat::Alloc.$method($($argument),*),
            }
        }
    }};
}

// SAFETY: every method hands on to an allocator that keeps the contract.
unsafe impl GlobalAlloc for ProgramAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hand_on!(self.choice, alloc(layout))
    }
    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        hand_on!(self.choice, alloc_zeroed(layout))
    }
    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        hand_on!(self.choice, dealloc(block, layout))
    }
    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        hand_on!(self.choice, realloc(block, layout, size))
    }
}
