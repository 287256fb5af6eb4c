//! Which record each live block belongs to: a side table by address, at most 16 bytes a block.
//!
//! 256 shards of open addressing with linear probing; a slot is one word. A block's size is not kept: whoever frees
//! it says it again. Those that a thread allocated last may be in its `nursery` instead, where they are looked for too.

use std::cell::UnsafeCell;
use std::ptr;

use super::memory;
use super::nursery::{self, Young};
use super::records::RecordId;
use super::spin::Spin;

const SHARDS: usize = 256;
/// Slots of a shard's first table.
const FIRST: usize = 512;
/// Bits of a slot for the record; the rest is for the address.
const ID_BITS: u32 = 20;
/// Addresses are kept in units of this many bits: allocators align to 8 at least.
/// NOTE: 47 bits of address on x86-64, 48 elsewhere (there blocks that are not 16-aligned are not kept).
const UNIT_BITS: u32 = if cfg!(target_arch = "x86_64") { 3 } else { 4 };

/// Tables of one shard, in the lock's keeping.
struct Slots {
    slots: *mut u64,
    capacity: usize,
    len: usize,
}

#[repr(align(64))]
struct Shard {
    lock: Spin,
    slots: UnsafeCell<Slots>,
}

// SAFETY: `slots` is touched only by whoever holds `lock`.
unsafe impl Sync for Shard {}

static LIVE: [Shard; SHARDS] = [const {
    Shard { lock: Spin::new(), slots: UnsafeCell::new(Slots { slots: ptr::null_mut(), capacity: 0, len: 0 }) }
}; SHARDS];

#[inline(always)]
fn hash(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline(always)]
fn home(hash: u64, capacity: usize) -> usize {
    // Any capacity will do, not only powers of two: the table grows by a quarter, and is never much too large.
    (((hash >> 16 & 0xffff_ffff) * capacity as u64) >> 32) as usize
}

/// The address in units; `None` when it cannot be kept.
#[inline(always)]
fn key_of(address: usize) -> Option<u64> {
    // What is less than a unit is at the top then, where nothing may be.
    let key = (address as u64).rotate_right(UNIT_BITS);
    (key >> (64 - ID_BITS) == 0).then_some(key)
}

