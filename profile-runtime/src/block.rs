//! One thread's counters: the block that its thread-local slot points to, written by the one thread that
//! owns it, read by snapshots, handed to the next thread when its owner ends.

use std::cell::{Cell, UnsafeCell};
use std::sync::Mutex;
#[cfg(feature = "throttle")]
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::child_table::{CallKey, ChildTable};
use crate::clock;
use crate::counters::{AsyncCounters, Counters};
use crate::disorder::{self, Disorder};
use crate::engine::Engine;
use crate::histogram::Histogram;
use crate::index::Index;
use crate::paths::{PathIndex, ROOT, TargetKind};
use crate::position::{Position, StayReading};
#[cfg(feature = "throttle")]
use crate::ring::RING;
use crate::ring::{Ring, bucket_of};
use crate::segment::Segment;
use crate::site::SiteId;
use crate::spot::Spot;
use crate::storage::{FunctionPlace, Place};
use crate::thread::Inside;
#[cfg(feature = "throttle")]
use crate::throttle::{self, Calls, Judge, Sampler};

/// Counters in a chunk: 1 KiB, so that a thread that uses few paths stays small.
const CHUNK: usize = 16;
/// Asynchronous counters in a chunk.
const ASYNC_CHUNK: usize = 8;
/// How often a reader looks for where the owner is.
#[cfg(feature = "throttle")]
const LOOKS: u32 = 100;
/// Histograms in a chunk.
const HISTOGRAM_CHUNK: usize = 16;

/// What snapshots walk. Grows under the lock; the owner reads its own copies of the pointers.
struct Shared {
    counters: Vec<&'static [Counters]>,
    len: usize,
    /// Which counters are of a path.
    by_path: Index,
    /// Which counters are further ones of a path; see [`Disorder`].
    stand_ins: Vec<usize>,
    asyncs: Vec<&'static [AsyncCounters]>,
    asyncs_len: usize,
    histograms: Vec<&'static [Histogram]>,
    histograms_len: usize,
    /// Which histogram is of a function under a root.
    by_function: Index,
    /// Name of the last owner.
    thread: Option<String>,
}

impl Shared {
    fn at(&self, index: usize) -> &'static Counters {
        &self.counters[index / CHUNK][index % CHUNK]
    }

    /// Which histogram the calls on the counters of that index go to.
    #[cfg(feature = "throttle")]
    fn histogram_index_at(&self, index: usize) -> Option<u32> {
        (index < self.len).then(|| self.at(index).histogram.load(Ordering::Relaxed))
    }

    fn path_at(&self, index: usize) -> PathIndex {
        self.at(index).path.load(Ordering::Relaxed)
    }

    fn find(&self, path: PathIndex) -> Option<&'static Counters> {
        let index = self.by_path.find(u64::from(path), |index| self.path_at(index) == path)?;
        Some(self.at(index))
    }

    fn add_counters(&mut self, path: PathIndex, histogram: usize, place: Place) -> &'static Counters {
        let counters = self.next_counters(path, place);
        counters.histogram.store(histogram as u32, Ordering::Relaxed);
        #[cfg(feature = "throttle")]
        counters.index.store(self.len as u32, Ordering::Relaxed);
        let mut by_path = std::mem::take(&mut self.by_path);
        by_path.add(self.len, |index| u64::from(self.path_at(index)));
        self.by_path = by_path;
        self.len += 1;
        counters
    }

    fn add_stand_in(&mut self, path: PathIndex, place: Place) -> &'static Counters {
        let counters = self.next_counters(path, place);
        self.stand_ins.push(self.len);
        self.len += 1;
        counters
    }

    /// Where the next counters are, which `len` does not count yet.
    fn next_counters(&mut self, path: PathIndex, place: Place) -> &'static Counters {
        if self.len == self.counters.len() * CHUNK {
            self.counters.push(place.counters(CHUNK));
        }
        let counters = self.at(self.len);
        counters.path.store(path, Ordering::Relaxed);
        counters
    }

    fn histogram_at(&self, index: usize) -> &'static Histogram {
        &self.histograms[index / HISTOGRAM_CHUNK][index % HISTOGRAM_CHUNK]
    }

    /// Index of the histogram of a function under a root, made if need be.
    fn histogram_of(&mut self, top: PathIndex, site: SiteId, place: Place) -> usize {
        let key = |(top, site): (PathIndex, SiteId)| (u64::from(top) << 32) | u64::from(site);
        let is = |index: usize| self.histogram_at(index).function() == (top, site);
        if let Some(known) = self.by_function.find(key((top, site)), is) {
            return known;
        }
        if self.histograms_len == self.histograms.len() * HISTOGRAM_CHUNK {
            self.histograms.push(Box::leak((0..HISTOGRAM_CHUNK).map(|_| Histogram::new()).collect()));
        }
        let index = self.histograms_len;
        self.histogram_at(index).set_function(top, site, place.is_recorded());
        let mut by_function = std::mem::take(&mut self.by_function);
        by_function.add(index, |index| key(self.histogram_at(index).function()));
        self.by_function = by_function;
        self.histograms_len += 1;
        index
    }
}

