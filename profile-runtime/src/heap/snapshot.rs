//! A heap snapshot as a value: stacks, and what was counted on each. Inert and owned; nothing here knows of threads,
//! allocators or globals.

use std::time::Duration;

use super::frame::{CallPath, Frame, FrameId, Module};
use super::mode::Mode;
use super::process::ProcessMemory;
use super::size_class::SizeClass;

/// What was counted on one stack, of blocks of one size class. In a sample, all are estimates.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TraceCounts {
    /// Blocks allocated.
    pub allocations: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Of those blocks, how many were freed.
    pub frees: u64,
    /// Of those bytes, how many were freed.
    pub freed_bytes: u64,
    /// Blocks that their thread freed before it had allocated more than a few others.
    pub temporary: u64,
    /// Bytes that `realloc` copied into blocks allocated here.
    pub copied_bytes: u64,
    /// Blocks that were live when the process's tracked bytes were at their highest.
    pub peak_blocks: u64,
    /// Bytes of those.
    pub peak_bytes: u64,
    /// Samples that the live figures are made from; 0 when every block was recorded.
    pub samples: u64,
    /// Variance of the estimated live bytes, bytes squared; 0 when every block was recorded.
    pub variance: f64,
}

impl TraceCounts {
    /// Blocks not freed.
    #[must_use]
    pub fn live_blocks(&self) -> u64 {
        self.allocations.saturating_sub(self.frees)
    }

    /// Bytes not freed.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.allocated_bytes.saturating_sub(self.freed_bytes)
    }

    /// Adds what was counted elsewhere; a sum too large stays at the largest number there is.
    pub fn add(&mut self, other: &Self) {
        self.allocations = self.allocations.saturating_add(other.allocations);
        self.allocated_bytes = self.allocated_bytes.saturating_add(other.allocated_bytes);
        self.frees = self.frees.saturating_add(other.frees);
        self.freed_bytes = self.freed_bytes.saturating_add(other.freed_bytes);
        self.temporary = self.temporary.saturating_add(other.temporary);
        self.copied_bytes = self.copied_bytes.saturating_add(other.copied_bytes);
        self.peak_blocks = self.peak_blocks.saturating_add(other.peak_blocks);
        self.peak_bytes = self.peak_bytes.saturating_add(other.peak_bytes);
        self.samples = self.samples.saturating_add(other.samples);
        self.variance += other.variance;
    }
}

/// Blocks of one size class, allocated on one stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The stack, innermost frame first. Empty in modes that keep no stacks.
    pub frames: Vec<FrameId>,
    /// Index of the `#[profile_cost]` call path that the thread was on; `None` outside of all.
    pub path: Option<u32>,
    /// Size of the blocks.
    pub size_class: SizeClass,
    /// Size of the first such block, bytes.
    pub first_size: u64,
    /// Alignment that the blocks were asked with, bytes.
    pub align: u32,
    /// Index in [`Snapshot::types`] of the type that owns the blocks; `None` while not named, or when it cannot be told.
    pub type_id: Option<u32>,
    /// What was counted.
    pub counts: TraceCounts,
}

/// What a reader of a snapshot has to know beside the numbers. All of it is printed with a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Frees of blocks that were not recorded: allocated before recording began.
    pub older_frees: u64,
    /// Allocations that were not recorded: on threads that had ended, or at addresses that cannot be kept.
    pub unrecorded: u64,
    /// Allocations whose stack was not kept because there were too many different ones.
    pub truncated: u64,
    /// `exact` gave way to `sample` because the profiler's own memory had reached its cap, bytes; 0 otherwise.
    pub cap_reached: u64,
}

/// What held the heap at one moment, as tracemalloc's `Snapshot`.
///
/// Addresses have no names until they are given some.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Mode of the recording at that moment.
    pub mode: Mode,
    /// Most frames that were kept of a stack.
    pub frame_limit: u32,
    /// Since recording began.
    pub duration: Duration,
    /// When it was taken, since 1970-01-01 UTC.
    pub taken: Duration,
    /// Memory of the process.
    pub process: ProcessMemory,
    /// What was lost or cut short.
    pub notes: Notes,
    /// Files of machine code.
    pub modules: Vec<Module>,
    /// Places in them, each once.
    pub frames: Vec<Frame>,
    /// The call paths.
    pub paths: Vec<CallPath>,
    /// Names of types, each once.
    pub types: Vec<String>,
    /// Whether frames have been given names and traces their types.
    pub named: bool,
    /// What was counted, by stack, call path and size class.
    pub traces: Vec<Trace>,
}

impl Snapshot {
    /// An empty snapshot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sum of the counts of all traces.
    #[must_use]
    pub fn totals(&self) -> TraceCounts {
        self.traces.iter().fold(TraceCounts::default(), |mut sum, trace| {
            sum.add(&trace.counts);
            sum
        })
    }
}
