//! Which record each live block belongs to: a side table by address, 8 to 10 bytes a block.
//!
//! 256 shards of cache lines with nine blocks each (`bucket`); a block whose line is full is in one of the next. A
//! block's size is not kept: whoever frees it says it again. Neither are the bits of its address that say which shard it
//! is in. Those that a thread allocated last may be in its `nursery` instead, where they are looked for too.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::bucket::{Bucket, KEY_BITS, SLOTS};
use super::memory;
use super::nursery::{self, Young};
use super::records::RecordId;
use super::spin::Spin;

const SHARDS: usize = 256;
/// Buckets of a shard's first table. All shards' are one mapping, of 256 KiB.
///
/// PERF: so that few blocks are in few cache lines.
const FIRST: usize = 16;
/// What it grows by at least: a page.
const STEP: usize = 64;
/// Bits of a word for the record; the rest is for the address.
const ID_BITS: u32 = 20;
/// Addresses are kept in units of this many bits: allocators align to 8 at least.
/// NOTE: 47 bits of address on x86-64, 48 elsewhere (there blocks that are not 16-aligned are not kept).
const UNIT_BITS: u32 = if cfg!(target_arch = "x86_64") { 3 } else { 4 };
/// What is left of an address.
const ADDRESS_BITS: u32 = 64 - ID_BITS;

const _: () = assert!(SHARDS == 1 << (ADDRESS_BITS - KEY_BITS));

/// The table of one shard, in the lock's keeping.
struct Table {
    buckets: *mut Bucket,
    /// Buckets that there are.
    capacity: usize,
    /// Blocks in them.
    len: usize,
}

/// PERF: two in a cache line, so that all of them take a quarter of the first cache.
#[repr(align(32))]
struct Shard {
    lock: Spin,
    table: UnsafeCell<Table>,
}

// SAFETY: `table` is touched only by whoever holds `lock`.
unsafe impl Sync for Shard {}

static LIVE: [Shard; SHARDS] = [const {
    Shard {
        lock: Spin::new(),
        table: UnsafeCell::new(Table { buckets: ptr::null_mut(), capacity: 0, len: 0 }),
    }
}; SHARDS];

/// The first tables of all shards.
static FIRSTS: AtomicPtr<Bucket> = AtomicPtr::new(ptr::null_mut());
const FIRSTS_BYTES: usize = SHARDS * FIRST * size_of::<Bucket>();

