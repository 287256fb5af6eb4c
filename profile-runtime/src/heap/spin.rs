//! A lock for a few instructions, which neither allocates nor asks the system unless it has to wait long.

use std::sync::atomic::{AtomicBool, Ordering};

/// See the module. Held for well under a microsecond, except by a snapshot and around a fork.
#[derive(Debug)]
pub(crate) struct Spin(AtomicBool);

/// Unlocks when dropped.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a Spin);

impl Spin {
    pub(crate) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[inline(always)]
    pub(crate) fn lock(&self) -> Held<'_> {
        if self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait();
        }
        Held(self)
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) {
        for turn in 0u32.. {
            if !self.0.load(Ordering::Relaxed)
                && self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return;
            }
            // The holder may have lost its processor.
            if turn % 128 == 127 { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    }

    /// Unlocks what a `Held` that was forgotten had locked.
    #[cfg(unix)]
    pub(crate) fn force_unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Release);
    }
}
