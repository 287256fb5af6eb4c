//! Whose each live block is, of the calls with a report of their own: a side table by address and depth of nesting. It
//! holds no block that was freed, and loses those of calls that are over when it needs room.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::{CALLS, CELLS, CHUNK, Cell, Weight};
use crate::capture::MOST;
use crate::heap::memory;
#[cfg(unix)]
use crate::heap::spin::Held;
use crate::heap::spin::Spin;
use crate::paths::PathIndex;

/// Something may be in the side table.
static TOUCHED: AtomicBool = AtomicBool::new(false);
/// The deepest nesting of calls that the side table knows of. What is kept of a block may have gaps, where a call between
/// is over: a free looks at all depths up to this.
static DEEPEST: AtomicU8 = AtomicU8::new(0);

/// A block is about to be freed: counts that for the calls it belongs to, and says to whom it belonged.
#[inline(never)]
pub(crate) fn freed(address: usize, weight: Weight) -> Owners {
    let mut owners = Owners::default();
    if !TOUCHED.load(Ordering::SeqCst) {
        return owners;
    }
    for depth in 0..=DEEPEST.load(Ordering::SeqCst) {
        let owner = remove(address, depth, |cell| {
            cell.freed_blocks.fetch_add(weight.blocks, Ordering::Relaxed);
            cell.freed_bytes.fetch_add(weight.bytes, Ordering::Relaxed);
        });
        let Some(owner) = owner else { continue };
        if let Some(place) = owners.0.get_mut(usize::from(depth)) {
            *place = owner.word();
        }
    }
    owners
}

/// It was not freed after all.
#[cold]
pub(crate) fn stayed(address: usize, owners: Owners, weight: Weight) {
    for (depth, &owner) in (0..).zip(&owners.0).filter(|(_, owner)| **owner != 0) {
        insert(address, depth, Owner::of(owner), |cell| {
            cell.freed_blocks.fetch_sub(weight.blocks, Ordering::Relaxed);
            cell.freed_bytes.fetch_sub(weight.bytes, Ordering::Relaxed);
        });
    }
}

/// To whom a block belonged, the innermost call first; of more than four calls inside each other, the outer ones are
/// left out. 0 is nobody.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owners(pub(crate) [u64; 4]);

/// Which path of which call a block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) path: PathIndex,
    pub(super) generation: u32,
}

impl Owner {
    fn word(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.path)
    }

    fn of(word: u64) -> Self {
        Self { path: word as u32, generation: (word >> 32) as u32 }
    }

    /// The cell to count in, while the call's report is still to come.
    fn cell(self) -> Option<&'static Cell> {
        let chunk = CHUNK.get(self.path as usize / CELLS)?.load(Ordering::Acquire);
        // SAFETY: null, or a chunk, which is never unmapped.
        let cell = unsafe { chunk.add(self.path as usize % CELLS).as_ref() }.filter(|_| !chunk.is_null())?;
        let call = &CALLS[cell.slot.load(Ordering::Relaxed) as usize % MOST];
        let is_current = call.is_open.load(Ordering::SeqCst)
            && call.generation.load(Ordering::Relaxed) == self.generation
            && (cell.known.load(Ordering::Acquire) >> 32) as u32 == self.generation;
        is_current.then_some(cell)
    }
}

const SHARDS: usize = 64;
/// Entries of a shard's first table: one page.
const FIRST: usize = 256;

/// Owners by address and depth of nesting, open addressing with linear probing. An entry is two words: the key, which is
/// never 0, and the owner.
struct Table {
    entries: *mut [u64; 2],
    capacity: usize,
    len: usize,
}

#[repr(align(64))]
struct Shard {
    lock: Spin,
    table: UnsafeCell<Table>,
}

// SAFETY: `table` is touched only by whoever holds `lock`.
unsafe impl Sync for Shard {}

static BLOCKS: [Shard; SHARDS] = [const {
    Shard {
        lock: Spin::new(),
        table: UnsafeCell::new(Table { entries: ptr::null_mut(), capacity: 0, len: 0 }),
    }
}; SHARDS];

/// `None` for an address that leaves no room for the depth.
fn key_of(address: usize, depth: u8) -> Option<u64> {
    (address as u64 >> 56 == 0).then_some(address as u64 | u64::from(depth) << 56)
}