/// The first table of a shard, mapped if need be; `None` past the cap.
fn first_of(shard: usize) -> Option<*mut Bucket> {
    let mut all = FIRSTS.load(Ordering::Acquire);
    if all.is_null() {
        let fresh = memory::map(FIRSTS_BYTES)?;
        all = match FIRSTS.compare_exchange(all, fresh.cast(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh.cast(),
            Err(there) => {
                // SAFETY: mapped just now with that size; another thread was first, and nobody knows of this one.
                unsafe { memory::unmap(fresh, FIRSTS_BYTES) };
                there
            }
        };
    }
    Some(all.wrapping_add(shard * FIRST))
}

/// Where a block is looked for: its shard, and what tells it apart there.
///
/// NOTE: each address has a place of its own. An odd number times all of them, of so many bits, gives all of them again.
#[inline(always)]
fn place_of(units: u64) -> (&'static Shard, u64) {
    let hash = units.wrapping_mul(0x9e3_779b_97f5) & ((1 << ADDRESS_BITS) - 1);
    (&LIVE[(hash >> KEY_BITS) as usize], hash & ((1 << KEY_BITS) - 1))
}

/// The bucket where a block belongs, of `capacity`.
#[inline(always)]
fn home(key: u64, capacity: usize) -> usize {
    // Any capacity will do, not only powers of two: the table grows by a quarter, and is never much too large.
    (((key >> (KEY_BITS - 32)) * capacity as u64) >> 32) as usize
}

/// The address in units; `None` when it cannot be kept.
#[inline(always)]
fn units_of(address: usize) -> Option<u64> {
    // What is less than a unit is at the top then, where nothing may be.
    let units = (address as u64).rotate_right(UNIT_BITS);
    (units >> ADDRESS_BITS == 0).then_some(units)
}

/// A block and its record in one word, which is never 0; `None` when the address cannot be kept.
#[inline(always)]
pub(super) fn entry_of(address: usize, id: RecordId) -> Option<u64> {
    units_of(address).map(|units| units << ID_BITS | u64::from(id))
}

/// Whether it is that block's.
#[inline(always)]
pub(super) fn is_of(entry: u64, address: usize) -> bool {
    entry >> ID_BITS == (address as u64).rotate_right(UNIT_BITS)
}

/// The record in it.
#[inline(always)]
pub(super) fn id_of(entry: u64) -> RecordId {
    (entry & ((1 << ID_BITS) - 1)) as RecordId
}

/// Fetches what [`insert_entry`] of that will need.
///
/// PERF: the table of a large heap is not in the cache; meanwhile the stack is walked.
#[inline(always)]
pub(super) fn prefetch_entry(entry: u64) {
    let (shard, key) = place_of(entry >> ID_BITS);
    shard.prefetch(key);
}

/// Remembers a block. False when there is no room (the cap) or its address cannot be kept.
#[inline(always)]
pub(crate) fn insert(address: usize, id: RecordId) -> bool {
    entry_of(address, id).is_some_and(insert_entry)
}

/// As [`insert`].
pub(super) fn insert_entry(entry: u64) -> bool {
    insert_entry_if(entry, || true)
}

/// As [`insert`], if `take` says so, which is asked with the lock of the block's shard held. False when there is no room.
#[inline(always)]
pub(super) fn insert_entry_if(entry: u64, take: impl FnOnce() -> bool) -> bool {
    let (shard, key) = place_of(entry >> ID_BITS);
    let _held = shard.lock.lock();
    // SAFETY: the lock is held.
    let table = unsafe { &mut *shard.table.get() };
    if table.is_dense() && !table.grow(shard.number()) {
        return false;
    }
    if take() {
        table.put(key, id_of(entry));
    }
    true
}

/// Forgets a block; the record it belonged to, or `None` for one that was not remembered.
#[inline(always)]
pub(crate) fn remove(address: usize) -> Option<RecordId> {
    let (shard, key) = place_of(units_of(address)?);
    // PERF: while the lock is taken.
    shard.prefetch(key);
    let _held = shard.lock.lock();
    // SAFETY: the lock is held.
    let table = unsafe { &mut *shard.table.get() };
    match table.find(key) {
        Some((at, slot)) => Some(table.take(key, at, slot)),
        None => nursery::find(address).map(Young::remove),
    }
}

/// The record of a block.
pub(crate) fn find(address: usize) -> Option<RecordId> {
    let (shard, key) = place_of(units_of(address)?);
    let _held = shard.lock.lock();
    // SAFETY: the lock is held.
    let table = unsafe { &mut *shard.table.get() };
    match table.find(key) {
        Some((at, slot)) => Some(table.bucket(at).id(slot)),
        None => nursery::find(address).map(|young| young.id()),
    }
}

impl Shard {
    fn number(&self) -> usize {
        (ptr::from_ref(self).addr() - LIVE.as_ptr().addr()) / size_of::<Self>()
    }

    /// Fetches the bucket where a block belongs. Without the lock.
    #[inline(always)]
    fn prefetch(&self, key: u64) {
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // NOTE: what was read may be out of date, and is not followed but only fetched.
            // SAFETY: the shard is a static; a prefetch of any address is harmless.
            unsafe {
                let table = self.table.get();
                let (buckets, capacity) = (
                    (&raw const (*table).buckets).read_volatile(),
                    (&raw const (*table).capacity).read_volatile(),
                );
                _mm_prefetch::<_MM_HINT_T0>(buckets.wrapping_add(home(key, capacity)).cast());
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = key;
    }
}

impl Table {
    /// Nine of ten places are taken.
    #[inline(always)]
    fn is_dense(&self) -> bool {
        self.len * 10 >= self.capacity * (9 * SLOTS)
    }

    #[inline(always)]
    fn bucket(&mut self, at: usize) -> &mut Bucket {
        debug_assert!(at < self.capacity);
        // SAFETY: that many were mapped, zeroed; every caller's `at` is a `home` or one that `after` gave, below the
        // capacity; and the shard's lock is held, so that nobody else has the bucket.
        unsafe { &mut *self.buckets.add(at) }
    }

    #[inline(always)]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.capacity { 0 } else { at + 1 }
    }

    /// The bucket and the slot that a block is in.
    #[inline(always)]
    fn find(&mut self, key: u64) -> Option<(usize, usize)> {
        let mut at = home(key, self.capacity);
        for _ in 0..self.capacity {
            let bucket = self.bucket(at);
            if let Some(slot) = bucket.find(key) {
                return Some((at, slot));
            }
            if !bucket.was_passed() {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    /// Adds a block. There is room: see [`Table::grow`].
    #[inline(always)]
    fn put(&mut self, key: u64, id: RecordId) {
        let mut at = home(key, self.capacity);
        while self.bucket(at).is_full() {
            self.bucket(at).pass();
            at = self.after(at);
        }
        self.bucket(at).push(key, id);
        self.len += 1;
    }

    /// Takes a block out of where it was found.
    #[inline(always)]
    fn take(&mut self, key: u64, at: usize, slot: usize) -> RecordId {
        let mut passed = home(key, self.capacity);
        while passed != at {
            self.bucket(passed).unpass();
            passed = self.after(passed);
        }
        self.len -= 1;
        self.bucket(at).take(slot)
    }

    /// By a quarter, as that shard's. False past the cap, when it is full but for a sixteenth.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, shard: usize) -> bool {
        let (capacity, buckets) = match self.capacity {
            0 => (FIRST, first_of(shard)),
            now => {
                let capacity = (now + now / 4).max(now + STEP) / STEP * STEP;
                (capacity, memory::map(capacity * size_of::<Bucket>()).map(<*mut u8>::cast))
            }
        };
        let Some(buckets) = buckets else { return self.len * 16 < self.capacity * (15 * SLOTS) };
        let mut old = std::mem::replace(self, Self { buckets, capacity, len: 0 });
        for at in 0..old.capacity {
            let bucket = old.bucket(at);
            for slot in 0..bucket.len() {
                self.put(bucket.key(slot), bucket.id(slot));
            }
        }
        old.unmap();
        true
    }

    /// Gives the memory back, if it has any to itself.
    fn unmap(self) {
        if self.capacity > FIRST {
            // SAFETY: mapped with this size by `grow`; nobody else has the table.
            unsafe { memory::unmap(self.buckets.cast(), self.capacity * size_of::<Bucket>()) };
        }
    }
}

/// Forgets all but what threads still have to themselves, and gives the memory back. Nobody records.
pub(crate) fn clear() {
    nursery::clear();
    for shard in &LIVE {
        let _held = shard.lock.lock();
        // SAFETY: the lock is held.
        let table = unsafe { &mut *shard.table.get() };
        std::mem::replace(table, Table { buckets: ptr::null_mut(), capacity: 0, len: 0 }).unmap();
    }
    let firsts = FIRSTS.swap(ptr::null_mut(), Ordering::AcqRel);
    if !firsts.is_null() {
        // SAFETY: mapped with this size, and no shard's table any more. Nobody records.
        unsafe { memory::unmap(firsts.cast(), FIRSTS_BYTES) };
    }
}

/// Takes every lock, before a fork.
#[cfg(unix)]
pub(crate) fn lock_all() {
    for shard in &LIVE {
        std::mem::forget::<super::spin::Held<'_>>(shard.lock.lock());
    }
}

/// Releases what [`lock_all`] took, in parent and child.
#[cfg(unix)]
pub(crate) fn unlock_all() {
    for shard in &LIVE {
        shard.lock.force_unlock();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn no_two_addresses_have_one_place() {
        let mut places: Vec<_> = (0..1 << 16)
            .map(|at| place_of(if at % 2 == 0 { at } else { at << (ADDRESS_BITS - 16) }))
            .map(|(shard, key)| (ptr::from_ref(shard), key))
            .collect();
        let len = places.len();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), len);
    }

    #[test]
    fn a_table_is_a_map_at_any_load() {
        let mut table = Table { buckets: ptr::null_mut(), capacity: 0, len: 0 };
        let mut model = HashMap::new();
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 27 & ((1 << KEY_BITS) - 1)
        };
        // Rises to its most again and again, where the lines are full and blocks go on to the next ones.
        for round in 0..6 {
            while model.len() < 4_000 + 500 * round {
                let (key, id) = (next(), next() as RecordId & ((1 << ID_BITS) - 1));
                assert!(!table.is_dense() || table.grow(0));
                if let std::collections::hash_map::Entry::Vacant(vacant) = model.entry(key) {
                    assert_eq!(table.find(key), None);
                    table.put(key, id);
                    vacant.insert(id);
                }
            }
            assert!(table.len == model.len() && table.len * 10 > table.capacity * (6 * SLOTS));
            let mut most = 0;
            for (&key, &id) in &model {
                let (at, slot) = table.find(key).expect("every block is found");
                assert_eq!(table.bucket(at).id(slot), id);
                most = most.max((at + table.capacity - home(key, table.capacity)) % table.capacity);
            }
            assert!(most > 0, "none has gone on, in round {round}");
            let freed: Vec<_> =
                model.keys().copied().filter(|key| !(key + round as u64).is_multiple_of(3)).collect();
            for key in freed {
                let (at, slot) = table.find(key).expect("it is there");
                assert_eq!(Some(table.take(key, at, slot)), model.remove(&key));
                assert_eq!(table.find(key), None);
            }
        }
        for (key, _) in model {
            let (at, slot) = table.find(key).expect("it is there");
            table.take(key, at, slot);
        }
        let mut left = 0;
        for at in 0..table.capacity {
            left += usize::from(table.bucket(at).len() > 0 || table.bucket(at).was_passed());
        }
        assert_eq!((table.len, left), (0, 0));
        table.unmap();
    }
}
