//! What one thread has counted and not handed over yet. A single thread writes, without read-modify-writes; a snapshot
//! reads. Hot records have a line each, colder ones are folded into the shared [`Record`].
//!
//! What was live at the peak is kept lazily. A peak has a number, [`EPOCH`]. Counts that have not changed since that
//! peak are what was live at it; whoever changes them for the first time after a peak first sets them aside.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

use super::local;
use super::records::{self, Record, RecordId};
use super::spin::Spin;

/// Lines of a thread: 32 KiB.
pub(crate) const LINES: usize = 512;
/// Bytes by which a thread's own part of the total may be off what others see of it.
const SLACK: i64 = 64 * 1024;

/// Total of what was handed over, bytes live.
static GLOBAL: AtomicI64 = AtomicI64::new(0);
/// The highest that the total was.
static PEAK: AtomicI64 = AtomicI64::new(0);
/// How many peaks there were.
static EPOCH: AtomicU32 = AtomicU32::new(0);
/// Held while counts go from a line to its record, and while all of them are read.
pub(crate) static FOLDING: Spin = Spin::new();

/// Adds to a counter that only the calling thread writes.
#[inline(always)]
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(more), Relaxed);
}

/// What a thread counted on one record. In a sample, blocks are in units of [`super::sampler::UNIT`].
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Line {
    /// Id of the record, plus 1; 0 when the line is free.
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

/// A reading of a line, or of a record, or their sum.
#[derive(Clone, Copy, Debug, Default)]
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

    /// The peak's part is what is live where nothing was changed since.
    fn at_peak(mut self, epoch: u32, now: u32) -> Self {
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
        self.peak_blocks += other.peak_blocks;
        self.peak_bytes += other.peak_bytes;
    }
}

impl Line {
    /// The record that the line is of.
    pub(crate) fn record(&self) -> Option<RecordId> {
        self.id.load(Relaxed).checked_sub(1)
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

    /// The counts go to the record; the line is free. [`FOLDING`] is held, and this is the thread that writes it, or
    /// that has ended.
    fn fold(&self) {
        if let Some(id) = self.record() {
            absorb(records::get(id), &self.read());
        }
        self.id.store(0, Relaxed);
        self.epoch.store(0, Relaxed);
        for counter in
            [&self.allocations, &self.allocated_bytes, &self.frees, &self.freed_bytes, &self.temporary]
        {
            counter.store(0, Relaxed);
        }
        self.peak_blocks.store(0, Relaxed);
        self.peak_bytes.store(0, Relaxed);
    }
}

/// What was handed over to a record. [`FOLDING`] is held.
pub(crate) fn read_record(record: &Record) -> Reading {
    let raw = Reading {
        allocations: record.allocations.load(Relaxed),
        allocated_bytes: record.allocated_bytes.load(Relaxed),
        frees: record.frees.load(Relaxed),
        freed_bytes: record.freed_bytes.load(Relaxed),
        temporary: record.temporary.load(Relaxed),
        peak_blocks: record.peak_blocks.load(Relaxed),
        peak_bytes: record.peak_bytes.load(Relaxed),
    };
    raw.at_peak(record.epoch.load(Relaxed), EPOCH.load(Relaxed))
}

/// Adds to a record. [`FOLDING`] is held.
fn absorb(record: &Record, more: &Reading) {
    let mut sum = read_record(record);
    sum.add(more);
    record.allocations.store(sum.allocations, Relaxed);
    record.allocated_bytes.store(sum.allocated_bytes, Relaxed);
    record.frees.store(sum.frees, Relaxed);
    record.freed_bytes.store(sum.freed_bytes, Relaxed);
    record.temporary.store(sum.temporary, Relaxed);
    record.peak_blocks.store(sum.peak_blocks, Relaxed);
    record.peak_bytes.store(sum.peak_bytes, Relaxed);
    record.epoch.store(EPOCH.load(Relaxed), Relaxed);
}

/// For threads that have none of this any more: straight into the record.
#[cold]
pub(crate) fn count_late(id: RecordId, blocks: u64, bytes: u64, freed: bool) {
    let _folding = FOLDING.lock();
    let mut more = Reading::default();
    if freed {
        (more.frees, more.freed_bytes) = (blocks, bytes);
    } else {
        (more.allocations, more.allocated_bytes) = (blocks, bytes);
    }
    // NOTE: `absorb` adds to the peak's part too, and this was not live at the last peak, nor freed before it.
    absorb(records::get(id), &more);
    add_to_total(if freed { -(bytes as i64) } else { bytes as i64 });
}

/// Blocks that threads without a state allocated, less those that they freed, in mode `counters`.
static UNPLACED: AtomicI64 = AtomicI64::new(0);

/// For threads that have no counters: a block was allocated or freed, in mode `counters`. Not for those that are the
/// profiler's own.
#[cold]
pub(crate) fn count_unplaced(bytes: usize, freed: bool) {
    if local::is_quiet() {
        return;
    }
    UNPLACED.fetch_add(if freed { -1 } else { 1 }, Relaxed);
    add_to_total(if freed { -(bytes as i64) } else { bytes as i64 });
}

pub(crate) fn unplaced() -> i64 {
    UNPLACED.load(Relaxed)
}

/// The lines of one thread.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Lines([Line; LINES]);

impl Lines {
    #[inline(always)]
    pub(crate) fn of(&self, id: RecordId) -> &Line {
        let line = &self.0[id as usize % LINES];
        if line.id.load(Relaxed) != id + 1 {
            self.take(line, id);
        }
        line
    }

