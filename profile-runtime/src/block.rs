//! One thread's counters: the block that its thread-local slot points to, written by the one thread that
//! owns it, read by snapshots, handed to the next thread when its owner ends.

mod owner;
mod readers;
mod shared;

use std::cell::{Cell, UnsafeCell};
use std::sync::Mutex;
#[cfg(feature = "throttle")]
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use self::owner::Owner;
use self::shared::Shared;
use crate::child_table::{CallKey, ChildTable};
use crate::counters::Counters;
use crate::engine::Engine;
use crate::paths::PathIndex;
use crate::position::Position;
use crate::ring::Ring;
use crate::segment::Segment;
use crate::site::SiteId;
use crate::spot::Spot;
use crate::storage::Place;
#[cfg(feature = "throttle")]
use crate::throttle::Sampler;

#[inline(always)]
fn path_of(current: *const Counters) -> PathIndex {
    // SAFETY: comes from `Block::current` or a reading of it, which point to counters that are leaked.
    unsafe { &*current }.path.load(Ordering::Relaxed)
}

/// Where placeholders are.
static NOWHERE: Counters = Counters::nowhere();

/// See the module.
#[repr(C, align(64))]
pub(crate) struct Block {
    /// What time is charged to, and since when.
    position: Position,
    /// The path the thread is on: the one that time is charged to, or calls below it that are only counted.
    #[cfg(feature = "throttle")]
    place: AtomicPtr<Counters>,
    #[cfg(feature = "throttle")]
    pub(crate) sampler: Sampler,
    table: ChildTable,
    pub(crate) engine: Option<&'static Engine>,
    pub(crate) segment: Segment,
    /// Number of the block; from 1.
    id: u32,
    tasks: Cell<u64>,
    backsteps: AtomicU32,
    /// The thread is below a call that has ended: see [`Disorder`].
    disordered: Cell<bool>,
    /// How many [`crate::context::Stay`] are open.
    stays: Cell<u32>,
    /// Some calls of this thread's fold.
    folds: Cell<bool>,
    truncated: AtomicU64,
    ring: Ring,
    owner: UnsafeCell<Owner>,
    shared: Mutex<Shared>,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("id", &self.id).finish_non_exhaustive()
    }
}

// SAFETY: `table`, `segment`, `tasks`, `disordered`, `stays`, `folds` and `owner` are touched only by the thread that owns the
// block (its thread-local slot points here; `Engine::adopt` gives a block to one thread at a time, under a
// lock that orders the hand-over). Everything else is atomic or behind `shared`. A block without an engine
// is never written at all.
unsafe impl Sync for Block {}
// SAFETY: as for Sync; a block is not bound to the thread that made it.
unsafe impl Send for Block {}

impl Block {
    /// A block that finds nothing, so that the hot path falls through to the slow one.
    pub(crate) const fn placeholder() -> Self {
        Self::new(None, 0)
    }

    pub(crate) const fn new(engine: Option<&'static Engine>, id: u32) -> Self {
        Self {
            position: Position::nowhere(&NOWHERE),
            #[cfg(feature = "throttle")]
            place: AtomicPtr::new(std::ptr::from_ref(&NOWHERE).cast_mut()),
            #[cfg(feature = "throttle")]
            sampler: Sampler::new(id),
            table: ChildTable::new(),
            engine,
            segment: Segment::new(),
            id,
            tasks: Cell::new(0),
            backsteps: AtomicU32::new(0),
            disordered: Cell::new(false),
            stays: Cell::new(0),
            folds: Cell::new(false),
            truncated: AtomicU64::new(0),
            ring: Ring::new(),
            owner: UnsafeCell::new(Owner::new()),
            shared: Mutex::new(Shared::new()),
        }
    }

    // ---- the hot path ----

    /// The counters of the path the thread is on; a root's when it is on none, [`NOWHERE`] on placeholders.
    #[inline(always)]
    pub(crate) fn current(&self) -> *const Counters {
        #[cfg(feature = "throttle")]
        return self.place.load(Ordering::Relaxed);
        #[cfg(not(feature = "throttle"))]
        self.position.current()
    }

    /// Where the thread is.
    #[inline(always)]
    pub(crate) fn spot(&self) -> Spot {
        self.spot_on(self.current())
    }

    /// As [`Block::spot`], where the caller knows what [`Block::current`] is.
    #[inline(always)]
    pub(crate) fn spot_on(&self, current: *const Counters) -> Spot {
        #[cfg(feature = "throttle")]
        return Spot::within(current, self.position.current());
        #[cfg(not(feature = "throttle"))]
        Spot::of(current)
    }

    /// Goes over to `place` for or after a call that is only counted: the time goes on where it did.
    #[cfg(feature = "throttle")]
    #[inline(always)]
    pub(crate) fn move_to(&self, place: *const Counters) {
        self.place.store(place.cast_mut(), Ordering::Release);
    }

    /// True when time is charged to `counters`.
    #[cfg(feature = "throttle")]
    #[inline(always)]
    pub(crate) fn is_charged(&self, counters: *const Counters) -> bool {
        std::ptr::eq(self.position.current(), counters)
    }

    /// The counters for a call of `site` from `current`, which is where the thread is, if it was there
    /// before. Only where ticks are those of the hardware's counter.
    #[inline(always)]
    pub(crate) fn find_fast(&self, current: *const Counters, site: SiteId) -> Option<&'static Counters> {
        self.table.find(CallKey::new(path_of(current), site))
    }

    /// As [`Block::find_fast`], at the first look or not at all.
    #[inline(always)]
    pub(crate) fn find_at_once(&self, current: *const Counters, site: SiteId) -> Option<&'static Counters> {
        self.table.find_at_once(CallKey::new(path_of(current), site))
    }

    /// Charges the time since the last switch to the current path and goes over to `to`.
    #[inline(always)]
    pub(crate) fn switch(&self, to: Spot, now: u64) {
        self.switch_from(self.spot(), to, now);
    }

    /// As [`Block::switch`], where the caller knows what [`Block::spot`] is.
    #[inline(always)]
    pub(crate) fn switch_from(&self, from: Spot, to: Spot, now: u64) {
        #[cfg(feature = "throttle")]
        self.move_to(to.place());
        if !self.position.switch(from.charged(), to.charged(), now) {
            self.backstep();
        }
    }

    /// Keeps the elapsed time of a call of the function of `counters`. A clock that stepped backwards makes
    /// it a number too large for any time, which is clamped off the hot path.
    #[inline(always)]
    pub(crate) fn elapsed(&self, counters: &Counters, now: u64, start: u64) {
        if self.ring.push(counters.in_ring(), now.wrapping_sub(start)) {
            self.drain();
        }
    }

    /// PERF: inline, though rare: a call here would make all callers save their registers.
    #[inline(always)]
    fn backstep(&self) {
        self.backsteps.store(self.backsteps.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Where what it counts is.
    fn place(&self) -> Place {
        Place { engine: self.engine, block: self.id }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
