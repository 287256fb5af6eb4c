//! HOT PATH: the allocator that records. While recording is off each method reads one word and goes on to the
//! allocator inside.

use std::alloc::{GlobalAlloc, Layout, System};

use super::hooks;
use super::quick;
use super::recording;

/// An allocator that hands on to another one, and records what goes through it once recording is switched on.
///
/// ```
/// use profile_cost_runtime as profile_cost;
///
/// #[global_allocator]
/// static ALLOCATOR: profile_cost::heap::Tracker = profile_cost::heap::Tracker::system();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracker<A = System> {
    inner: A,
}

impl Tracker<System> {
    /// Around the system's allocator.
    #[must_use]
    pub const fn system() -> Self {
        Self { inner: System }
    }
}

impl<A> Tracker<A> {
    /// Around any allocator.
    #[must_use]
    pub const fn new(inner: A) -> Self {
        Self { inner }
    }
}

impl<A: GlobalAlloc> Tracker<A> {
    #[inline(never)]
    fn allocate_recorded(&self, layout: Layout) -> *mut u8 {
        if quick::passes_by(layout.size()) {
            // SAFETY: as the caller of `alloc` promised.
            return unsafe { self.inner.alloc(layout) };
        }
        // SAFETY: as the caller of `alloc` promised.
        let block = unsafe { self.inner.alloc(layout) };
        if !block.is_null() {
            quick::allocated::<A>(block.addr(), layout);
        }
        block
    }

    #[inline(never)]
    fn allocate_zeroed_recorded(&self, layout: Layout) -> *mut u8 {
        if quick::passes_by(layout.size()) {
            // SAFETY: as the caller of `alloc_zeroed` promised.
            return unsafe { self.inner.alloc_zeroed(layout) };
        }
        // SAFETY: as the caller of `alloc_zeroed` promised.
        let block = unsafe { self.inner.alloc_zeroed(layout) };
        if !block.is_null() {
            quick::allocated::<A>(block.addr(), layout);
        }
        block
    }

    #[inline(never)]
    fn deallocate_recorded(&self, block: *mut u8, layout: Layout) {
        if !quick::freed(block.addr(), layout.size()) {
            return self.deallocate_kept(block, layout);
        }
        // SAFETY: as the caller of `dealloc` promised.
        unsafe { self.inner.dealloc(block, layout) };
    }

    /// PERF: by itself, so that the other way out saves no registers.
    #[inline(never)]
    fn deallocate_kept(&self, block: *mut u8, layout: Layout) {
        // First: once it is freed, another thread may get the same address.
        quick::freed_block::<A>(block.addr(), layout);
        // SAFETY: as the caller of `dealloc` promised.
        unsafe { self.inner.dealloc(block, layout) };
    }

    #[inline(never)]
    fn reallocate_recorded(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let known = hooks::moving(block.addr(), layout.size());
        // SAFETY: as the caller of `realloc` promised.
        let moved = unsafe { self.inner.realloc(block, layout, size) };
        if moved.is_null() {
            hooks::stayed(known, block.addr(), layout.size());
        } else {
            hooks::moved(known, block.addr(), layout, moved.addr(), size);
        }
        moved
    }
}

// SAFETY: all four methods hand on to the allocator inside, with what they were given; what they do beside touches no
// memory of it, does not allocate from it and does not unwind.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Tracker<A> {
    // NOTE: inlined in every build, so that the stacks recorded begin with whoever asked for memory.
    #[inline(always)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if recording::is_on() {
            return self.allocate_recorded(layout);
        }
        // SAFETY: as the caller promised.
        unsafe { self.inner.alloc(layout) }
    }

    #[inline(always)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if recording::is_on() {
            return self.deallocate_recorded(block, layout);
        }
        // SAFETY: as the caller promised.
        unsafe { self.inner.dealloc(block, layout) }
    }

    #[inline(always)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if recording::is_on() {
            return self.allocate_zeroed_recorded(layout);
        }
        // SAFETY: as the caller promised.
        unsafe { self.inner.alloc_zeroed(layout) }
    }

    #[inline(always)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if recording::is_on() {
            return self.reallocate_recorded(block, layout, size);
        }
        // SAFETY: as the caller promised.
        unsafe { self.inner.realloc(block, layout, size) }
    }
}
