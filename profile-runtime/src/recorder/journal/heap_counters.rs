//! The heap's own counters in the file, live: what threads and records hold, what each record is of, and the state of the
//! recording. Called by threads inside the allocator: nothing here is freed, and what is allocated is not recorded.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::layout::{self, Chunk, Kind, checksum, heap, heap_record, tally};
use super::{Journal, State, now};
use crate::heap::Mode;
use crate::heap::modules::LoadedModule;
use crate::heap::records::{Extra, Key, RecordId};
use crate::heap::tallies::{Lines, Reading, Tally};

/// Bytes in a chunk of what records are of.
const RECORDS: usize = 64 << 10;
/// Room for the list of loaded modules, at the least.
const LEAST_MODULES: usize = 4 << 10;

/// What is known of a recording of the heap beside its tallies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeapFigures {
    pub(crate) older_frees: u64,
    pub(crate) unrecorded: u64,
    pub(crate) profiler_bytes: u64,
}

/// Chunks of the heap's counters.
#[derive(Debug, Default)]
pub(super) struct HeapChunks {
    /// Where the next record goes, and the end of its chunk.
    records: (usize, usize),
    /// Chunks of the last recording that are free, of any kind.
    free: usize,
    /// The checksum of the last list of modules.
    modules: Option<u32>,
}

