//! What blocks are counted by: a stack, a call path, a size class. Interned, with dense ids; the `frames` of each are
//! kept once, and its counts are a [`Tally`]. Looking up takes no lock.

use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use super::frames::{self, Frames};
use super::mapped;
use super::memory;
use super::spin::Spin;
use super::tally::Tally;

/// Index of a record. 0 is the record of what could not be told apart any more.
pub(crate) type RecordId = u32;

/// Where blocks go once there is no room for another record.
pub(crate) const TRUNCATED: RecordId = 0;
/// Ids are 20 bits in the table of live blocks, and one more than the id is in the index.
const MAX_RECORDS: u32 = (1 << 20) - 2;
const CHUNK: usize = 1024;
const CHUNKS: usize = MAX_RECORDS as usize / CHUNK + 1;

/// Everything by which blocks are told apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    /// Return addresses, innermost first.
    pub(crate) frames: &'a [usize],
    pub(crate) shape: Shape,
}

/// What blocks are told apart by beside their stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Index of the call path, one of the common tree; `u32::MAX` outside of all.
    pub(crate) path: u32,
    pub(crate) size_class: u8,
    pub(crate) align_log2: u8,
    /// Slot of the sampling rate; 0 when every block is recorded.
    pub(crate) rate: u8,
}

impl Shape {
    /// All of it; never 0.
    #[inline(always)]
    pub(crate) fn word(self) -> u64 {
        u64::from(self.path) << 32
            | 1 << 24
            | u64::from(self.size_class) << 16
            | u64::from(self.align_log2) << 8
            | u64::from(self.rate)
    }
}

impl Key<'_> {
    #[inline(always)]
    fn hash(&self) -> u64 {
        const K: u64 = 0x9e37_79b9_7f4a_7c15;
        let step = |lane: u64, word: u64| (lane.rotate_left(23) ^ word).wrapping_mul(K);
        // PERF: four lanes, so that the multiplications overlap.
        let mut lanes = [1u64, 2, 3, 4];
        let mut fours = self.frames.chunks_exact(4);
        for four in &mut fours {
            for (lane, &frame) in lanes.iter_mut().zip(four) {
                *lane = step(*lane, frame as u64);
            }
        }
        for (lane, &frame) in lanes.iter_mut().zip(fours.remainder()) {
            *lane = step(*lane, frame as u64);
        }
        let mixed = lanes[0] ^ lanes[1].rotate_left(17) ^ lanes[2].rotate_left(31) ^ lanes[3].rotate_left(47);
        let mut hash = step(mixed.wrapping_mul(K), self.shape.word());
        hash ^= hash >> 29;
        hash = hash.wrapping_mul(K);
        // Never that of an empty place.
        (hash ^ hash >> 32) | 1
    }
}

/// What a record is of. Its counts are in its [`Tally`].
#[derive(Debug)]
pub(crate) struct Record {
    hash: AtomicU64,
    /// Where in `frames`.
    frames: AtomicU32,
    pub(crate) path: AtomicU32,
    frames_len: AtomicU8,
    pub(crate) size_class: AtomicU8,
    pub(crate) align_log2: AtomicU8,
    pub(crate) rate: AtomicU8,
    pub(crate) first_size: AtomicU64,
}

/// What most records have none of: by itself, and there from when it is needed.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Extra {
    /// Bytes that `realloc` copied into blocks of this record; +n when a block moved.
    pub(crate) copied_bytes: AtomicU64,
    /// Samples that were ever taken; only with a rate.
    pub(crate) sampled: AtomicU64,
    /// Samples that are live, and their share of the variance (see `sampler`); only with a rate.
    pub(crate) samples: AtomicI64,
    pub(crate) variance: AtomicI64,
}

/// A reading of an [`Extra`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ExtraReading {
    pub(crate) copied_bytes: u64,
    pub(crate) samples: i64,
    pub(crate) variance: i64,
}

impl Extra {
    pub(crate) fn read(&self) -> ExtraReading {
        ExtraReading {
            copied_bytes: self.copied_bytes.load(Ordering::Relaxed),
            samples: self.samples.load(Ordering::Relaxed),
            variance: self.variance.load(Ordering::Relaxed),
        }
    }
}

