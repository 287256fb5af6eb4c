//! HOT PATH while calls with a report of their own run: the blocks that each of them allocated, told apart from those of
//! all other calls of the same functions, whoever frees them.
//!
//! Such a call counts on private paths, which are used again. On the heap its blocks are those of the common path with
//! the same calls on it, so that nothing has to be moved when it ends. Beside that, while it runs, a side table says
//! which call each of its live blocks belongs to, and a cell for each private path adds up what it asked for.
//!
//! Where no such call runs, this costs the hot path one load.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

mod blocks;

use blocks::{Owner, insert};
pub(crate) use blocks::{Owners, freed, stayed};

use super::memory;
use super::sampler;
#[cfg(unix)]
use super::spin::Held;
use super::spin::Spin;
use crate::capture::MOST;
use crate::engine::{self, Engine};
use crate::paths::{NO_PATH, PathIndex, ROOT};
use crate::profile::HeapCounts;
use crate::thread::Inside;

/// Not a path: outside of all.
const NOWHERE: PathIndex = u32::MAX;

/// Private trees in use: only then can a thread be on a private path.
static PRIVATE: AtomicU32 = AtomicU32::new(0);
/// Calls whose report is still to come: only then are blocks in the side table anybody's.
static OPEN: AtomicU32 = AtomicU32::new(0);
/// Calls so far; the number of each is its generation.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// What a private tree is used for now.
struct Call {
    root: AtomicU32,
    /// Where the call was made.
    attach: AtomicU32,
    /// 0 before the first use.
    generation: AtomicU32,
    /// Its report is still to come.
    is_open: AtomicBool,
}

static CALLS: [Call; MOST] = [const {
    Call {
        root: AtomicU32::new(NO_PATH),
        attach: AtomicU32::new(ROOT),
        generation: AtomicU32::new(0),
        is_open: AtomicBool::new(false),
    }
}; MOST];

/// What one private path asked for in the call that its tree is used for. Blocks are in units of [`sampler::UNIT`].
#[repr(C, align(64))]
struct Cell {
    /// Generation of the call, and below it the path that the same calls have one tree further out.
    known: AtomicU64,
    /// The tree's place in [`CALLS`].
    slot: AtomicU32,
    blocks: AtomicU64,
    bytes: AtomicU64,
    freed_blocks: AtomicU64,
    freed_bytes: AtomicU64,
    samples: AtomicU64,
}

const CELLS: usize = 64;
/// As many as there can be paths; mapped when first used, and never unmapped: a thread may look at any time.
const CHUNKS: usize = (2 * crate::paths::Limits::MAX_PATHS as usize + 1024) / CELLS;
static CHUNK: [AtomicPtr<Cell>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
/// Held while a cell begins with another call.
static BEGINNING: Spin = Spin::new();

/// A block, or what a sampled one stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    /// In units of [`sampler::UNIT`].
    pub(crate) blocks: u64,
    pub(crate) bytes: u64,
    pub(crate) is_sample: bool,
}

impl Weight {
    /// A block that stands for itself.
    pub(crate) fn one(bytes: usize) -> Self {
        Self { blocks: sampler::UNIT, bytes: bytes as u64, is_sample: false }
    }
}

/// True while a thread may be on a private path.
#[inline(always)]
pub(crate) fn are_in_use() -> bool {
    PRIVATE.load(Ordering::Relaxed) != 0
}

/// True while a block that is freed may be that of a call whose report is still to come.
#[inline(always)]
pub(crate) fn are_open() -> bool {
    OPEN.load(Ordering::Relaxed) != 0
}

/// The private tree in place `slot` is used from now on for a call made at `attach`. Nobody is in it.
pub(crate) fn begin(slot: usize, root: PathIndex, attach: PathIndex) {
    let call = &CALLS[slot];
    let mut generation = GENERATION.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    if generation == 0 {
        generation = GENERATION.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    }
    call.root.store(root, Ordering::Relaxed);
    call.attach.store(attach, Ordering::Relaxed);
    call.generation.store(generation, Ordering::Release);
    call.is_open.store(true, Ordering::Release);
    PRIVATE.fetch_add(1, Ordering::Relaxed);
    OPEN.fetch_add(1, Ordering::SeqCst);
}

