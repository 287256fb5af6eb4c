//! The profiler's own memory: mapped pages, counted and capped, from nobody's allocator.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Cap on [`used`] when nobody says otherwise, bytes.
pub(crate) const DEFAULT_CAP: usize = 256 << 20;

static USED: AtomicUsize = AtomicUsize::new(0);
static CAP: AtomicUsize = AtomicUsize::new(DEFAULT_CAP);
/// The cap that was reached, since recording began; 0 while none was.
static REACHED: AtomicUsize = AtomicUsize::new(0);

/// Bytes mapped now.
pub(crate) fn used() -> usize {
    USED.load(Relaxed)
}

pub(crate) fn set_cap(bytes: usize) {
    CAP.store(bytes, Relaxed);
}

/// The most that there may be.
#[cfg(feature = "http")]
pub(crate) fn cap() -> usize {
    CAP.load(Relaxed)
}

/// The cap that was reached, or 0.
pub(crate) fn cap_reached() -> usize {
    REACHED.load(Relaxed)
}

pub(crate) fn forget_cap_reached() {
    REACHED.store(0, Relaxed);
}

/// Of the cap, what is left for [`map_last`], bytes.
const RESERVE: usize = 64 << 10;

/// Zeroed memory, aligned to a page. `None` past the cap, or when the system has none.
pub(crate) fn map(bytes: usize) -> Option<*mut u8> {
    let cap = CAP.load(Relaxed);
    map_below(cap - RESERVE.min(cap / 16), cap, bytes)
}

/// As [`map`], for what is needed when the rest is full.
pub(crate) fn map_last(bytes: usize) -> Option<*mut u8> {
    let cap = CAP.load(Relaxed);
    map_below(cap, cap, bytes)
}

fn map_below(limit: usize, cap: usize, bytes: usize) -> Option<*mut u8> {
    if USED.fetch_add(bytes, Relaxed).saturating_add(bytes) > limit {
        USED.fetch_sub(bytes, Relaxed);
        REACHED.store(cap.max(1), Relaxed);
        return None;
    }
    let memory = pages::map(bytes);
    if memory.is_none() {
        USED.fetch_sub(bytes, Relaxed);
    }
    memory
}

/// Gives back what [`map`] returned.
///
/// # Safety
/// `memory` came from [`map`] with `bytes`, and nobody uses it any more.
pub(crate) unsafe fn unmap(memory: *mut u8, bytes: usize) {
    // SAFETY: as the caller promised.
    unsafe { pages::unmap(memory, bytes) };
    USED.fetch_sub(bytes, Relaxed);
}

#[cfg(unix)]
mod pages {
    pub(super) fn map(bytes: usize) -> Option<*mut u8> {
        // SAFETY: a new anonymous mapping touches no memory in use.
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANON,
                -1,
                0,
            )
        };
        (memory != libc::MAP_FAILED).then_some(memory.cast())
    }

    /// # Safety
    /// A mapping of that size, which nobody uses.
    pub(super) unsafe fn unmap(memory: *mut u8, bytes: usize) {
        // SAFETY: a mapping of that size which nobody uses, as the caller promised.
        unsafe { libc::munmap(memory.cast(), bytes) };
    }
}

#[cfg(not(unix))]
mod pages {
    use std::alloc::{GlobalAlloc, Layout, System};

    fn layout(bytes: usize) -> Option<Layout> {
        Layout::from_size_align(bytes, 4096).ok()
    }

    pub(super) fn map(bytes: usize) -> Option<*mut u8> {
        // SAFETY: no caller asks for zero bytes.
        let memory = unsafe { System.alloc_zeroed(layout(bytes)?) };
        (!memory.is_null()).then_some(memory)
    }

    /// # Safety
    /// A mapping of that size, which nobody uses.
    pub(super) unsafe fn unmap(memory: *mut u8, bytes: usize) {
        if let Some(layout) = layout(bytes) {
            // SAFETY: made by `map` with the same layout, as the caller promised.
            unsafe { System.dealloc(memory, layout) };
        }
    }
}
