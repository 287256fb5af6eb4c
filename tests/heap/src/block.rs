//! Blocks of a tracker that is called by hand, so that nothing else of the process is in the figures.

use std::alloc::{GlobalAlloc, Layout};

use profile_cost_runtime::heap::Tracker;

static TRACKER: Tracker = Tracker::system();

/// A block that frees itself.
#[derive(Debug)]
pub struct Block {
    memory: usize,
    layout: Layout,
}

impl Block {
    /// Of that many bytes, from 1.
    ///
    /// # Panics
    /// There is no memory, or no such layout.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let layout = Layout::from_size_align(size, 8).expect("a size");
        // SAFETY: no test asks for zero bytes.
        let memory = unsafe { TRACKER.alloc(layout) };
        assert!(!memory.is_null());
        Self { memory: memory.expose_provenance(), layout }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> usize {
        self.memory
    }

    /// Bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.layout.size()
    }

    fn pointer(&self) -> *mut u8 {
        std::ptr::with_exposed_provenance_mut(self.memory)
    }

    /// True when it was moved for it.
    ///
    /// # Panics
    /// There is no memory.
    pub fn resize(&mut self, size: usize) -> bool {
        // SAFETY: the block is live, of that layout, and no test asks for zero bytes.
        let memory = unsafe { TRACKER.realloc(self.pointer(), self.layout, size) };
        assert!(!memory.is_null());
        let before = std::mem::replace(&mut self.memory, memory.expose_provenance());
        self.layout = Layout::from_size_align(size, 8).expect("a size");
        before != self.memory
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: the block is live, and of that layout.
        unsafe { TRACKER.dealloc(self.pointer(), self.layout) };
    }
}
