//! loom's atomics, with a weakness planted or not.

use std::cell::Cell;

/// What is taken from the protocols, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weakness {
    /// Stores with Release are Relaxed.
    RelaxedStores,
    /// Loads with Acquire are Relaxed.
    RelaxedLoads,
    NoReleaseFence,
    NoAcquireFence,
    /// The odd sequence number is not stored.
    NeverOdd,
    /// The null pointer is not stored.
    NeverNull,
    /// The reader reads in the other order; for models to look at.
    OtherOrder,
}

thread_local! {
    // NOTE: loom runs all threads of a model on the one that asked for it.
    static PLANTED: Cell<Option<Weakness>> = const { Cell::new(None) };
}

pub(crate) fn plant(weakness: Option<Weakness>) {
    PLANTED.set(weakness);
}

pub(crate) fn planted(weakness: Weakness) -> bool {
    PLANTED.get() == Some(weakness)
}

pub(crate) mod hint {
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::thread::yield_now;
}

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::Ordering;

    use super::{Weakness, planted};

    fn of_load(ordering: Ordering) -> Ordering {
        if planted(Weakness::RelaxedLoads) { Ordering::Relaxed } else { ordering }
    }

    fn of_store(ordering: Ordering) -> Ordering {
        if planted(Weakness::RelaxedStores) { Ordering::Relaxed } else { ordering }
    }

    pub(crate) fn fence(ordering: Ordering) {
        let missing = match ordering {
            Ordering::Release => Weakness::NoReleaseFence,
            _ => Weakness::NoAcquireFence,
        };
        if !planted(missing) {
            loom::sync::atomic::fence(ordering);
        }
    }

    macro_rules! atomic {
        ($name:ident, $value:ty, [$($generics:tt)*], $lost:expr) => {
            #[derive(Debug)]
            pub(crate) struct $name $($generics)* {
                value: loom::sync::atomic::$name $($generics)*,
                // NOTE: loom remembers only the last access of each atomic. A thread that loads before it
                // stores, as every counter here does, thereby hides the load of another that its store
                // races with, and that order is never explored. A store before each access makes all
                // accesses depend on each other; nobody loads it, so it orders no memory.
                access: loom::sync::atomic::AtomicBool,
            }

            impl $($generics)* $name $($generics)* {
                pub(crate) fn new(value: $value) -> Self {
                    Self {
                        value: loom::sync::atomic::$name::new(value),
                        access: loom::sync::atomic::AtomicBool::new(false),
                    }
                }

                pub(crate) fn load(&self, ordering: Ordering) -> $value {
                    self.access.store(true, Ordering::Relaxed);
                    self.value.load(of_load(ordering))
                }

                pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                    let lost: fn($value) -> bool = $lost;
                    if !lost(value) {
                        self.access.store(true, Ordering::Relaxed);
                        self.value.store(value, of_store(ordering));
                    }
                }
            }
        };
    }

    atomic!(AtomicU32, u32, [], |value| planted(Weakness::NeverOdd) && value % 2 == 1);
    atomic!(AtomicU64, u64, [], |_| false);
    atomic!(AtomicPtr, *mut T, [<T>], |value| planted(Weakness::NeverNull) && value.is_null());
}