impl Journal {
    fn heap_word(&self, word: usize) -> &'static AtomicU64 {
        &self.heap[word]
    }

    fn heap_set(&self, word: usize, value: u64) {
        self.heap_word(word).store(value, Ordering::Relaxed);
    }

    /// A chunk for the heap, all zero: a new one, or one that the last recording left.
    fn take_for_heap(&self, state: &mut State, chunk: Chunk) -> Option<usize> {
        if state.heap.free > 0
            && let Some(at) = self.find_chunk(state.used, |old, live| old.is_for(&chunk) && !live)
        {
            state.heap.free -= 1;
            self.begin(at, &chunk)?;
            return Some(at + layout::CHUNK);
        }
        self.take(state, chunk)
    }

    /// The first chunk that `is` so, given whether it is in use.
    fn find_chunk(&self, used: usize, is: impl Fn(&Chunk, bool) -> bool) -> Option<usize> {
        let mut at = layout::HEADER;
        while at < used {
            let (chunk, live) = self.chunk_at(at)?;
            if is(&chunk, live) {
                return Some(at);
            }
            at += layout::CHUNK + (chunk.length as usize).next_multiple_of(layout::CHUNK);
        }
        None
    }

    /// What a chunk says of itself. `None` where others wrote over it: what follows it cannot be told then.
    fn chunk_at(&self, at: usize) -> Option<(Chunk, bool)> {
        let words = self.arena.half_words(at, layout::CHUNK / 4)?;
        let mut bytes = [0; layout::CHUNK];
        for (part, word) in bytes.chunks_exact_mut(4).zip(words) {
            part.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let (chunk, state) = Chunk::decode(&bytes)?;
        Some((chunk, state == layout::LIVE_STATE))
    }

    fn free_chunk(&self, state: &mut State, at: usize) {
        let Some((chunk, true)) = self.chunk_at(at) else { return };
        let (Some(is), Some(words)) =
            (self.state_of(at), self.arena.words(at + layout::CHUNK, chunk.length as usize / 8))
        else {
            return;
        };
        is.store(0, Ordering::Release);
        words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        state.heap.free += 1;
    }

    // ---- what is counted on ----

    pub(crate) fn heap_lines(&self) -> Option<*mut Lines> {
        let chunk = Chunk::new(Kind::HeapLines, size_of::<Lines>());
        let at = self.take_for_heap(&mut *self.lock()?, chunk)?;
        self.arena.slice::<Lines>(at, 1).map(|lines| lines.as_ptr().cast_mut())
    }

    pub(crate) fn heap_tallies(&self, ordinal: usize, count: usize) -> Option<*mut Tally> {
        let length = count * size_of::<Tally>();
        let chunk = Chunk { ordinal: ordinal as u32, ..Chunk::new(Kind::HeapTallies, length) };
        let at = self.take_for_heap(&mut *self.lock()?, chunk)?;
        self.arena.slice::<Tally>(at, count).map(|tallies| tallies.as_ptr().cast_mut())
    }

    pub(crate) fn heap_extras(&self, ordinal: usize, count: usize) -> Option<*mut Extra> {
        let length = count * size_of::<Extra>();
        let chunk = Chunk { ordinal: ordinal as u32, ..Chunk::new(Kind::HeapExtras, length) };
        let at = self.take_for_heap(&mut *self.lock()?, chunk)?;
        self.arena.slice::<Extra>(at, count).map(|extras| extras.as_ptr().cast_mut())
    }

    /// A chunk of tallies or of extras is not needed any more.
    pub(crate) fn heap_give_back(&self, address: usize) {
        let at = self.arena.offset_of(address).and_then(|at| at.checked_sub(layout::CHUNK));
        if let (Some(at), Some(mut state)) = (at, self.lock()) {
            self.free_chunk(&mut state, at);
        }
    }

    /// True for an address in the file.
    pub(crate) fn holds_address(&self, address: usize) -> bool {
        self.arena.offset_of(address).is_some()
    }

    // ---- what records are of ----

    /// A record is new. Where there is no room, that is a piece which the file lacks.
    pub(crate) fn heap_record(&self, id: RecordId, key: &Key<'_>, size: usize) {
        if self.try_heap_record(id, key, size).is_none() {
            self.heap_word(heap::OUTSIDE).fetch_add(1, Ordering::Relaxed);
        }
    }

    fn try_heap_record(&self, id: RecordId, key: &Key<'_>, size: usize) -> Option<()> {
        let mut state = self.lock()?;
        let count = heap_record::FRAMES + key.frames.len();
        if state.heap.records.0 + count * 8 > state.heap.records.1 {
            let at = self.take_for_heap(&mut state, Chunk::new(Kind::HeapRecords, RECORDS))?;
            state.heap.records = (at, at + RECORDS);
        }
        let words = self.arena.words(state.heap.records.0, count)?;
        let shape = &key.shape;
        let named = [
            (heap_record::ID, u64::from(shape.path) << 32 | u64::from(id)),
            (
                heap_record::SHAPE,
                u64::from(shape.size_class) | u64::from(shape.align_log2) << 8 | u64::from(shape.rate) << 16,
            ),
            (heap_record::FIRST_SIZE, size as u64),
        ];
        for (at, value) in named {
            words[at].store(value, Ordering::Relaxed);
        }
        for (word, &frame) in words[heap_record::FRAMES..].iter().zip(key.frames) {
            word.store(frame as u64, Ordering::Relaxed);
        }
        let check =
            words[1..].iter().fold(0, |sum, word| heap_record::mix(sum, word.load(Ordering::Relaxed)));
        // Last, as what says that there is one.
        words[0]
            .store(u64::from(check) << 32 | heap_record::MARK | key.frames.len() as u64, Ordering::Release);
        state.heap.records.0 += count * 8;
        Some(())
    }

    /// What is loaded now, if that is not what the file says.
    pub(crate) fn heap_modules(&self, modules: &[LoadedModule]) {
        let mut text = String::new();
        for module in modules {
            let build_id: String = module.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
            let path = module.path.replace(['\n', '\r'], "?");
            let (start, end) = (module.range.start, module.range.end);
            text.push_str(&format!("{start:x} {end:x} {:x} {build_id} {path}\n", module.bias));
        }
        let check = checksum(text.as_bytes());
        let Some(mut state) = self.lock() else { return };
        if state.heap.modules == Some(check) {
            return;
        }
        let room = text.len().next_power_of_two().max(LEAST_MODULES);
        let at = state.used;
        let taken = self.take(&mut state, Chunk { time: now(), ..Chunk::new(Kind::HeapModules, room) });
        if taken.is_none() {
            self.heap_word(heap::OUTSIDE).fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.arena.write(at + layout::CHUNK, text.as_bytes());
        let chunk =
            Chunk { filled: text.len() as u32, check, time: now(), ..Chunk::new(Kind::HeapModules, room) };
        self.begin(at, &chunk);
        // Those of before stay: addresses of what has been unloaded are in them.
        state.heap.modules = Some(check);
    }

    // ---- the state of the recording ----

    /// A recording begins, whose peak and its number are these, and so many pieces of which are not in the file.
    pub(crate) fn heap_begins(&self, (peak, epoch): (i64, u32), outside: u64) {
        self.heap_set(heap::EPOCH, u64::from(epoch));
        self.heap_set(heap::PEAK, peak.max(0) as u64);
        self.heap_set(heap::OUTSIDE, outside);
        self.heap_set(heap::SINCE, now());
        self.heap_word(heap::RECORDING).store(1, Ordering::Release);
    }

    /// How it records.
    pub(crate) fn heap_mode(&self, mode: Mode, frames: u32) {
        let (kind, number) = heap::mode_words(mode);
        self.heap_set(heap::FRAMES, u64::from(frames));
        self.heap_set(heap::NUMBER, number);
        self.heap_word(heap::MODE).store(kind, Ordering::Release);
    }

    /// It has ended; tallies were given back.
    pub(crate) fn heap_ended(&self) {
        self.heap_word(heap::RECORDING).store(0, Ordering::Release);
        (0..heap::RATE_COUNT).for_each(|slot| self.heap_set(heap::RATES + slot, 0));
        let Some(mut state) = self.lock() else { return };
        state.heap.records = (0, 0);
        let is_of_records = |chunk: &Chunk, live| chunk.kind == Kind::HeapRecords && live;
        while let Some(at) = self.find_chunk(state.used, is_of_records) {
            let before = state.heap.free;
            self.free_chunk(&mut state, at);
            if state.heap.free == before {
                return;
            }
        }
    }

    /// So many pieces are not in the file.
    pub(crate) fn heap_outside(&self, pieces: u64) {
        self.heap_word(heap::OUTSIDE).fetch_max(pieces, Ordering::Relaxed);
    }

    pub(crate) fn heap_rate(&self, slot: u8, rate: u64) {
        self.heap_set(heap::RATES + usize::from(slot), rate);
    }

    pub(crate) fn heap_epoch(&self) {
        self.heap_word(heap::EPOCH).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn heap_peak(&self) -> &'static AtomicU64 {
        self.heap_word(heap::PEAK)
    }

    pub(crate) fn heap_figures(&self, figures: &HeapFigures) {
        self.heap_set(heap::OLDER_FREES, figures.older_frees);
        self.heap_set(heap::UNRECORDED, figures.unrecorded);
        self.heap_set(heap::PROFILER_BYTES, figures.profiler_bytes);
    }

    /// A tally of the file comes to hold `sum`, and the line nothing. False where they are not in the file. One at a time: the
    /// caller holds the lock for that.
    pub(crate) fn heap_redo(
        &self,
        id: RecordId,
        tally: &Tally,
        sum: &Reading,
        epoch: u32,
        line: Option<&Tally>,
    ) -> bool {
        let offset = |tally: &Tally| self.arena.offset_of(std::ptr::from_ref(tally).addr());
        let line = line.map_or(Some(0), offset);
        let (Some(_), Some(line)) = (offset(tally), line) else { return false };
        self.heap_set(heap::REDO_LINE, line as u64);
        self.heap_set(heap::REDO_EPOCH, u64::from(epoch));
        for (n, count) in tally::words(sum).into_iter().enumerate() {
            self.heap_set(heap::REDO_COUNTS + n, count);
        }
        self.heap_word(heap::REDO_RECORD).store(u64::from(id) + 1, Ordering::Release);
        true
    }

    /// It is done.
    pub(crate) fn heap_done(&self) {
        self.heap_word(heap::REDO_RECORD).store(0, Ordering::Release);
    }
}
