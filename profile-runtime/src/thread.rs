//! The thread's slot: which block the running thread writes to.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::block::Block;
use crate::clock;
use crate::engine;

/// What a thread points to before its first event.
static UNATTACHED: Block = Block::placeholder();
/// What a thread points to once its thread-locals are being destroyed.
static ENDED: Block = Block::placeholder();
/// What a thread of the profiler's own points to.
#[cfg(any(feature = "http", feature = "recorder"))]
static LEFT_OUT: Block = Block::placeholder();

/// Events on threads that had ended; see [`ENDED`].
static LATE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// No destructor and const-initialised: reading it is one instruction, and it outlives all others.
    static BLOCK: Cell<&'static Block> = const { Cell::new(&UNATTACHED) };
    /// Its destructor hands the block back.
    static ON_EXIT: OnExit = const { OnExit };
}

struct OnExit;

impl Drop for OnExit {
    fn drop(&mut self) {
        let block = BLOCK.replace(&ENDED);
        if let Some(engine) = block.engine {
            engine.hand_back(block);
        }
    }
}

/// The block of this thread, or a placeholder.
#[inline(always)]
pub(crate) fn block() -> &'static Block {
    BLOCK.get()
}

/// The block of this thread, attached if need be; `None` when the thread is ending.
#[cold]
#[inline(never)]
pub(crate) fn attach() -> Option<&'static Block> {
    let block = block();
    if block.engine.is_some() {
        return Some(block);
    }
    #[cfg(any(feature = "http", feature = "recorder"))]
    if std::ptr::eq(block, &LEFT_OUT) {
        return None;
    }
    if std::ptr::eq(block, &ENDED) {
        LATE.fetch_add(1, Ordering::Relaxed);
        return None;
    }
    let _inside = Inside::enter();
    clock::start();
    // First, so that the thread-local is registered (or known to be gone) before a block is taken.
    if ON_EXIT.try_with(|_| ()).is_err() {
        LATE.fetch_add(1, Ordering::Relaxed);
        return None;
    }
    let name = std::thread::current().name().map(str::to_owned);
    let block = engine::process().adopt(clock::now(), name);
    BLOCK.set(block);
    Some(block)
}

/// The calling thread is the profiler's own: neither its calls nor its blocks are recorded, for as long as it lives. What
/// it frees of the program's blocks is. The first thing that such a thread does.
///
/// NOTE: the thread is named here. Of one that std names a block is recorded before it does anything.
#[cfg(any(feature = "http", feature = "recorder"))]
pub(crate) fn leave_out(name: &std::ffi::CStr) {
    BLOCK.set(&LEFT_OUT);
    crate::heap::local::leave_out();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the kernel copies the name, which ends in a zero byte.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, name.as_ptr())
    };
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = name;
}

/// Makes this thread write to `block`: how one real thread plays several. Returns what it was.
#[cfg(test)]
pub(crate) fn set_block(block: &'static Block) -> &'static Block {
    BLOCK.replace(block)
}

/// Events that came too late in the life of their thread.
pub(crate) fn late_events() -> u64 {
    LATE.load(Ordering::Relaxed)
}

/// Counts an event that came too late.
pub(crate) fn note_late() {
    LATE.fetch_add(1, Ordering::Relaxed);
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Held while this thread is in code of ours that may allocate or hold a lock. A measured function that is
/// called from there (an annotated allocator) is not recorded: it would wait for its own thread.
#[derive(Debug)]
pub(crate) struct Inside(());

impl Inside {
    /// `None` when the thread is inside already; then nothing may be done.
    pub(crate) fn enter() -> Option<Self> {
        (!INSIDE.replace(true)).then(|| Self(()))
    }
}

/// True while the thread is in code of ours that allocates: that is nobody's call path.
#[cfg(feature = "heap")]
#[inline(always)]
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}
