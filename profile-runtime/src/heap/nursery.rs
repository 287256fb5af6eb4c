//! HOT PATH: the blocks that a thread allocated last. Most blocks are freed soon, by the thread that allocated them: it
//! finds them here without a lock. The others move on to the table that all threads share (`live`) when their place is
//! needed.
//!
//! A block is in one place at a time. Its thread puts it into an empty slot, by a plain store; no other thread fills one.
//! A slot is emptied by whoever frees the block, of whom there is one: the thread itself by a plain store, another one
//! while it holds the lock of the block's shard. With the same lock held the thread moves a block on. So whoever holds
//! that lock and finds a block neither in the shard nor in its slot knows that it is nowhere.
//!
//! Which thread's slots to look into, the address says: a region of addresses is one thread's until that ends. What other
//! threads allocate there goes to the shared table at once.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::live;
use super::records::RecordId;

/// Slots of a thread: 8 KiB.
const SLOTS: usize = 1024;
/// A region is so many bytes, as a power of two: allocators give threads larger pieces.
const REGION_LOG2: u32 = 20;
/// Regions that are told apart; what is further away than these 4 GiB may share one.
const REGIONS: usize = 4096;

/// Whose each region is.
static OWNERS: [AtomicPtr<Nursery>; REGIONS] = [const { AtomicPtr::new(ptr::null_mut()) }; REGIONS];

/// One thread's: a block and its record in one word, as `live` keeps them; 0 in an empty slot.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Nursery([AtomicU64; SLOTS]);

#[inline(always)]
fn owner_of(address: usize) -> &'static AtomicPtr<Nursery> {
    &OWNERS[(address >> REGION_LOG2) % REGIONS]
}

impl Nursery {
    #[inline(always)]
    fn slot(&self, address: usize) -> &AtomicU64 {
        // PERF: large blocks lie at multiples of large numbers.
        &self.0[(address >> 4 ^ address >> 14) % SLOTS]
    }

    /// Fetches what [`Nursery::insert`] of that block will need.
    #[inline(always)]
    pub(crate) fn prefetch(&self, address: usize) {
        let before = self.slot(address).load(Ordering::Relaxed);
        if before != 0 {
            live::prefetch_entry(before);
        }
    }

    /// Remembers a block that the calling thread allocated, whose nursery this is. False when there is no room (the cap)
    /// or its address cannot be kept.
    #[inline(always)]
    pub(crate) fn insert(&'static self, address: usize, id: RecordId) -> bool {
        match self.vacant(address) {
            Some(slot) => slot.fill(id),
            None => return self.insert_slowly(address, id),
        }
        true
    }

    /// The block's slot, if it is empty and the region the thread's.
    #[inline(always)]
    pub(crate) fn vacant(&self, address: usize) -> Option<Vacant<'_>> {
        let slot = self.slot(address);
        if slot.load(Ordering::Relaxed) != 0 || !ptr::eq(owner_of(address).load(Ordering::Relaxed), self) {
            return None;
        }
        Some(Vacant { slot, entry: live::entry_of(address, 0)? })
    }

    /// As [`Nursery::insert`].
    #[inline(never)]
    pub(crate) fn insert_slowly(&'static self, address: usize, id: RecordId) -> bool {
        let Some(entry) = live::entry_of(address, id) else { return false };
        if !self.has_region_of(address) {
            return live::insert_entry(entry);
        }
        let slot = self.slot(address);
        if !self.move_on(slot) {
            return false;
        }
        slot.store(entry, Ordering::Relaxed);
        true
    }

    /// Whether the region is the thread's; it is from now on if it was nobody's.
    fn has_region_of(&self, address: usize) -> bool {
        let this = ptr::from_ref(self).cast_mut();
        let owner = owner_of(address);
        match owner.load(Ordering::Relaxed) {
            there if there == this => true,
            there if !there.is_null() => false,
            there => owner.compare_exchange(there, this, Ordering::Release, Ordering::Relaxed).is_ok(),
        }
    }

    /// Moves the block in a slot of the thread's own on to the shared table. False when there is no room.
    fn move_on(&self, slot: &AtomicU64) -> bool {
        let entry = slot.load(Ordering::Relaxed);
        entry == 0
            || live::insert_entry_if(entry, || {
                // Another thread may have freed it before the lock was held.
                let is_here = slot.load(Ordering::Relaxed) == entry;
                slot.store(0, Ordering::Relaxed);
                is_here
            })
    }

    /// Forgets a block that the calling thread frees, whose nursery this is; its record, or `None` when it is not here.
    #[inline(always)]
    pub(crate) fn remove(&self, address: usize) -> Option<RecordId> {
        self.find(address).map(Young::remove)
    }

    /// A block of those that are here.
    #[inline(always)]
    pub(crate) fn find(&self, address: usize) -> Option<Young<'_>> {
        let slot = self.slot(address);
        let entry = slot.load(Ordering::Relaxed);
        live::is_of(entry, address).then_some(Young { slot, entry })
    }

    /// The thread ends: its blocks go to all, and its regions to whoever is next.
    pub(crate) fn leave(&self) {
        for slot in &self.0 {
            // Past the cap it stays here, where it will be found as well.
            if !self.move_on(slot) {
                return;
            }
        }
        let this = ptr::from_ref(self).cast_mut();
        for owner in OWNERS.iter().filter(|owner| owner.load(Ordering::Relaxed) == this) {
            owner.store(ptr::null_mut(), Ordering::Relaxed);
        }
    }

    /// Forgets all. Nobody records.
    pub(crate) fn clear(&self) {
        self.0.iter().for_each(|slot| slot.store(0, Ordering::Relaxed));
    }
}

/// An empty slot, and the block that it will be of.
#[derive(Debug)]
pub(crate) struct Vacant<'a> {
    slot: &'a AtomicU64,
    entry: u64,
}

impl Vacant<'_> {
    /// By the thread whose slot it is.
    #[inline(always)]
    pub(crate) fn fill(self, id: RecordId) {
        self.slot.store(self.entry | u64::from(id), Ordering::Relaxed);
    }
}

/// A block in its slot.
#[derive(Debug)]
pub(crate) struct Young<'a> {
    slot: &'a AtomicU64,
    entry: u64,
}

impl Young<'_> {
    #[inline(always)]
    pub(crate) fn id(&self) -> RecordId {
        live::id_of(self.entry)
    }

    /// Forgets it; its record. By whoever frees it: its own thread, or one that holds the lock of its shard.
    #[inline(always)]
    pub(crate) fn remove(self) -> RecordId {
        self.slot.store(0, Ordering::Relaxed);
        self.id()
    }
}

/// A block that is not in the shared table, in whosever nursery. The lock of its shard is held.
pub(super) fn find(address: usize) -> Option<Young<'static>> {
    // SAFETY: null, or a nursery, which is never unmapped.
    let nursery: &'static Nursery = unsafe { owner_of(address).load(Ordering::Acquire).as_ref() }?;
    nursery.find(address)
}

/// All regions are nobody's. Nobody records.
pub(super) fn clear() {
    OWNERS.iter().for_each(|owner| owner.store(ptr::null_mut(), Ordering::Relaxed));
}