/// Size of an extra, and where in it copied bytes, live samples and variance are, bytes.
#[cfg(feature = "recorder")]
pub(crate) const EXTRA_OFFSETS: [usize; 4] = [
    size_of::<Extra>(),
    std::mem::offset_of!(Extra, copied_bytes),
    std::mem::offset_of!(Extra, samples),
    std::mem::offset_of!(Extra, variance),
];

const EXTRA_BYTES: usize = CHUNK * size_of::<Extra>();
const TALLY_BYTES: usize = CHUNK * size_of::<Tally>();

/// Of the hash in a slot of the index; the id is below.
const TAG: u32 = !0 << 20;

/// The table from hashes to ids: four bytes each, the upper bits of the hash and one more than the id.
struct Index {
    capacity: usize,
}

impl Index {
    fn bytes(capacity: usize) -> usize {
        size_of::<Index>() + capacity * 4
    }

    /// # Safety
    /// `index` is a table, `at` below its capacity.
    #[inline(always)]
    unsafe fn slot<'a>(index: *const Index, at: usize) -> &'a AtomicU32 {
        // SAFETY: the slots stand behind the head, in one mapping; see `bytes`.
        unsafe { &*index.add(1).cast::<AtomicU32>().add(at) }
    }
}

static INDEX: AtomicPtr<Index> = AtomicPtr::new(ptr::null_mut());
static RECORDS: [AtomicPtr<Record>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
/// Counts that were handed over by threads; those that threads still hold come on top.
static TALLIES: [AtomicPtr<Tally>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
static EXTRAS: [AtomicPtr<Extra>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
static LEN: AtomicU32 = AtomicU32::new(0);
/// Held to add a record.
static ADDING: Spin = Spin::new();
/// Chain of all tables that the index has had, to be given back: each begins with where the next is, and its own size.
static MAPPINGS: AtomicPtr<[usize; 2]> = AtomicPtr::new(ptr::null_mut());

/// Records that there are; 0 is one of them.
pub(crate) fn len() -> u32 {
    LEN.load(Ordering::Acquire)
}

/// The record of an id below [`len`].
#[inline(always)]
pub(crate) fn get(id: RecordId) -> &'static Record {
    let chunk = RECORDS[id as usize / CHUNK].load(Ordering::Acquire);
    // SAFETY: the chunk is published before any of its ids, and stays mapped while anybody records.
    unsafe { &*chunk.add(id as usize % CHUNK) }
}

/// What was counted on the record of an id below [`len`].
pub(crate) fn tally(id: RecordId) -> &'static Tally {
    let chunk = TALLIES[id as usize / CHUNK].load(Ordering::Acquire);
    // SAFETY: as for records, with which they are published.
    unsafe { &*chunk.add(id as usize % CHUNK) }
}

/// What else there is of a record; `None` when that is nothing.
pub(crate) fn extra(id: RecordId) -> Option<&'static Extra> {
    let chunk = EXTRAS[id as usize / CHUNK].load(Ordering::Acquire);
    // SAFETY: null, or a chunk that stays mapped while anybody records.
    (!chunk.is_null()).then(|| unsafe { &*chunk.add(id as usize % CHUNK) })
}

/// The same, made if need be; `None` past the cap. Never that for a record with a rate.
pub(crate) fn make_extra(id: RecordId) -> Option<&'static Extra> {
    if let Some(extra) = extra(id) {
        return Some(extra);
    }
    // Where the cap is reached a sample takes over, which needs these.
    let fresh = mapped::extras(id as usize / CHUNK, CHUNK)
        .or_else(|| memory::map_last(EXTRA_BYTES).map(<*mut u8>::cast))?;
    let place = &EXTRAS[id as usize / CHUNK];
    if place.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Relaxed).is_err() {
        // SAFETY: made just now with that size; another thread was first, and nobody knows of this one.
        unsafe { mapped::give_back(fresh.cast(), EXTRA_BYTES) };
    }
    extra(id)
}

