//! Where in the call tree a thread is, and since when. Its thread writes, any thread reads, nobody locks.

use std::ptr;

use crate::counters::Counters;
use crate::sync::atomic::{AtomicPtr, AtomicU64, Ordering, fence};
use crate::sync::hint::{spin_loop, yield_now};

/// See the module. Points to leaked counters only.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Position {
    /// The path; null while the owner switches.
    current: AtomicPtr<Counters>,
    /// Tick of the last switch.
    last: AtomicU64,
}

/// How often a reader looks before it gives up.
const LOOKS: u32 = if cfg!(loom) { 3 } else { 300 };

/// A stay on counters, as another thread sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StayReading {
    pub(crate) counters: *const Counters,
    /// Their self time before this stay.
    pub(crate) before: u64,
    /// How long the stay has lasted.
    pub(crate) ticks: u64,
}

impl StayReading {
    /// The path.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) fn path(&self) -> u32 {
        // SAFETY: from `Position::read`, where it pointed to leaked counters.
        unsafe { &*self.counters }.path.load(Ordering::Relaxed)
    }
}

impl Position {
    /// On [`Counters::nowhere`], which is never charged: until [`Position::set`].
    #[cfg(not(loom))]
    pub(crate) const fn nowhere(nowhere: &'static Counters) -> Self {
        Self { current: AtomicPtr::new(ptr::from_ref(nowhere).cast_mut()), last: AtomicU64::new(0) }
    }

    #[cfg(loom)]
    pub(crate) fn nowhere() -> Self {
        Self { current: AtomicPtr::new(ptr::null_mut()), last: AtomicU64::new(0) }
    }

    /// The counters of the path. Only the owner calls this.
    #[inline(always)]
    pub(crate) fn current(&self) -> *const Counters {
        self.current.load(Ordering::Relaxed)
    }

    /// Puts the thread on a path from `now` on, without charging what was before.
    pub(crate) fn set(&self, to: &'static Counters, now: u64) {
        self.last.store(now, Ordering::Relaxed);
        self.current.store(ptr::from_ref(to).cast_mut(), Ordering::Release);
    }

    /// Puts the thread on a path; the stay before it is not charged.
    pub(crate) fn abandon(&self, to: &'static Counters) {
        self.current.store(ptr::from_ref(to).cast_mut(), Ordering::Release);
    }

    /// Charges the time since the last switch to `current`, the path the thread is on, and goes over to
    /// `to`. False when the clock has stepped backwards, which counts as no time.
    ///
    /// Only the owner calls this, and not before [`Position::set`].
    /// PERF: the caller has looked at `current` already; it is not loaded again.
    #[inline(always)]
    #[must_use]
    pub(crate) fn switch(&self, current: *const Counters, to: *const Counters, now: u64) -> bool {
        debug_assert!(ptr::eq(current, self.current()));
        let ticks = now.wrapping_sub(self.last.load(Ordering::Relaxed));
        let forwards = ticks as i64 >= 0;
        // NOTE: while `current` is null, readers wait: the three stores are seen as one.
        self.current.store(ptr::null_mut(), Ordering::Relaxed);
        fence(Ordering::Release);
        // PERF: a branch; as a choice of what to add it costs 1 ns a call.
        if forwards {
            // SAFETY: never null outside of this function, and counters are leaked.
            unsafe { &*current }.charge(ticks);
        }
        self.last.store(now, Ordering::Relaxed);
        self.current.store(to.cast_mut(), Ordering::Release);
        forwards
    }

    /// The stay at tick `now`. `None` when the owner was switching at each of several looks: then the
    /// stay is some nanoseconds old.
    pub(crate) fn read(&self, now: u64) -> Option<StayReading> {
        for look in 0..LOOKS {
            let current = self.current.load(Ordering::Acquire);
            if current.is_null() {
                // A switch takes nanoseconds; when it takes longer, the owner has lost its processor in
                // the middle of it, and with it goes all the time of the stay.
                if look < LOOKS / 3 {
                    spin_loop()
                } else {
                    yield_now()
                }
                continue;
            }
            let last = self.last.load(Ordering::Relaxed);
            // SAFETY: not null, and counters are leaked.
            let counters = unsafe { &*current };
            let before = counters.read_busy();
            fence(Ordering::Acquire);
            // NOTE: the thread may have come back to the same path meanwhile, so all is looked at again:
            // the Acquire makes it no older than `current`, the fence above no newer.
            if self.current.load(Ordering::Acquire) == current
                && self.last.load(Ordering::Relaxed) == last
                && counters.read_busy() == before
            {
                return Some(StayReading { counters, before, ticks: now.saturating_sub(last) });
            }
        }
        None
    }
}
