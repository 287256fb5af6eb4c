//! Where the heap's counters lie: in the profiler's own memory, or in the flight recorder's file, where they outlive the
//! process. The same counters either way; whoever counts does not know. All that the heap tells the recorder goes through
//! here. (Without the recorder: `unmapped.rs`.)

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering, compiler_fence};

use super::mode::Mode;
use super::records::{Extra, Key, RecordId};
use super::tallies::{self, Lines};
use super::tally::{Reading, Tally};
use super::{local, memory, modules, recording};
use crate::recorder::{HeapFigures, Journal};

static JOURNAL: AtomicPtr<Journal> = AtomicPtr::new(ptr::null_mut());
/// Pieces of this recording that are not in the file.
static OUTSIDE: AtomicU64 = AtomicU64::new(0);

#[inline]
fn journal() -> Option<&'static Journal> {
    // SAFETY: null, or of a journal that lives for ever.
    unsafe { JOURNAL.load(Ordering::Acquire).as_ref() }
}

/// What is new from here on is in that file. What is recorded already stays where it is.
pub(crate) fn record_into(journal: &'static Journal) {
    JOURNAL.store(ptr::from_ref(journal).cast_mut(), Ordering::Release);
}

/// A piece of the file. `None`, which is counted, where there is no recorder, or no room.
fn piece<T>(take: impl FnOnce(&'static Journal) -> Option<*mut T>) -> Option<*mut T> {
    let piece = journal().and_then(take);
    if piece.is_none() {
        let outside = OUTSIDE.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(journal) = journal() {
            journal.heap_outside(outside);
        }
    }
    piece
}

/// Lines for a thread, all zero and for ever.
pub(super) fn lines() -> Option<*mut Lines> {
    piece(Journal::heap_lines)
}

/// Tallies of so many records in a row, all zero: the `ordinal`-th such chunk.
pub(super) fn tallies(ordinal: usize, count: usize) -> Option<*mut Tally> {
    piece(|journal| journal.heap_tallies(ordinal, count))
}

/// The same of what else there is of them.
pub(super) fn extras(ordinal: usize, count: usize) -> Option<*mut Extra> {
    piece(|journal| journal.heap_extras(ordinal, count))
}

/// Gives back what came from [`tallies`], from [`extras`] or from [`memory::map`].
///
/// # Safety
/// It came from there with `bytes`, and nobody uses it any more.
pub(super) unsafe fn give_back(piece: *mut u8, bytes: usize) {
    match journal().filter(|journal| journal.holds_address(piece.addr())) {
        Some(journal) => journal.heap_give_back(piece.addr()),
        // SAFETY: not of the file, so of `memory::map`, as the caller promised.
        None => unsafe { memory::unmap(piece, bytes) },
    }
}

/// True for what lies in the file.
pub(super) fn holds(piece: *const u8) -> bool {
    journal().is_some_and(|journal| journal.holds_address(piece.addr()))
}

/// What a record is of, before anything is counted on it.
pub(super) fn note_record(id: RecordId, key: &Key<'_>, size: usize) {
    if let Some(journal) = journal() {
        journal.heap_record(id, key, size);
    }
}

/// Samples are taken by a new rate.
pub(super) fn note_rate(slot: u8, rate: u64) {
    if let Some(journal) = journal() {
        journal.heap_rate(slot, rate);
    }
}

/// Before a recording begins: what threads have of the last one goes into the file. Nobody records.
pub(super) fn prepare() {
    OUTSIDE.store(0, Ordering::Relaxed);
    if journal().is_some() {
        local::each().for_each(local::Local::move_lines);
        let outside = local::each().filter(|local| !holds(ptr::from_ref(local.lines()).cast())).count();
        OUTSIDE.store(outside as u64, Ordering::Relaxed);
    }
}

/// Recording begins, or goes on in another mode.
pub(super) fn begin(mode: Mode, frames: u32, is_new: bool) {
    let Some(journal) = journal() else { return };
    if is_new {
        journal.heap_modules(&modules::loaded());
        journal.heap_begins(tallies::peak(), OUTSIDE.load(Ordering::Relaxed));
    }
    journal.heap_mode(mode, frames);
}

/// Recording has ended, and all is forgotten.
pub(super) fn end() {
    if let Some(journal) = journal() {
        journal.heap_ended();
    }
}

/// The peak is about to be now.
pub(super) fn begin_epoch() {
    if let Some(journal) = journal() {
        journal.heap_epoch();
    }
}

/// The peak is at least so many bytes.
pub(super) fn raise_peak(bytes: i64) {
    if let Some(journal) = journal() {
        journal.heap_peak().fetch_max(bytes.max(0) as u64, Ordering::Relaxed);
    }
}

/// The peak is so many bytes.
pub(super) fn set_peak(bytes: i64) {
    if let Some(journal) = journal() {
        journal.heap_peak().store(bytes.max(0) as u64, Ordering::Relaxed);
    }
}

/// Until this drops the tally comes to hold `sum`, and the line nothing. The file says so first, and whoever reads it brings that
/// to its end where the process could not.
pub(super) fn redo(id: RecordId, tally: &Tally, sum: &Reading, epoch: u32, line: Option<&Tally>) -> Redo {
    let journal = journal().filter(|journal| journal.heap_redo(id, tally, sum, epoch, line));
    // A process that is killed has made its stores in their order, if the compiler has.
    compiler_fence(Ordering::SeqCst);
    Redo(journal)
}

/// See [`redo`].
#[derive(Debug)]
#[must_use]
pub(super) struct Redo(Option<&'static Journal>);

impl Drop for Redo {
    fn drop(&mut self) {
        if let Some(journal) = self.0 {
            compiler_fence(Ordering::SeqCst);
            journal.heap_done();
        }
    }
}

/// What is not counted in the file, looked at by the recorder's thread.
pub(crate) fn look(journal: &Journal) {
    let _state = recording::state();
    if !recording::plan().keeps_blocks() {
        return;
    }
    let sum = |of: fn(&local::Local) -> &AtomicU64| {
        recording::locals().map(|local| of(local).load(Ordering::Relaxed)).sum::<u64>()
    };
    journal.heap_figures(&HeapFigures {
        older_frees: sum(|local| &local.older_frees),
        unrecorded: sum(|local| &local.unrecorded),
        profiler_bytes: memory::used() as u64,
    });
    journal.heap_modules(&modules::loaded());
}