fn hash(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Remembers whose a block is, and counts it, if its report is still to come.
pub(super) fn insert(address: usize, depth: u8, owner: Owner, count: impl FnOnce(&Cell)) -> bool {
    let Some(key) = key_of(address, depth) else { return false };
    let shard = &BLOCKS[(hash(key) >> 58) as usize];
    if !TOUCHED.load(Ordering::SeqCst) {
        TOUCHED.store(true, Ordering::SeqCst);
    }
    if DEEPEST.load(Ordering::SeqCst) < depth {
        DEEPEST.fetch_max(depth, Ordering::SeqCst);
    }
    let _held = shard.lock.lock();
    // Asked with the lock held: whoever closes the call waits for it.
    let Some(cell) = owner.cell() else { return true };
    // SAFETY: the lock is held.
    let table = unsafe { &mut *shard.table.get() };
    let is_kept = table.put(key, owner);
    if is_kept {
        count(cell);
    }
    is_kept
}

/// Forgets whose a block was, and counts that for a call whose report is still to come. `None` when it was nobody's.
fn remove(address: usize, depth: u8, count: impl FnOnce(&Cell)) -> Option<Owner> {
    let key = key_of(address, depth)?;
    let shard = &BLOCKS[(hash(key) >> 58) as usize];
    let _held = shard.lock.lock();
    // SAFETY: the lock is held.
    let table = unsafe { &mut *shard.table.get() };
    let owner = table.take(key)?;
    if let Some(cell) = owner.cell() {
        count(cell);
    }
    Some(owner)
}

impl Table {
    fn home(&self, key: u64) -> usize {
        (((hash(key) >> 16 & 0xffff_ffff) * self.capacity as u64) >> 32) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.capacity { 0 } else { at + 1 }
    }

    fn entry(&mut self, at: usize) -> &mut [u64; 2] {
        debug_assert!(at < self.capacity);
        // SAFETY: within the mapping, which has `capacity` entries, and the table is borrowed.
        unsafe { &mut *self.entries.add(at) }
    }

    /// Where the key is, or would be. The table is not full.
    fn find(&mut self, key: u64) -> usize {
        let mut at = self.home(key);
        while ![0, key].contains(&self.entry(at)[0]) {
            at = self.after(at);
        }
        at
    }

    /// False past the cap on memory. An entry that is there already is one of a call that is over.
    fn put(&mut self, key: u64, owner: Owner) -> bool {
        if (self.len + 1) * 4 > self.capacity * 3 && !self.make_room() {
            return false;
        }
        let at = self.find(key);
        self.len += usize::from(self.entry(at)[0] == 0);
        *self.entry(at) = [key, owner.word()];
        true
    }

    fn take(&mut self, key: u64) -> Option<Owner> {
        if self.len == 0 {
            return None;
        }
        let mut gap = self.find(key);
        let [found, owner] = *self.entry(gap);
        if found == 0 {
            return None;
        }
        // Those after it that were displaced by it move up.
        let mut at = self.after(gap);
        loop {
            let next = *self.entry(at);
            if next[0] == 0 {
                break;
            }
            let home = self.home(next[0]);
            let moves = if home <= at { home <= gap && gap < at } else { home <= gap || gap < at };
            if moves {
                *self.entry(gap) = next;
                gap = at;
            }
            at = self.after(at);
        }
        *self.entry(gap) = [0; 2];
        self.len -= 1;
        Some(Owner::of(owner))
    }

    /// Throws out what belongs to calls that are over, and grows if that is not enough.
    #[cold]
    fn make_room(&mut self) -> bool {
        let mut old = Table { ..*self };
        let current = (0..old.capacity)
            .filter(|&at| {
                let [key, owner] = *old.entry(at);
                key != 0 && Owner::of(owner).cell().is_some()
            })
            .count();
        let capacity = ((current + 1) * 2).next_power_of_two().max(FIRST);
        let Some(entries) = memory::map(capacity * size_of::<[u64; 2]>()) else { return false };
        *self = Table { entries: entries.cast(), capacity, len: 0 };
        for at in 0..old.capacity {
            let [key, owner] = *old.entry(at);
            if key != 0 && Owner::of(owner).cell().is_some() {
                let to = self.find(key);
                *self.entry(to) = [key, owner];
                self.len += 1;
            }
        }
        old.unmap();
        true
    }

    fn clear(&mut self) {
        if self.capacity > FIRST {
            self.unmap();
        } else if self.len > 0 {
            (0..self.capacity).for_each(|at| *self.entry(at) = [0; 2]);
            self.len = 0;
        }
    }

    fn unmap(&mut self) {
        if self.capacity > 0 {
            // SAFETY: mapped in `make_room` with this size, and out of the table below.
            unsafe { memory::unmap(self.entries.cast(), self.capacity * size_of::<[u64; 2]>()) };
        }
        *self = Table { entries: ptr::null_mut(), capacity: 0, len: 0 };
    }
}

/// Nobody can count for a call any more that was closed before this; after the last one all are forgotten.
pub(super) fn after_close(was_last: bool) {
    if !TOUCHED.load(Ordering::SeqCst) {
        return;
    }
    for shard in &BLOCKS {
        // Who still counts for the call does so with the lock held.
        let _held = shard.lock.lock();
        if was_last {
            // SAFETY: the lock is held.
            unsafe { &mut *shard.table.get() }.clear();
        }
    }
    if was_last {
        TOUCHED.store(false, Ordering::SeqCst);
        DEEPEST.store(0, Ordering::SeqCst);
    }
}

/// Forgets all, and gives the memory back.
pub(super) fn clear() {
    for shard in &BLOCKS {
        let _held = shard.lock.lock();
        // SAFETY: the lock is held.
        unsafe { &mut *shard.table.get() }.unmap();
    }
}

/// Takes every lock, before a fork.
#[cfg(unix)]
pub(super) fn lock_all() {
    for shard in &BLOCKS {
        std::mem::forget::<Held<'_>>(shard.lock.lock());
    }
}

/// Releases what [`lock_all`] took.
#[cfg(unix)]
pub(super) fn unlock_all() {
    for shard in &BLOCKS {
        shard.lock.force_unlock();
    }
}
