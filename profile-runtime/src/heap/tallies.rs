//! What one thread has counted and not handed over yet. A single thread writes, without read-modify-writes; a snapshot
//! reads. Hot records have a line each, colder ones are folded into the [`Tally`] that all threads share.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use super::local;
use super::mapped;
use super::records::{self, RecordId};
use super::spin::Spin;
use super::tally::EPOCH;
pub(crate) use super::tally::{Reading, Tally};

/// Lines of a thread: 32 KiB.
pub(crate) const LINES: usize = 512;
/// Bytes by which a thread's own part of the total may be off what others see of it.
const SLACK: i64 = 64 * 1024;

/// Total of what was handed over, bytes live.
static GLOBAL: AtomicI64 = AtomicI64::new(0);
/// The highest that the total was.
static PEAK: AtomicI64 = AtomicI64::new(0);
/// Held while counts go from a line to its record, and while all of them are read.
pub(crate) static FOLDING: Spin = Spin::new();

/// What was handed over to a record. [`FOLDING`] is held.
pub(crate) fn read_record(id: RecordId) -> Reading {
    records::tally(id).read()
}

/// Adds to a record what a line holds, which is free then, or what is nowhere else. [`FOLDING`] is held.
fn absorb(id: RecordId, more: &Reading, line: Option<&Tally>) {
    let tally = records::tally(id);
    let mut sum = tally.read();
    sum.add(more);
    let epoch = EPOCH.load(Relaxed);
    let _redo = mapped::redo(id, tally, &sum, epoch, line);
    tally.set(&sum, epoch);
    if let Some(line) = line {
        free(line);
    }
}

fn free(line: &Tally) {
    line.give(None);
    line.set(&Reading::default(), 0);
}

/// The counts of a line go to the record. [`FOLDING`] is held, and this is the thread that writes it, or that has ended.
fn fold(line: &Tally) {
    match line.record() {
        Some(id) => absorb(id, &line.read(), Some(line)),
        None => free(line),
    }
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
    absorb(id, &more, None);
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
pub(crate) struct Lines([Tally; LINES]);

impl Lines {
    #[inline(always)]
    pub(crate) fn of(&self, id: RecordId) -> &Tally {
        let line = &self.0[id as usize % LINES];
        if !line.is_of(id) {
            self.take(line, id);
        }
        line
    }

    /// The record's line, if it has one in which nothing need be set aside.
    #[inline(always)]
    pub(crate) fn ready(&self, id: RecordId) -> Option<&Tally> {
        let line = &self.0[id as usize % LINES];
        line.is_ready(id).then_some(line)
    }

    #[cold]
    #[inline(never)]
    fn take(&self, line: &Tally, id: RecordId) {
        let _folding = FOLDING.lock();
        fold(line);
        line.set(&Reading::default(), EPOCH.load(Relaxed));
        line.give(Some(id));
    }

    /// Hands all over.
    pub(crate) fn fold(&self) {
        let _folding = FOLDING.lock();
        self.0.iter().for_each(fold);
    }

    /// Throws all away. Nobody records.
    pub(crate) fn clear(&self) {
        let _folding = FOLDING.lock();
        self.0.iter().for_each(free);
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = &Tally> {
        self.0.iter()
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
        let peak = raise_peak(risen.max(total));
        if total > peak {
            // What is live now, is what was live at the peak.
            begin_epoch();
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
    if raise_peak(total) < total {
        begin_epoch();
    }
}

/// The peak is `total`, if it was lower. Returns what it was.
fn raise_peak(total: i64) -> i64 {
    let before = PEAK.fetch_max(total, Relaxed);
    if before < total {
        mapped::raise_peak(total);
    }
    before
}

/// The peak is now.
fn begin_epoch() {
    // NOTE: first in the file. Where the process ends in between nothing has changed since the peak, which is how all is
    // read that is of an older epoch.
    mapped::begin_epoch();
    EPOCH.fetch_add(1, Relaxed);
}

/// The peak, and its number.
#[cfg(all(feature = "recorder", unix))]
pub(super) fn peak() -> (i64, u32) {
    (PEAK.load(Relaxed), EPOCH.load(Relaxed))
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
    let now = GLOBAL.load(Relaxed) + parts[0];
    PEAK.store(now, Relaxed);
    mapped::set_peak(now);
    begin_epoch();
}

/// Nobody records.
pub(crate) fn clear() {
    GLOBAL.store(0, Relaxed);
    PEAK.store(0, Relaxed);
    UNPLACED.store(0, Relaxed);
    EPOCH.store(0, Relaxed);
}
