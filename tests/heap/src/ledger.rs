//! The naive model: a hash map of live blocks behind a lock, and sums.

use std::alloc::Layout;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// A block that is live.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// As it was asked for.
    pub layout: Layout,
    /// Allocated since recording began.
    pub recorded: bool,
}

/// What was counted since recording began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Blocks allocated.
    pub allocations: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Of those blocks, those that were freed.
    pub frees: u64,
    /// Of those bytes, those that were freed.
    pub freed_bytes: u64,
    /// Blocks freed that were older than the recording.
    pub older_frees: u64,
    /// The most bytes that were live at a time.
    pub peak_bytes: u64,
}

impl Counts {
    /// Blocks live.
    #[must_use]
    pub fn live_blocks(&self) -> u64 {
        self.allocations - self.frees
    }

    /// Bytes live.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.allocated_bytes - self.freed_bytes
    }
}

/// All blocks of the process, and what was counted.
#[derive(Debug)]
pub struct Ledger {
    blocks: HashMap<usize, Entry, BuildHasherDefault<DefaultHasher>>,
    recording: bool,
    counts: Counts,
}

impl Ledger {
    /// Without blocks, not recording.
    #[must_use]
    pub const fn new() -> Self {
        let counts = Counts {
            allocations: 0,
            allocated_bytes: 0,
            frees: 0,
            freed_bytes: 0,
            older_frees: 0,
            peak_bytes: 0,
        };
        Self { blocks: HashMap::with_hasher(BuildHasherDefault::new()), recording: false, counts }
    }

    /// All that is live now is older from here on.
    pub fn begin(&mut self) {
        self.blocks.values_mut().for_each(|entry| entry.recorded = false);
        self.counts = Counts::default();
        self.recording = true;
    }

    /// Recording has ended.
    pub fn end(&mut self) {
        self.begin();
        self.recording = false;
    }

    /// A block was allocated.
    ///
    /// # Panics
    /// There is one already.
    pub fn allocate(&mut self, address: usize, layout: Layout) {
        let entry = Entry { layout, recorded: self.recording };
        assert!(self.blocks.insert(address, entry).is_none(), "two blocks at one address");
        if self.recording {
            self.counts.allocations += 1;
            self.counts.allocated_bytes += layout.size() as u64;
            self.counts.peak_bytes = self.counts.peak_bytes.max(self.counts.live_bytes());
        }
    }

    /// A block is about to be freed. False when there is none.
    ///
    /// # Panics
    /// It was asked for with another layout.
    pub fn free(&mut self, address: usize, layout: Layout) -> bool {
        let Some(entry) = self.blocks.remove(&address) else { return false };
        assert_eq!(entry.layout, layout, "freed as it was allocated");
        if entry.recorded {
            self.counts.frees += 1;
            self.counts.freed_bytes += layout.size() as u64;
        } else if self.recording {
            self.counts.older_frees += 1;
        }
        true
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The blocks that are live and were recorded.
    pub fn recorded(&self) -> impl Iterator<Item = Layout> {
        self.blocks.values().filter(|entry| entry.recorded).map(|entry| entry.layout)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}