/// The owner's own copies of what it needs off the hot path, so that it takes no lock.
struct Owner {
    #[cfg(feature = "throttle")]
    counters: Vec<&'static [Counters]>,
    /// Of each histogram's function.
    #[cfg(feature = "throttle")]
    calls: Vec<Calls>,
    /// When elapsed times were last moved.
    #[cfg(feature = "throttle")]
    drained: Cell<u64>,
    histograms: Vec<&'static [Histogram]>,
    asyncs: Vec<&'static [AsyncCounters]>,
    disorder: Disorder,
}

#[inline(always)]
fn path_of(current: *const Counters) -> PathIndex {
    // SAFETY: comes from `Block::current` or a reading of it, which point to counters that are leaked.
    unsafe { &*current }.path.load(Ordering::Relaxed)
}

/// The key under which a call is found by whatever clock there is.
fn by_clock(key: CallKey) -> CallKey {
    if clock::is_os_clock() { key.by_os_clock() } else { key }
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
            owner: UnsafeCell::new(Owner {
                #[cfg(feature = "throttle")]
                counters: Vec::new(),
                #[cfg(feature = "throttle")]
                calls: Vec::new(),
                #[cfg(feature = "throttle")]
                drained: Cell::new(0),
                histograms: Vec::new(),
                asyncs: Vec::new(),
                disorder: Disorder::new(),
            }),
            shared: Mutex::new(Shared {
                counters: Vec::new(),
                len: 0,
                by_path: Index::new(),
                stand_ins: Vec::new(),
                asyncs: Vec::new(),
                asyncs_len: 0,
                histograms: Vec::new(),
                histograms_len: 0,
                by_function: Index::new(),
                thread: None,
            }),
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

    // ---- the owner, off the hot path ----

    /// Makes the block ready for a thread that was on no path until `now`.
    pub(crate) fn begin(&self, now: u64, thread: Option<String>) {
        let root = self.counters_of(ROOT);
        self.place().thread_began(thread.as_deref());
        self.lock().thread = thread;
        self.stays.set(0);
        self.segment.depth.set(0);
        self.segment.task.set(0);
        self.segment.poll.set(0);
        self.segment.pended.set(0);
        #[cfg(feature = "throttle")]
        self.move_to(root);
        self.position.set(root, now);
    }

    /// The owner ends: whatever was open on its stack is abandoned.
    pub(crate) fn end(&self) {
        self.drain();
        let root = self.counters_of(ROOT);
        #[cfg(feature = "throttle")]
        self.move_to(root);
        self.position.abandon(root);
        self.place().thread_ended();
        if self.disordered.take()
            && let Some(_inside) = Inside::enter()
        {
            // SAFETY: as in `counters_of`.
            unsafe { &mut *self.owner.get() }.disorder.clear();
        }
    }

    /// The counters for a call of `site` from where the thread is, if it was there before.
    pub(crate) fn find(&self, site: SiteId) -> Option<&'static Counters> {
        self.table.find(by_clock(CallKey::new(path_of(self.current()), site)))
    }

    /// The counters for a call of `site` from where the thread is, when [`Block::find`] knew none.
    #[cold]
    #[inline(never)]
    pub(crate) fn resolve(&self, site: SiteId) -> Option<&'static Counters> {
        self.resolve_from(self.current_path()?, site)
    }

    /// As [`Block::resolve`], from a given path.
    pub(crate) fn resolve_from(&self, from: PathIndex, site: SiteId) -> Option<&'static Counters> {
        let engine = self.engine?;
        let key = CallKey::new(from, site);
        if let Some(counters) = self.table.find(by_clock(key)) {
            return Some(counters);
        }
        if let Some(counters) = self.table.find(key.indirect()) {
            counters.fold();
            return Some(counters);
        }
        let target = engine.paths.resolve(from, site);
        let counters = self.counters_of(target.path);
        match target.kind {
            TargetKind::Exact => self.table.remember(by_clock(key), counters),
            TargetKind::Folded => {
                self.table.remember(key.indirect(), counters);
                self.folds.set(true);
                counters.fold();
            }
            // Not remembered: there may be any number of such calls, and memory is the point of the cap.
            TargetKind::Truncated => self.add_truncated(1),
        }
        Some(counters)
    }

    /// Calls for whose paths there was no room.
    pub(crate) fn add_truncated(&self, calls: u64) {
        self.truncated.store(self.truncated.load(Ordering::Relaxed) + calls, Ordering::Relaxed);
    }

    /// Id of the path the thread is on; none for placeholders.
    #[inline(always)]
    pub(crate) fn current_path(&self) -> Option<PathIndex> {
        self.engine?;
        Some(path_of(self.current()))
    }

    /// This thread's counters of a path, made if need be.
    pub(crate) fn counters_of(&self, path: PathIndex) -> &'static Counters {
        let _inside = Inside::enter();
        if let Some(known) = self.read_path(path) {
            return known;
        }
        let (top, site) =
            self.engine.map_or((0, 0), |engine| (engine.paths.top(path), engine.paths.site(path)));
        let mut shared = self.lock();
        let histogram = shared.histogram_of(top, site, self.place());
        // SAFETY: only the owner calls this, and nothing here keeps a reference into `owner` while calling out.
        let owner = unsafe { &mut *self.owner.get() };
        if owner.histograms.len() < shared.histograms.len() {
            owner.histograms.clone_from(&shared.histograms);
        }
        let counters = shared.add_counters(path, histogram, self.place());
        #[cfg(feature = "throttle")]
        {
            if owner.counters.len() < shared.counters.len() {
                owner.counters.clone_from(&shared.counters);
            }
            owner.calls.resize_with(shared.histograms_len, Calls::default);
        }
        counters
    }

    /// This thread's asynchronous counters of a path, made if need be.
    pub(crate) fn asyncs_of(&self, counters: &Counters) -> &'static AsyncCounters {
        let _inside = Inside::enter();
        // SAFETY: as in `counters_of`.
        let owner = unsafe { &mut *self.owner.get() };
        // NOTE: the index may be in the flight recorder's file, and what it says is then not ours alone.
        if let Some(index) = (counters.async_index.load(Ordering::Relaxed) as usize).checked_sub(1)
            && let Some(chunk) = owner.asyncs.get(index / ASYNC_CHUNK)
        {
            return &chunk[index % ASYNC_CHUNK];
        }
        let mut shared = self.lock();
        if shared.asyncs_len == shared.asyncs.len() * ASYNC_CHUNK {
            let ordinal = shared.asyncs.len();
            shared.asyncs.push(self.place().asyncs(ordinal, ASYNC_CHUNK));
            owner.asyncs.clone_from(&shared.asyncs);
        }
        let at = shared.asyncs_len;
        shared.asyncs_len += 1;
        counters.async_index.store(at as u32 + 1, Ordering::Release);
        &owner.asyncs[at / ASYNC_CHUNK][at % ASYNC_CHUNK]
    }

    /// A call has ended, and is counted so, that began when [`Block::current`] was `back`. The thread need not be
    /// on it.
    #[cold]
    pub(crate) fn leave_in_disorder(&self, call: &'static Counters, back: *const Counters, now: u64) {
        self.find_way(back, now, |disorder, back| {
            // SAFETY: from `Block::current`, which points to counters that are leaked.
            let current = unsafe { &*self.current() };
            disorder.leave(current, call, back)
        });
    }

    /// Calls have ended in disorder, and others fold: one that ends where the thread is may not be the one that the
    /// thread is in.
    pub(crate) fn is_folded_in_disorder(&self) -> bool {
        self.disordered.get() && self.folds.get()
    }

    /// A stay begins, which [`Block::end_stay`] ends.
    pub(crate) fn begin_stay(&self, on: &Counters, now: u64) -> Spot {
        let back = self.spot();
        self.stays.set(self.stays.get().wrapping_add(1));
        self.switch(Spot::of(on), now);
        back
    }

    /// A stay ends that began when [`Block::spot`] was `back`.
    pub(crate) fn end_stay(&self, back: Spot, now: u64) {
        self.stays.set(self.stays.get().wrapping_sub(1));
        if self.disordered.get() {
            self.find_way(back.place(), now, |disorder, back| disorder.back_to(back));
        } else {
            self.switch(back, now);
        }
    }

    #[cold]
    fn find_way(
        &self,
        back: *const Counters,
        now: u64,
        find: impl FnOnce(&mut Disorder, &'static Counters) -> &'static Counters,
    ) {
        let (Some(engine), Some(_inside)) = (self.engine, Inside::enter()) else {
            // In the middle of our own allocating: the thread stays where it is.
            return self.switch(self.spot(), now);
        };
        // SAFETY: was `Block::current`, which points to counters that are leaked.
        let back = unsafe { &*back };
        // SAFETY: as in `counters_of`; nothing calls out with this reference.
        let mut to = find(unsafe { &mut (*self.owner.get()).disorder }, back);
        if self.segment.depth.get() == 0 && self.stays.get() == 0 {
            // Futures are not polled now, but may be suspended.
            let is_open = |counters: &Counters| {
                counters.is_active() && counters.async_index.load(Ordering::Relaxed) == 0
            };
            let open = disorder::innermost_open(&engine.paths, path_of(to), |path| {
                self.read_path(path).is_some_and(is_open)
            });
            if open != path_of(to) {
                to = self.counters_of(open);
            }
        }
        // SAFETY: as in `counters_of`; only what is below calls out, and not with this reference.
        let disorder = unsafe { &mut (*self.owner.get()).disorder };
        let disordered = disorder.settle(&engine.paths, to);
        self.disordered.set(disordered);
        if !disordered {
            return self.switch(Spot::of(to), now);
        }
        let stand_in = disorder.stand_in(to).unwrap_or_else(|| {
            let stand_in = self.lock().add_stand_in(path_of(to), self.place());
            disorder.add_stand_in(to, stand_in);
            stand_in
        });
        self.switch(Spot::of(stand_in), now);
    }

    /// A number for a task whose outermost future is first polled here.
    pub(crate) fn new_task(&self) -> u64 {
        self.tasks.set(self.tasks.get() + 1);
        (u64::from(self.id) << 40) | self.tasks.get()
    }

    /// Moves the waiting elapsed times into the histograms.
    #[cold]
    #[inline(never)]
    pub(crate) fn drain(&self) {
        let Some(_inside) = Inside::enter() else {
            // An annotated allocator, called by code of ours that may hold the lock which `grow` takes: the
            // calls are counted, their elapsed times are not.
            let lost = self.ring.drain(|_, _| crate::thread::note_late());
            return (0..lost).for_each(|_| crate::thread::note_late());
        };
        // SAFETY: as in `counters_of`; `grow` touches only `shared`.
        let owner = unsafe { &*self.owner.get() };
        #[cfg(feature = "throttle")]
        let judge = {
            let now = clock::now();
            Judge::new(RING as u64, now.saturating_sub(owner.drained.replace(now)))
        };
        let lost = self.ring.drain(|whose, ticks| {
            #[cfg(not(feature = "throttle"))]
            let index = whose as usize;
            #[cfg(feature = "throttle")]
            let (counters, index) = {
                let whose = whose as usize;
                let chunk = owner.counters.get(whose / CHUNK);
                let Some(counters) = chunk.map(|chunk| &chunk[whose % CHUNK]) else { return };
                (counters, counters.histogram.load(Ordering::Relaxed) as usize)
            };
            let chunk = owner.histograms.get(index / HISTOGRAM_CHUNK);
            let Some(histogram) = chunk.map(|chunk| &chunk[index % HISTOGRAM_CHUNK]) else { return };
            let bucket = bucket_of(ticks);
            if !histogram.count(bucket) {
                let _readers = self.lock();
                let (top, site) = histogram.function();
                // SAFETY: this thread is the owner and holds the lock.
                unsafe { histogram.grow(bucket, FunctionPlace { place: self.place(), top, site }) };
            }
            #[cfg(feature = "throttle")]
            if histogram.function().0 == ROOT
                && let Some(calls) = owner.calls.get(index)
            {
                judge.judge(counters, calls, ticks);
            }
        });
        (0..lost).for_each(|_| crate::thread::note_late());
        #[cfg(feature = "throttle")]
        // NOTE: not while unwinding: the calls it is measured by would be left by the slow way.
        if judge.needs_cost() && !std::thread::panicking() && !crate::calibrate::is_under_way() {
            drop(_inside);
            throttle::calibrate();
        }
    }

    /// Where what it counts is.
    fn place(&self) -> Place {
        Place { engine: self.engine, block: self.id }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    // ---- readers, on any thread ----

    /// Its number, from 1.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// All counters, those in use and not, chunk by chunk.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) fn chunks(&self) -> (Vec<&'static [Counters]>, Vec<&'static [AsyncCounters]>) {
        let shared = self.lock();
        (shared.counters.clone(), shared.asyncs.clone())
    }

    /// Name of the thread that owns the block or owned it last.
    pub(crate) fn thread_name(&self) -> Option<String> {
        self.lock().thread.clone()
    }

    /// The counters of a path, if the thread was ever on it.
    pub(crate) fn read_path(&self, path: PathIndex) -> Option<&'static Counters> {
        self.lock().find(path)
    }

    /// All counters of a path.
    pub(crate) fn read_all(&self, path: PathIndex) -> Vec<&'static Counters> {
        let shared = self.lock();
        let further = shared.stand_ins.iter().filter(|&&index| shared.path_at(index) == path);
        shared.find(path).into_iter().chain(further.map(|&index| shared.at(index))).collect()
    }

    /// The asynchronous counters that go with counters of this block.
    pub(crate) fn read_async(&self, counters: &Counters) -> Option<&'static AsyncCounters> {
        let index = (counters.async_index.load(Ordering::Acquire) as usize).checked_sub(1)?;
        self.lock().asyncs.get(index / ASYNC_CHUNK)?.get(index % ASYNC_CHUNK)
    }

    pub(crate) fn read_backsteps(&self) -> u64 {
        u64::from(self.backsteps.load(Ordering::Relaxed))
    }

    pub(crate) fn read_truncated(&self) -> u64 {
        self.truncated.load(Ordering::Relaxed)
    }

    /// Every pair of counters, in the order in which the thread first used them. A path may have several.
    pub(crate) fn each(&self, mut f: impl FnMut(&'static Counters, Option<&'static AsyncCounters>)) {
        let (chunks, len) = {
            let shared = self.lock();
            (shared.counters.clone(), shared.len)
        };
        for counters in chunks.into_iter().flatten().take(len) {
            f(counters, self.read_async(counters));
        }
    }

    /// What the owner is doing at tick `now`; see [`Position::read`].
    pub(crate) fn read_current(&self, now: u64) -> Option<StayReading> {
        self.position.read(now)
    }

    /// The path that the owner is on at tick `now`, and for how many ticks it has been: on a path of calls that are only
    /// counted, since the clock was last read.
    pub(crate) fn read_path_now(&self, now: u64) -> Option<(PathIndex, u64)> {
        #[cfg(feature = "throttle")]
        for _ in 0..LOOKS {
            let stay = self.read_current(now)?;
            let place = self.place.load(Ordering::Acquire);
            // Of one stay: else a call that has just begun would be told as old as the stay before it.
            if self.read_current(now) == Some(stay) {
                return Some((path_of(place), stay.ticks));
            }
        }
        self.read_current(now).map(|stay| (path_of(stay.counters), stay.ticks))
    }

    /// The non-empty buckets of the elapsed times of each function under `top`; under any, for `None`.
    pub(crate) fn read_histograms(&self, top: Option<PathIndex>) -> Vec<(SiteId, Vec<(usize, u64)>)> {
        // Held so that no window is freed meanwhile.
        let shared = self.lock();
        (0..shared.histograms_len)
            .map(|index| (index, shared.histogram_at(index)))
            .filter(|(_, histogram)| top.is_none_or(|top| histogram.function().0 == top))
            .map(|(index, histogram)| {
                // SAFETY: this thread holds the lock.
                let read = || unsafe { histogram.read() };
                #[cfg(not(feature = "throttle"))]
                let is_its = |whose| whose == index as u32;
                #[cfg(feature = "throttle")]
                let is_its = |whose| shared.histogram_index_at(whose as usize) == Some(index as u32);
                (histogram.function().1, self.ring.read_with(is_its, read))
            })
            .collect()
    }
}