/// The call's report is due: what is allocated and freed from here on is none of its business. One caller at a time, also
/// with [`begin`].
pub(crate) fn close(slot: usize) {
    CALLS[slot].is_open.store(false, Ordering::SeqCst);
    let was_last = OPEN.fetch_sub(1, Ordering::SeqCst) == 1;
    blocks::after_close(was_last);
}

/// The private tree is free for another call.
pub(crate) fn end() {
    PRIVATE.fetch_sub(1, Ordering::Relaxed);
}

/// What a private path asked for in the call that its tree was last used for.
pub(crate) fn counts(path: PathIndex) -> HeapCounts {
    let chunk = CHUNK[path as usize / CELLS].load(Ordering::Acquire);
    if chunk.is_null() {
        return HeapCounts::default();
    }
    // SAFETY: a chunk is never unmapped, and the index is within.
    let cell = unsafe { &*chunk.add(path as usize % CELLS) };
    let generation =
        CALLS[cell.slot.load(Ordering::Relaxed) as usize % MOST].generation.load(Ordering::Relaxed);
    let known = cell.known.load(Ordering::Acquire);
    if known == 0 || (known >> 32) as u32 != generation {
        return HeapCounts::default();
    }
    let blocks = |units: &AtomicU64| (units.load(Ordering::Relaxed) + sampler::UNIT / 2) / sampler::UNIT;
    HeapCounts {
        allocations: blocks(&cell.blocks),
        allocated_bytes: cell.bytes.load(Ordering::Relaxed),
        frees: blocks(&cell.freed_blocks),
        freed_bytes: cell.freed_bytes.load(Ordering::Relaxed),
        samples: cell.samples.load(Ordering::Relaxed),
    }
}

/// The path in the common tree that has the same calls on it; a path of the common tree itself.
#[inline(never)]
pub(crate) fn home(path: PathIndex) -> PathIndex {
    let engine = engine::process();
    let mut at = path;
    while at != NOWHERE && engine.paths.top(at) != ROOT {
        at = outwards(engine, at).0;
    }
    at
}

/// The path that the same calls have one tree further out, and the cell; nowhere past the cap on memory.
fn outwards(engine: &Engine, path: PathIndex) -> (PathIndex, Option<&'static Cell>) {
    let Some(cell) = cell(path) else { return (NOWHERE, None) };
    let target = cell.target().or_else(|| first_use(engine, path));
    (target.unwrap_or(NOWHERE), Some(cell))
}

impl Cell {
    /// The path one tree further out, once it is known in this call.
    fn target(&self) -> Option<PathIndex> {
        let known = self.known.load(Ordering::Acquire);
        let slot = self.slot.load(Ordering::Relaxed) as usize % MOST;
        let is_current = (known >> 32) as u32 == CALLS[slot].generation.load(Ordering::Relaxed);
        (known != 0 && is_current).then_some(known as u32)
    }

    /// Begins with a call, in which nothing was counted yet.
    fn settle(&self, slot: usize, target: PathIndex) {
        let known = u64::from(CALLS[slot].generation.load(Ordering::Relaxed)) << 32 | u64::from(target);
        let _beginning = BEGINNING.lock();
        if self.known.load(Ordering::Relaxed) == known {
            return;
        }
        for counter in [&self.blocks, &self.bytes, &self.freed_blocks, &self.freed_bytes, &self.samples] {
            counter.store(0, Ordering::Relaxed);
        }
        self.slot.store(slot as u32, Ordering::Relaxed);
        self.known.store(known, Ordering::Release);
    }
}

