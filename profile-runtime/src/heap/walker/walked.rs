//! What a walk has found, and whether that is what the thread's walk before has found.

/// Number of a stack that was not compared with others.
pub(crate) const UNCOUNTED: u64 = 0;

/// What a walk has found.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Walked {
    len: usize,
    /// Of this stack among those of the thread; [`UNCOUNTED`] when nobody counts.
    pub(crate) number: u64,
}

impl Walked {
    const SAME: usize = 1 << (usize::BITS - 1);

    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
    #[inline(always)]
    pub(super) fn same(len: usize, number: u64) -> Self {
        Self { len: len | Self::SAME, number }
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
    #[inline(always)]
    pub(super) fn another(len: usize, number: u64) -> Self {
        Self { len, number }
    }

    /// A walk that was not compared with any.
    pub(super) fn uncounted(len: usize) -> Self {
        Self { len, number: UNCOUNTED }
    }

    /// How many addresses there are.
    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        self.len & !Self::SAME
    }

    /// The stack is that of the thread's walk before: nothing was filled in.
    #[inline(always)]
    pub(crate) fn is_same(self) -> bool {
        self.len & Self::SAME != 0
    }
}