/// A block and its record in one word, which is never 0; `None` when the address cannot be kept.
#[inline(always)]
pub(super) fn entry_of(address: usize, id: RecordId) -> Option<u64> {
    key_of(address).map(|key| key << ID_BITS | u64::from(id))
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

/// The block in it.
#[inline(always)]
pub(super) fn address_of(entry: u64) -> usize {
    (entry >> ID_BITS << UNIT_BITS) as usize
}

/// Fetches what [`insert`] of that block will need.
///
/// PERF: the table of a large heap is not in the cache; meanwhile the stack is walked.
#[inline(always)]
pub(crate) fn prefetch(address: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(key) = key_of(address) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let hash = hash(key);
        let shard = &LIVE[(hash >> 56) as usize];
        // NOTE: read without the lock: what was read may be out of date, and is not followed but only fetched.
        // SAFETY: the shard is a static; a prefetch of any address is harmless.
        unsafe {
            let table = shard.slots.get();
            let (slots, capacity) =
                ((&raw const (*table).slots).read_volatile(), (&raw const (*table).capacity).read_volatile());
            _mm_prefetch::<_MM_HINT_T0>(slots.wrapping_add(home(hash, capacity)).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
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
    let hash = hash(entry >> ID_BITS);
    let shard = &LIVE[(hash >> 56) as usize];
    let _held = shard.lock.lock();
    // SAFETY: the lock is held.
    let table = unsafe { &mut *shard.slots.get() };
    if table.len * 5 >= table.capacity * 4 && !table.grow() {
        return false;
    }
    if take() {
        // SAFETY: grown, so there is an empty slot.
        unsafe { table.put(entry, hash) };
        table.len += 1;
    }
    true
}

/// Forgets a block; the record it belonged to, or `None` for one that was not remembered.
#[inline(always)]
pub(crate) fn remove(address: usize) -> Option<RecordId> {
    let key = key_of(address)?;
    let hash = hash(key);
    let shard = &LIVE[(hash >> 56) as usize];
    let _held = shard.lock.lock();
    // SAFETY: the lock is held.
    let table = unsafe { &mut *shard.slots.get() };
    let Some(at) = table.find(key, hash) else { return nursery::find(address).map(Young::remove) };
    // SAFETY: that slot is in use.
    let slot = unsafe { *table.slots.add(at) };
    // SAFETY: as before.
    unsafe { table.close_gap(at) };
    table.len -= 1;
    Some(id_of(slot))
}

/// The record of a block.
pub(crate) fn find(address: usize) -> Option<RecordId> {
    let key = key_of(address)?;
    let hash = hash(key);
    let shard = &LIVE[(hash >> 56) as usize];
    let _held = shard.lock.lock();
    // SAFETY: the lock is held.
    let table = unsafe { &*shard.slots.get() };
    match table.find(key, hash) {
        // SAFETY: that slot is in use.
        Some(at) => Some(id_of(unsafe { *table.slots.add(at) })),
        None => nursery::find(address).map(|young| young.id()),
    }
}

impl Slots {
    #[inline(always)]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.capacity { 0 } else { at + 1 }
    }

    /// The slot that a block is in.
    #[inline(always)]
    fn find(&self, key: u64, hash: u64) -> Option<usize> {
        if self.len == 0 {
            return None;
        }
        let mut at = home(hash, self.capacity);
        loop {
            // SAFETY: `at` stays below the capacity, and the load below 1: an empty slot ends the loop.
            match unsafe { *self.slots.add(at) } {
                0 => return None,
                slot if slot >> ID_BITS == key => return Some(at),
                _ => at = self.after(at),
            }
        }
    }

    /// # Safety
    /// There is an empty slot.
    #[inline(always)]
    unsafe fn put(&mut self, slot: u64, hash: u64) {
        let mut at = home(hash, self.capacity);
        // SAFETY: `at` stays below the capacity, and there is an empty slot.
        unsafe {
            while *self.slots.add(at) != 0 {
                at = self.after(at);
            }
            *self.slots.add(at) = slot;
        }
    }

    /// Empties a slot; those after it that were displaced by it move up.
    ///
    /// # Safety
    /// `gap` is below the capacity.
    #[inline(always)]
    unsafe fn close_gap(&mut self, mut gap: usize) {
        let mut at = self.after(gap);
        // SAFETY: all indices stay below the capacity; the load is below 1, so an empty slot ends the loop.
        unsafe {
            loop {
                let slot = *self.slots.add(at);
                if slot == 0 {
                    break;
                }
                let home = home(hash(slot >> ID_BITS), self.capacity);
                // Whether the gap lies between the slot's home and the slot, around the end of the table.
                let moves = if home <= at { home <= gap && gap < at } else { home <= gap || gap < at };
                if moves {
                    *self.slots.add(gap) = slot;
                    gap = at;
                }
                at = self.after(at);
            }
            *self.slots.add(gap) = 0;
        }
    }

    /// By a quarter, so that a block takes 10 to 13 bytes. False past the cap.
    #[cold]
    #[inline(never)]
    fn grow(&mut self) -> bool {
        let old = (self.slots, self.capacity);
        let capacity = old.1 + (old.1 / 4 / FIRST * FIRST).max(FIRST);
        let Some(slots) = memory::map(capacity * 8) else {
            // Dense, but not full: it still takes some.
            return self.capacity > 0 && self.len + 1 < self.capacity - self.capacity / 16;
        };
        (self.slots, self.capacity) = (slots.cast(), capacity);
        for at in 0..old.1 {
            // SAFETY: within the old table, and the new one has room for all of it.
            unsafe {
                let slot = *old.0.add(at);
                if slot != 0 {
                    self.put(slot, hash(slot >> ID_BITS));
                }
            }
        }
        if old.1 > 0 {
            // SAFETY: mapped here with this size, and replaced above.
            unsafe { memory::unmap(old.0.cast(), old.1 * 8) };
        }
        true
    }
}

/// Forgets all but what threads still have to themselves, and gives the memory back.
pub(crate) fn clear() {
    nursery::clear();
    for shard in &LIVE {
        let _held = shard.lock.lock();
        // SAFETY: the lock is held.
        let table = unsafe { &mut *shard.slots.get() };
        let old = (table.slots, table.capacity);
        *table = Slots { slots: ptr::null_mut(), capacity: 0, len: 0 };
        if old.1 > 0 {
            // SAFETY: mapped with this size, and out of the table.
            unsafe { memory::unmap(old.0.cast(), old.1 * 8) };
        }
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