impl Record {
    /// Return addresses, innermost first.
    pub(crate) fn frames(&self) -> Frames {
        let len = self.frames_len.load(Ordering::Relaxed);
        // SAFETY: kept there before the record's id was published, so many, until `clear`.
        unsafe { Frames::new(self.frames.load(Ordering::Relaxed), usize::from(len)) }
    }
}

/// The record of that key, made if need be; `size` is that of the block which asks.
#[inline(always)]
pub(crate) fn intern(key: &Key<'_>, size: usize) -> RecordId {
    let hash = key.hash();
    match find(hash) {
        Some(id) => id,
        None => add(key, hash, size),
    }
}

/// NOTE: two keys with the same 64-bit hash would be taken for one; with a million records that has a chance of
/// 1 in 30 million.
#[inline(always)]
fn find(hash: u64) -> Option<RecordId> {
    let index = INDEX.load(Ordering::Acquire);
    if index.is_null() {
        return None;
    }
    // SAFETY: published whole, and mapped while anybody records.
    let mask = unsafe { (*index).capacity } - 1;
    let tag = (hash >> 32) as u32 & TAG;
    let mut at = hash as usize & mask;
    loop {
        // SAFETY: masked.
        let slot = unsafe { Index::slot(index, at) }.load(Ordering::Acquire);
        if slot == 0 {
            return None;
        }
        if slot & TAG == tag {
            let id = (slot & !TAG) - 1;
            if get(id).hash.load(Ordering::Relaxed) == hash {
                return Some(id);
            }
        }
        at = (at + 1) & mask;
    }
}

#[cold]
#[inline(never)]
fn add(key: &Key<'_>, hash: u64, size: usize) -> RecordId {
    let _adding = ADDING.lock();
    // Another thread may have been first.
    if let Some(id) = find(hash) {
        return id;
    }
    try_add(key, hash, size).unwrap_or(TRUNCATED)
}

fn try_add(key: &Key<'_>, hash: u64, size: usize) -> Option<RecordId> {
    if !room_in_index() {
        return None;
    }
    let frames = match frames_of_other_sizes(key) {
        Some(frames) => frames,
        None => frames::keep(key.frames)?,
    };
    let id = push()?;
    if key.shape.rate != 0 {
        make_extra(id)?;
    }
    let record = get(id);
    record.hash.store(hash, Ordering::Relaxed);
    record.frames.store(frames, Ordering::Relaxed);
    record.frames_len.store(key.frames.len() as u8, Ordering::Relaxed);
    record.path.store(key.shape.path, Ordering::Relaxed);
    record.size_class.store(key.shape.size_class, Ordering::Relaxed);
    record.align_log2.store(key.shape.align_log2, Ordering::Relaxed);
    record.rate.store(key.shape.rate, Ordering::Relaxed);
    record.first_size.store(size as u64, Ordering::Relaxed);
    mapped::note_record(id, key, size);
    LEN.store(id + 1, Ordering::Release);
    publish(INDEX.load(Ordering::Relaxed), hash, id);
    Some(id)
}

/// Makes the record of what cannot be told apart. False when not even that can be had.
pub(crate) fn prepare() -> bool {
    let _adding = ADDING.lock();
    if len() > 0 {
        return true;
    }
    let Some(id) = push() else { return false };
    get(id).path.store(u32::MAX, Ordering::Relaxed);
    LEN.store(id + 1, Ordering::Release);
    true
}

/// Room for the next record, which is not published yet.
fn push() -> Option<RecordId> {
    let id = len();
    if id > MAX_RECORDS {
        return None;
    }
    let at = id as usize / CHUNK;
    if TALLIES[at].load(Ordering::Relaxed).is_null() {
        let tallies = mapped::tallies(at, CHUNK).or_else(|| memory::map(TALLY_BYTES).map(<*mut u8>::cast))?;
        TALLIES[at].store(tallies, Ordering::Release);
    }
    if RECORDS[at].load(Ordering::Relaxed).is_null() {
        RECORDS[at].store(memory::map(CHUNK * size_of::<Record>())?.cast(), Ordering::Release);
    }
    Some(id)
}

