//! The atomics of the recording side. The loom models compile `counters.rs`, `position.rs` and `ring.rs`
//! against loom's in place of these; nothing else belongs here.

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
}

pub(crate) mod hint {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::thread::yield_now;
}
