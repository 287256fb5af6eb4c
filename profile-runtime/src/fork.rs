//! Sockets that listen, and children that are forked from a process that has one: a child has no thread that would
//! accept on it, and as long as it keeps it open, whoever connects after the parent's end waits for ever.

use std::sync::atomic::{AtomicI32, Ordering};

/// In place of a descriptor.
const NONE: i32 = -1;
/// What children close. Of more servers than these, children keep the sockets.
static SOCKETS: [AtomicI32; 8] = [const { AtomicI32::new(NONE) }; 8];

/// A descriptor that children close, until this drops: before the descriptor is closed.
#[derive(Debug)]
pub(crate) struct ClosedInChildren(Option<&'static AtomicI32>);

impl ClosedInChildren {
    pub(crate) fn new(descriptor: i32) -> Self {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handler does only what a signal handler may, and lives as long as the process.
            unsafe { libc::pthread_atfork(None, None, Some(close_all)) };
        });
        let free = |place: &&AtomicI32| {
            place.compare_exchange(NONE, descriptor, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        Self(SOCKETS.iter().find(free))
    }
}

impl Drop for ClosedInChildren {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.store(NONE, Ordering::Release);
        }
    }
}

/// In the child.
extern "C" fn close_all() {
    for place in &SOCKETS {
        let descriptor = place.swap(NONE, Ordering::AcqRel);
        if descriptor != NONE {
            // SAFETY: the owner is a thread that is not in this process, so that nobody uses or closes it again.
            unsafe { libc::close(descriptor) };
        }
    }
}