fn publish(index: *mut Index, hash: u64, id: RecordId) {
    // SAFETY: a table of which at least a quarter is empty; the lock is held.
    unsafe {
        let mask = (*index).capacity - 1;
        let mut at = hash as usize & mask;
        while Index::slot(index, at).load(Ordering::Relaxed) != 0 {
            at = (at + 1) & mask;
        }
        let slot = (hash >> 32) as u32 & TAG | (id + 1);
        Index::slot(index, at).store(slot, Ordering::Release);
    }
}

/// Sees to it that one more fits. The tables before stay mapped, since others may be looking into them.
fn room_in_index() -> bool {
    let old = INDEX.load(Ordering::Relaxed);
    // SAFETY: null or a table.
    let capacity = if old.is_null() { 0 } else { unsafe { (*old).capacity } };
    if (len() as usize + 1) * 4 <= capacity * 3 {
        return true;
    }
    let capacity = (capacity * 2).max(4096);
    let Some(memory) = map_kept(Index::bytes(capacity)) else { return false };
    let new: *mut Index = memory.cast();
    // SAFETY: fresh memory of that size.
    unsafe { (*new).capacity = capacity };
    for id in 1..len() {
        publish(new, get(id).hash.load(Ordering::Relaxed), id);
    }
    INDEX.store(new, Ordering::Release);
    true
}

/// The same frames, if a block of another size class has been allocated there.
///
/// PERF: of a million blocks of 16 to 128 bytes on 10,000 stacks, frames took 8 bytes a block, and take 2.
fn frames_of_other_sizes(key: &Key<'_>) -> Option<u32> {
    const SMALL: u8 = 24;
    (0..SMALL).find_map(|size_class| {
        let other = Key { shape: Shape { size_class, ..key.shape }, ..*key };
        let record = get(find(other.hash())?);
        record.frames().eq(key.frames.iter().copied()).then(|| record.frames.load(Ordering::Relaxed))
    })
}

/// Memory that [`clear`] gives back.
fn map_kept(bytes: usize) -> Option<*mut u8> {
    let all = (bytes + 16).next_multiple_of(4096);
    let head: *mut [usize; 2] = memory::map(all)?.cast();
    // SAFETY: fresh memory, larger than the head.
    unsafe { *head = [MAPPINGS.load(Ordering::Relaxed).addr(), all] };
    MAPPINGS.store(head, Ordering::Relaxed);
    // SAFETY: within the mapping.
    Some(unsafe { head.add(1) }.cast())
}

/// Forgets all records, and gives their memory back.
///
/// # Safety
/// Nobody records or reads records.
pub(crate) unsafe fn clear() {
    let _adding = ADDING.lock();
    INDEX.store(ptr::null_mut(), Ordering::Relaxed);
    LEN.store(0, Ordering::Relaxed);
    for ((records, tallies), extras) in RECORDS.iter().zip(&TALLIES).zip(&EXTRAS) {
        let records = records.swap(ptr::null_mut(), Ordering::Relaxed);
        let tallies = tallies.swap(ptr::null_mut(), Ordering::Relaxed);
        let extras = extras.swap(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: made in `push` and in `make_extra` with these sizes; nobody uses them, as the caller promised.
        unsafe {
            if !records.is_null() {
                memory::unmap(records.cast(), CHUNK * size_of::<Record>());
            }
            if !tallies.is_null() {
                mapped::give_back(tallies.cast(), TALLY_BYTES);
            }
            if !extras.is_null() {
                mapped::give_back(extras.cast(), EXTRA_BYTES);
            }
        }
    }
    // SAFETY: nobody reads records, as the caller promised.
    unsafe { frames::clear() };
    let mut mapping = MAPPINGS.swap(ptr::null_mut(), Ordering::Relaxed);
    while !mapping.is_null() {
        // SAFETY: a head that `map_kept` wrote, of a mapping that nobody uses.
        unsafe {
            let [next, bytes] = *mapping;
            memory::unmap(mapping.cast(), bytes);
            mapping = ptr::with_exposed_provenance_mut(next);
        }
    }
}

/// Before a fork.
#[cfg(unix)]
pub(crate) fn lock() {
    std::mem::forget::<super::spin::Held<'_>>(ADDING.lock());
}

/// After a fork, in parent and child.
#[cfg(unix)]
pub(crate) fn unlock() {
    ADDING.force_unlock();
}
