//! Counts of one record of blocks. A single thread writes, without read-modify-writes; others read.
//!
//! What was live at the peak is kept lazily. A peak has a number, [`EPOCH`]. Counts that have not changed since that
//! peak are what was live at it; whoever changes them for the first time after a peak first sets them aside.

#[cfg(feature = "recorder")]
use std::mem::offset_of;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

use super::records::{self, ExtraReading, RecordId};
use super::sampler;
use super::snapshot::TraceCounts;

/// How many peaks there were.
pub(super) static EPOCH: AtomicU32 = AtomicU32::new(0);

/// Adds to a counter that only the calling thread writes.
#[inline(always)]
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(more), Relaxed);
}

/// Counts of one record, in a cache line: of what a thread holds, or was handed over by all. In a sample, blocks are in
/// units of [`super::sampler::UNIT`].
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Tally {
    /// Id of the record, plus 1, where a thread holds it; 0 when it is free.
    id: AtomicU32,
    /// The peak that `peak_*` belong to, if they differ from what is live.
    epoch: AtomicU32,
    allocations: AtomicU64,
    allocated_bytes: AtomicU64,
    frees: AtomicU64,
    freed_bytes: AtomicU64,
    temporary: AtomicU64,
    peak_blocks: AtomicI64,
    peak_bytes: AtomicI64,
}

/// A reading of one, or the sum of some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) allocations: u64,
    pub(crate) allocated_bytes: u64,
    pub(crate) frees: u64,
    pub(crate) freed_bytes: u64,
    pub(crate) temporary: u64,
    pub(crate) peak_blocks: i64,
    pub(crate) peak_bytes: i64,
}

impl Reading {
    fn live(&self) -> (i64, i64) {
        (
            self.allocations.wrapping_sub(self.frees) as i64,
            self.allocated_bytes.wrapping_sub(self.freed_bytes) as i64,
        )
    }

    /// What was counted, of a record of samples by `rate` (bytes between them) or of all blocks.
    pub(crate) fn counts(&self, rate: Option<u64>, extra: &ExtraReading) -> TraceCounts {
        let unit = if rate.is_none() { 1 } else { sampler::UNIT };
        let blocks = |units: u64| units.saturating_add(unit / 2) / unit;
        let rate = rate.unwrap_or(0) as f64;
        let variance = extra.variance.max(0) as f64 / sampler::VARIANCE_UNIT;
        TraceCounts {
            allocations: blocks(self.allocations),
            allocated_bytes: self.allocated_bytes,
            frees: blocks(self.frees),
            freed_bytes: self.freed_bytes,
            temporary: blocks(self.temporary),
            copied_bytes: extra.copied_bytes,
            peak_blocks: blocks(self.peak_blocks.max(0) as u64),
            peak_bytes: self.peak_bytes.max(0) as u64,
            samples: extra.samples.max(0) as u64,
            variance: variance * rate * rate,
        }
    }

    /// The peak's part is what is live where nothing was changed since.
    pub(crate) fn at_peak(mut self, epoch: u32, now: u32) -> Self {
        if epoch != now {
            (self.peak_blocks, self.peak_bytes) = self.live();
        }
        self
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.allocations = self.allocations.wrapping_add(other.allocations);
        self.allocated_bytes = self.allocated_bytes.wrapping_add(other.allocated_bytes);
        self.frees = self.frees.wrapping_add(other.frees);
        self.freed_bytes = self.freed_bytes.wrapping_add(other.freed_bytes);
        self.temporary = self.temporary.wrapping_add(other.temporary);
        self.peak_blocks = self.peak_blocks.wrapping_add(other.peak_blocks);
        self.peak_bytes = self.peak_bytes.wrapping_add(other.peak_bytes);
    }
}

