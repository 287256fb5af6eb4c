//! The guard of crates that are compiled without optimization.

use std::mem::ManuallyDrop;

use crate::guard::{Guard, Runtime};
use crate::site::Site;

/// A [`Guard`] whose code stands in this crate alone: for crates compiled without optimization, where what is
/// generic or inline would be compiled for each again, and slow.
#[derive(Debug)]
pub struct OutlinedGuard(ManuallyDrop<Guard>);

impl OutlinedGuard {
    /// A guard of no call.
    #[inline(never)]
    #[allow(clippy::new_without_default, reason = "only macros make guards")]
    pub const fn new() -> Self {
        Self(ManuallyDrop::new(Guard::new()))
    }

    /// As [`Guard::enter`].
    #[inline]
    pub fn enter<N: Fn()>(&mut self, site: &'static Site, _namer: N) {
        self.enter_named(site, std::any::type_name::<N>);
    }

    #[inline(never)]
    fn enter_named(&mut self, site: &'static Site, type_name: fn() -> &'static str) {
        self.0.enter_named::<Runtime>(site, type_name);
    }
}

impl Drop for OutlinedGuard {
    #[inline(never)]
    fn drop(&mut self) {
        self.0.leave_if_entered::<Runtime>();
    }
}
