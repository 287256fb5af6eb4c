//! An engine of its own, driven by literal ticks: what the conformance tests hold against cProfile. And profiles made
//! up from a seed.

#[cfg(feature = "heap")]
mod heap;
mod memory;
#[cfg(feature = "symbols")]
mod names;
mod profiles;
mod random;
#[cfg(feature = "heap")]
mod snapshots;
#[cfg(feature = "heap")]
pub mod walker;

#[cfg(feature = "heap")]
pub use heap::generated_heap_snapshot;
pub use memory::CountingAllocator;
pub use profiles::{HOSTILE_NAMES, assert_same, generated_profile, large_profile};
pub use random::Random;
#[cfg(feature = "heap")]
pub use snapshots::generated_snapshot;

#[cfg(feature = "heap")]
pub use crate::heap::local::seed_samples;
#[cfg(feature = "heap")]
pub use crate::heap::origin::{crate_of, is_machinery};
#[cfg(feature = "heap")]
pub use crate::heap::recording::note_installed as tracker_is_called_directly;
#[cfg(feature = "heap")]
pub use crate::heap::types::classify;
#[cfg(feature = "symbols")]
pub use names::name_by_child;

use std::cell::RefCell;

use crate::block::Block;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::paths::Limits;
use crate::profile::{Label, Profile};
use crate::site;
use crate::snapshot;
use crate::spot::Spot;

/// A function known to a [`World`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionHandle(u32);

/// A path tree with threads and a clock of their own.
pub struct World {
    engine: &'static Engine,
}

/// A thread of a [`World`]; all may be driven from one real thread.
pub struct ThreadHandle {
    block: &'static Block,
    stack: RefCell<Vec<(Spot, &'static Counters)>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("paths", &self.engine.paths.len()).finish()
    }
}

impl std::fmt::Debug for ThreadHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadHandle").field("depth", &self.stack.borrow().len()).finish()
    }
}

impl World {
    /// A world whose recursion folds from `depth_limit` on and whose tree holds `max_paths`.
    #[must_use]
    pub fn new(depth_limit: u32, max_paths: u32) -> Self {
        Self { engine: Engine::leak(Limits { depth: depth_limit, paths: max_paths }) }
    }

    /// Makes a function known.
    #[must_use]
    pub fn function(&self, file: &str, line: u32, name: &str) -> FunctionHandle {
        FunctionHandle(site::register_label(Label::new(file, line, name)))
    }

    /// A new thread, on no path.
    #[must_use]
    pub fn thread(&self) -> ThreadHandle {
        ThreadHandle { block: self.engine.adopt(0, None), stack: RefCell::default() }
    }

    /// What was recorded on `thread` up to tick `end`, in ticks.
    #[must_use]
    pub fn thread_profile(&self, thread: &ThreadHandle, end: u64) -> Profile {
        snapshot::of_block(self.engine, thread.block, end, 1.0)
    }
}

impl ThreadHandle {
    /// Enters a function at a tick.
    ///
    /// # Panics
    /// When the engine has no counters for the call, which is a bug of the engine.
    pub fn enter(&self, function: FunctionHandle, tick: u64) {
        let found = self.block.find(function.0).or_else(|| self.block.resolve(function.0));
        let counters = found.expect("every call has counters");
        self.stack.borrow_mut().push((self.block.spot(), counters));
        counters.start();
        self.block.switch(Spot::of(counters), tick);
    }

    /// Leaves the innermost function at a tick by returning.
    ///
    /// # Panics
    /// When no function was entered.
    pub fn exit(&self, tick: u64) {
        self.leave(tick).finish_returned();
    }

    /// Leaves the innermost function at a tick by unwinding.
    ///
    /// # Panics
    /// When no function was entered.
    pub fn raise(&self, tick: u64) {
        self.leave(tick).finish_panicked();
    }

    fn leave(&self, tick: u64) -> &'static Counters {
        let (back, counters) = self.stack.borrow_mut().pop().expect("a function was entered");
        self.block.switch(back, tick);
        counters
    }
}
#[cfg(feature = "server")]
pub use crate::http::server::exchange as http_exchange;