    /// The record's line, if it has one in which nothing need be set aside.
    #[inline(always)]
    pub(crate) fn ready(&self, id: RecordId) -> Option<&Line> {
        let line = &self.0[id as usize % LINES];
        (line.id.load(Relaxed) == id + 1 && line.epoch.load(Relaxed) == EPOCH.load(Relaxed)).then_some(line)
    }

    #[cold]
    #[inline(never)]
    fn take(&self, line: &Line, id: RecordId) {
        let _folding = FOLDING.lock();
        line.fold();
        line.epoch.store(EPOCH.load(Relaxed), Relaxed);
        line.id.store(id + 1, Relaxed);
    }

    /// Hands all over.
    pub(crate) fn fold(&self) {
        let _folding = FOLDING.lock();
        self.0.iter().for_each(Line::fold);
    }

    /// Throws all away. Nobody records.
    pub(crate) fn clear(&self) {
        let _folding = FOLDING.lock();
        for line in &self.0 {
            line.id.store(0, Relaxed);
            line.fold();
        }
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = &Line> {
        self.0.iter()
    }
}

impl Line {
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

    /// Of a line that [`Lines::ready`] has answered with.
    #[inline(always)]
    pub(crate) fn allocate_more(&self, blocks: u64, bytes: u64) {
        add(&self.allocations, blocks);
        add(&self.allocated_bytes, bytes);
    }

    /// Of a line that [`Lines::ready`] has answered with.
    #[inline(always)]
    pub(crate) fn free_more(&self, blocks: u64, bytes: u64, temporary: bool) {
        add(&self.frees, blocks);
        add(&self.freed_bytes, bytes);
        add(&self.temporary, if temporary { blocks } else { 0 });
    }
}

/// A thread's part of the total.
#[derive(Debug)]
pub(crate) struct Part {
    /// The highest that the bytes live which were not handed over have been since that was last done.
    high: AtomicI64,
    /// How far below that they are.
    room: AtomicI64,
    /// What they may rise to before they have to be handed over.
    limit: AtomicI64,
}

impl Part {
    #[inline(always)]
    pub(crate) fn grow(&self, bytes: u64) {
        if self.rise(bytes) {
            self.hand_over();
        }
    }

    #[inline(always)]
    pub(crate) fn shrink(&self, bytes: u64) {
        if self.sink(bytes) {
            self.hand_over();
        }
    }

    /// Whether it has to be handed over now.
    ///
    /// PERF: mostly one subtraction, the sign of which says all.
    #[inline(always)]
    pub(crate) fn rise(&self, bytes: u64) -> bool {
        let room = self.room.load(Relaxed) - bytes as i64;
        self.room.store(room, Relaxed);
        if room >= 0 {
            return false;
        }
        let high = self.high.load(Relaxed) - room;
        self.high.store(high, Relaxed);
        self.room.store(0, Relaxed);
        high > self.limit.load(Relaxed)
    }

    /// Whether it has to be handed over now.
    #[inline(always)]
    pub(crate) fn sink(&self, bytes: u64) -> bool {
        let room = self.room.load(Relaxed) + bytes as i64;
        self.room.store(room, Relaxed);
        room - self.high.load(Relaxed) > SLACK
    }

    /// Bytes live that were not handed over.
    fn delta(&self) -> i64 {
        self.high.load(Relaxed) - self.room.load(Relaxed)
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn hand_over(&self) {
        let delta = self.delta();
        let before = GLOBAL.fetch_add(delta, Relaxed);
        let total = before + delta;
        let risen = before + self.high.load(Relaxed);
        self.high.store(0, Relaxed);
        self.room.store(0, Relaxed);
        let peak = PEAK.fetch_max(risen.max(total), Relaxed);
        if total > peak {
            // What is live now, is what was live at the peak.
            EPOCH.fetch_add(1, Relaxed);
        }
        let peak = peak.max(risen).max(total);
        // Up to the peak nobody need know; beyond it, each part in a thousand.
        let limit = (peak - total).max(peak >> 10).min(SLACK);
        self.limit.store(limit.max(0), Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.high.store(0, Relaxed);
        self.room.store(0, Relaxed);
        self.limit.store(0, Relaxed);
    }

    /// Bytes not handed over, and how many there were at most.
    pub(crate) fn read(&self) -> (i64, i64) {
        (self.delta(), self.high.load(Relaxed))
    }
}

fn add_to_total(bytes: i64) {
    let total = GLOBAL.fetch_add(bytes, Relaxed) + bytes;
    if PEAK.fetch_max(total, Relaxed) < total {
        EPOCH.fetch_add(1, Relaxed);
    }
}

/// Bytes live, and the most there were, given the threads' parts.
pub(crate) fn totals<'a>(parts: impl Iterator<Item = &'a Part>) -> (i64, i64) {
    let global = GLOBAL.load(Relaxed);
    let mut sums = (global, 0);
    let mut high = 0;
    for part in parts {
        let (delta, risen) = part.read();
        sums.0 += delta;
        // NOTE: exact for one thread; of several, those that rose highest need not have done so at one time.
        high = high.max(risen);
    }
    sums.1 = PEAK.load(Relaxed).max(global + high).max(sums.0);
    sums
}

/// The peak is now.
pub(crate) fn reset_peak<'a>(parts: impl Iterator<Item = &'a Part>) {
    let parts: [i64; 1] = [parts.map(|part| part.read().0).sum()];
    PEAK.store(GLOBAL.load(Relaxed) + parts[0], Relaxed);
    EPOCH.fetch_add(1, Relaxed);
}

/// Nobody records.
pub(crate) fn clear() {
    GLOBAL.store(0, Relaxed);
    PEAK.store(0, Relaxed);
    UNPLACED.store(0, Relaxed);
    EPOCH.store(0, Relaxed);
}