/// Follows the path down from the nearest one above it of which the target is known, or from where the call was made.
#[cold]
#[inline(never)]
fn first_use(engine: &Engine, path: PathIndex) -> Option<PathIndex> {
    // Adding a path allocates and takes a lock.
    let _inside = Inside::enter()?;
    let root = engine.paths.top(path);
    let slot = CALLS.iter().position(|call| call.root.load(Ordering::Relaxed) == root)?;
    let attach = CALLS[slot].attach.load(Ordering::Relaxed);
    cell(root)?.settle(slot, attach);
    loop {
        // The steps nearest to what is known: the tree can be deep, the stack is not.
        let mut steps = [root; 64];
        let (mut count, mut at) = (0, path);
        let mut target = loop {
            match cell(at)?.target() {
                Some(target) => break target,
                None => steps[count % steps.len()] = at,
            }
            count += 1;
            at = engine.paths.parent(at);
        };
        for i in (count.saturating_sub(steps.len())..count).rev() {
            let step = steps[i % steps.len()];
            target = engine.paths.resolve(target, engine.paths.site(step)).path;
            cell(step)?.settle(slot, target);
        }
        if count <= steps.len() {
            return Some(target);
        }
    }
}

fn cell(path: PathIndex) -> Option<&'static Cell> {
    let chunk = CHUNK.get(path as usize / CELLS)?;
    let mut cells = chunk.load(Ordering::Acquire);
    if cells.is_null() {
        let _beginning = BEGINNING.lock();
        cells = chunk.load(Ordering::Acquire);
        if cells.is_null() {
            cells = memory::map(CELLS * size_of::<Cell>())?.cast();
            chunk.store(cells, Ordering::Release);
        }
    }
    // SAFETY: zeroed memory for that many cells, all of atomics, for which zero is a value; never unmapped.
    Some(unsafe { &*cells.add(path as usize % CELLS) })
}

/// A block was allocated on `path`: counts it for the calls with a report of their own that are under way there, if there
/// is room to remember that.
#[inline(never)]
pub(crate) fn allocated(address: usize, path: PathIndex, weight: Weight) {
    let engine = engine::process();
    let (mut at, mut depth) = (path, 0);
    while at != NOWHERE && engine.paths.top(at) != ROOT {
        let (next, cell) = outwards(engine, at);
        let Some(cell) = cell else { return };
        let call = &CALLS[cell.slot.load(Ordering::Relaxed) as usize % MOST];
        if call.is_open.load(Ordering::Relaxed) {
            let generation = call.generation.load(Ordering::Relaxed);
            let is_kept = insert(address, depth, Owner { path: at, generation }, |cell| {
                cell.blocks.fetch_add(weight.blocks, Ordering::Relaxed);
                cell.bytes.fetch_add(weight.bytes, Ordering::Relaxed);
                cell.samples.fetch_add(u64::from(weight.is_sample), Ordering::Relaxed);
            });
            if !is_kept || depth == u8::MAX {
                return;
            }
            depth += 1;
        }
        at = next;
    }
}

/// Recording has ended: all blocks are forgotten, and what was counted of them.
pub(crate) fn clear() {
    blocks::clear();
    let _beginning = BEGINNING.lock();
    for chunk in &CHUNK {
        let cells = chunk.load(Ordering::Relaxed);
        for at in 0..if cells.is_null() { 0 } else { CELLS } {
            // SAFETY: a chunk is never unmapped, and the index is within.
            unsafe { &*cells.add(at) }.known.store(0, Ordering::Release);
        }
    }
}

/// Takes every lock, before a fork.
#[cfg(unix)]
pub(crate) fn lock_all() {
    std::mem::forget::<Held<'_>>(BEGINNING.lock());
    blocks::lock_all();
}

/// Releases what [`lock_all`] took, in parent and child.
#[cfg(unix)]
pub(crate) fn unlock_all() {
    blocks::unlock_all();
    BEGINNING.force_unlock();
}
