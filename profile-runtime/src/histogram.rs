//! The elapsed times of one function on one thread, in as little memory as its buckets need. The thread that owns
//! it counts, anyone may read; both the owner's reshaping and the reading happen under the block's lock.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::paths::PathIndex;
use crate::site::SiteId;
use crate::storage::FunctionPlace;
use crate::window::{NONE, Window, count_sparse, read_sparse};

/// Buckets that need no window: most threads see no more of most functions. With them a histogram is 32 bytes.
const FEW: usize = 4;

/// See the module.
pub(crate) struct Histogram {
    /// The root that the function was called under: the common one, or a per-call report's. Set once.
    top: AtomicU32,
    /// The function. Set once.
    site: AtomicU32,
    /// The counts while there are few; see [`count_sparse`].
    few: [AtomicU32; FEW],
    /// The counts from then on; null before.
    window: AtomicPtr<Window>,
}

impl Histogram {
    /// An empty histogram of no function yet.
    pub(crate) const fn new() -> Self {
        Self {
            top: AtomicU32::new(0),
            site: AtomicU32::new(0),
            few: [const { AtomicU32::new(0) }; FEW],
            window: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Gives it its function, before anybody else knows of it. With `in_window` all counts are in a window from the first on.
    pub(crate) fn set_function(&self, top: PathIndex, site: SiteId, in_window: bool) {
        if in_window {
            self.few.iter().for_each(|slot| slot.store(NONE, Ordering::Relaxed));
        }
        self.top.store(top, Ordering::Relaxed);
        self.site.store(site, Ordering::Relaxed);
    }

    /// Root and function.
    pub(crate) fn function(&self) -> (PathIndex, SiteId) {
        (self.top.load(Ordering::Relaxed), self.site.load(Ordering::Relaxed))
    }

    /// Counts one more; false when there is no room for the bucket. Only for the owner.
    pub(crate) fn count(&self, bucket: usize) -> bool {
        let window = self.window.load(Ordering::Relaxed);
        // SAFETY: windows are freed only by `grow`, which the owner calls, and the owner is here.
        match unsafe { window.as_ref() } {
            Some(window) => window.count(bucket),
            None => count_sparse(&self.few, bucket),
        }
    }

    /// Makes room for a bucket, and counts it.
    ///
    /// # Safety
    /// Only for the owner, which holds the lock that readers hold.
    pub(crate) unsafe fn grow(&self, bucket: usize, place: FunctionPlace) {
        // SAFETY: nobody else reads, as the caller promises.
        let counts = unsafe { self.read() };
        let window = Box::into_raw(Box::new(Window::with_one_more(counts, bucket, place)));
        let old = self.window.swap(window, Ordering::Release);
        if !old.is_null() {
            // SAFETY: it was made by `Box::into_raw` here, and nobody reads it.
            drop(unsafe { Box::from_raw(old) });
        }
    }

    /// The buckets in use and their counts.
    ///
    /// # Safety
    /// The caller holds the lock that `grow` is called under, so that no window is freed meanwhile.
    pub(crate) unsafe fn read(&self) -> Vec<(usize, u64)> {
        let window = self.window.load(Ordering::Acquire);
        // SAFETY: as the caller promises.
        match unsafe { window.as_ref() } {
            Some(window) => window.read(),
            None => read_sparse(&self.few),
        }
    }
}