/// Size of a tally, and where in it the id, the epoch and the counts are, bytes.
#[cfg(feature = "recorder")]
pub(crate) const OFFSETS: [usize; 10] = [
    size_of::<Tally>(),
    offset_of!(Tally, id),
    offset_of!(Tally, epoch),
    offset_of!(Tally, allocations),
    offset_of!(Tally, allocated_bytes),
    offset_of!(Tally, frees),
    offset_of!(Tally, freed_bytes),
    offset_of!(Tally, temporary),
    offset_of!(Tally, peak_blocks),
    offset_of!(Tally, peak_bytes),
];

impl Tally {
    /// The record whose it is. What lies in a file others may have written to.
    pub(crate) fn record(&self) -> Option<RecordId> {
        self.id.load(Relaxed).checked_sub(1).filter(|id| *id < records::len())
    }

    #[inline(always)]
    fn before_change(&self) {
        let now = EPOCH.load(Relaxed);
        if self.epoch.load(Relaxed) != now {
            let (blocks, bytes) = self.raw().live();
            self.peak_blocks.store(blocks, Relaxed);
            self.peak_bytes.store(bytes, Relaxed);
            self.epoch.store(now, Relaxed);
        }
    }

    #[inline(always)]
    fn raw(&self) -> Reading {
        Reading {
            allocations: self.allocations.load(Relaxed),
            allocated_bytes: self.allocated_bytes.load(Relaxed),
            frees: self.frees.load(Relaxed),
            freed_bytes: self.freed_bytes.load(Relaxed),
            temporary: self.temporary.load(Relaxed),
            peak_blocks: self.peak_blocks.load(Relaxed),
            peak_bytes: self.peak_bytes.load(Relaxed),
        }
    }

    /// Of any thread; [`FOLDING`] is held.
    pub(crate) fn read(&self) -> Reading {
        self.raw().at_peak(self.epoch.load(Relaxed), EPOCH.load(Relaxed))
    }

    /// Of any thread, or of a record; [`super::tallies::FOLDING`] is held.
    pub(super) fn set(&self, reading: &Reading, epoch: u32) {
        self.allocations.store(reading.allocations, Relaxed);
        self.allocated_bytes.store(reading.allocated_bytes, Relaxed);
        self.frees.store(reading.frees, Relaxed);
        self.freed_bytes.store(reading.freed_bytes, Relaxed);
        self.temporary.store(reading.temporary, Relaxed);
        self.peak_blocks.store(reading.peak_blocks, Relaxed);
        self.peak_bytes.store(reading.peak_bytes, Relaxed);
        self.epoch.store(epoch, Relaxed);
    }

    /// It is that record's from now on; nobody's for `None`. The counts are zero.
    pub(super) fn give(&self, record: Option<RecordId>) {
        self.id.store(record.map_or(0, |id| id + 1), Relaxed);
    }

    /// True when it is the record's, and nothing need be set aside.
    #[inline(always)]
    pub(super) fn is_ready(&self, id: RecordId) -> bool {
        self.is_of(id) && self.epoch.load(Relaxed) == EPOCH.load(Relaxed)
    }

    #[inline(always)]
    pub(super) fn is_of(&self, id: RecordId) -> bool {
        self.id.load(Relaxed) == id + 1
    }

    // ---- the thread that writes ----

    #[inline(always)]
    pub(crate) fn allocate(&self, blocks: u64, bytes: u64) {
        self.before_change();
        self.allocate_more(blocks, bytes);
    }

    #[inline(always)]
    pub(crate) fn free(&self, blocks: u64, bytes: u64, temporary: bool) {
        self.before_change();
        self.free_more(blocks, bytes, temporary);
    }

    /// Of one that [`super::tallies::Lines::ready`] has answered with.
    #[inline(always)]
    pub(crate) fn allocate_more(&self, blocks: u64, bytes: u64) {
        add(&self.allocations, blocks);
        add(&self.allocated_bytes, bytes);
    }

    /// Of one that [`super::tallies::Lines::ready`] has answered with.
    #[inline(always)]
    pub(crate) fn free_more(&self, blocks: u64, bytes: u64, temporary: bool) {
        add(&self.frees, blocks);
        add(&self.freed_bytes, bytes);
        add(&self.temporary, if temporary { blocks } else { 0 });
    }
}
