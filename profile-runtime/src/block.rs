//! One thread's counters: the block that its thread-local slot points to, written by the one thread that
//! owns it, read by snapshots, handed to the next thread when its owner ends.

use std::cell::{Cell, UnsafeCell};
use std::collections::BTreeMap;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::counters::{AsyncCounters, Counters};
use crate::engine::Engine;
use crate::paths::{PathIndex, ROOT, TargetKind};
use crate::position::{Position, StayReading};
use crate::ring::{Ring, bucket_of};
use crate::site::SiteId;
use crate::thread::Inside;
use crate::window::Window;

/// Counters in a chunk: 1 KiB, so that a thread that uses few paths stays small.
const CHUNK: usize = 16;
/// Asynchronous counters in a chunk.
const ASYNC_CHUNK: usize = 8;

/// An entry of the thread's child table: which counters a call of a site from a path goes to.
struct Entry {
    /// (path, site), or [`EMPTY`].
    key: Cell<u64>,
    counters: Cell<*const Counters>,
}

const EMPTY: u64 = u64::MAX;
/// Set in keys of calls that fold or are truncated: they take the slower way, which counts that.
const INDIRECT: u64 = 1 << 63;

impl Entry {
    const fn empty() -> Self {
        Self { key: Cell::new(EMPTY), counters: Cell::new(ptr::null()) }
    }
}

struct EmptyTable([Entry; 2]);
// SAFETY: never written: an empty table is replaced before the first entry is made.
unsafe impl Sync for EmptyTable {}
static EMPTY_TABLE: EmptyTable = EmptyTable([Entry::empty(), Entry::empty()]);

/// State of the task being polled on this thread. Ticks.
#[derive(Default)]
pub(crate) struct Segment {
    /// Instrumented futures being polled, one inside the other.
    pub(crate) depth: Cell<u32>,
    /// When the outermost of them was entered.
    pub(crate) start: Cell<u64>,
    /// Which task: a number of the outermost future; 0 is none.
    pub(crate) task: Cell<u64>,
    /// How often the task has been polled.
    pub(crate) turn: Cell<u32>,
    /// When the task was last left.
    pub(crate) left: Cell<u64>,
    /// The innermost poll under way, by number; 0 is none.
    pub(crate) poll: Cell<u32>,
    /// Polls so far.
    pub(crate) polls: Cell<u32>,
    /// Instrumented futures that returned `Pending` to that poll and have not been polled again by it.
    pub(crate) pended: Cell<u32>,
}

impl Segment {
    const fn new() -> Self {
        Self {
            depth: Cell::new(0),
            start: Cell::new(0),
            task: Cell::new(0),
            turn: Cell::new(0),
            left: Cell::new(0),
            poll: Cell::new(0),
            polls: Cell::new(0),
            pended: Cell::new(0),
        }
    }
}

/// The elapsed times of one function on one thread.
pub(crate) struct Histogram {
    /// The root that the function was called under: the common one, or a per-call report's.
    top: PathIndex,
    site: SiteId,
    window: AtomicPtr<Window>,
}

/// What snapshots walk. Grows under the lock; the owner reads its own copies of the pointers.
struct Shared {
    counters: Vec<&'static [Counters]>,
    len: usize,
    asyncs: Vec<&'static [AsyncCounters]>,
    asyncs_len: usize,
    histograms: Vec<&'static Histogram>,
    /// Which counters are of a path: open addressing, 0 is free, else an index into the counters, plus 1.
    /// PERF: 5 to 9 bytes a path; a `BTreeMap` takes 28.
    by_path: Vec<u32>,
    /// Name of the last owner.
    thread: Option<String>,
}

impl Shared {
    fn at(&self, index: usize) -> &'static Counters {
        &self.counters[index / CHUNK][index % CHUNK]
    }

    fn find(&self, path: PathIndex) -> Option<&'static Counters> {
        let mask = self.by_path.len().checked_sub(1)?;
        let mut slot = hash(u64::from(path)) & mask;
        loop {
            let counters = self.at((self.by_path[slot] as usize).checked_sub(1)?);
            if counters.path.load(Ordering::Relaxed) == path {
                return Some(counters);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Enters the counters made last into `by_path`.
    fn index_last(&mut self, path: PathIndex) {
        if self.len * 8 > self.by_path.len() * 7 {
            let size = (self.by_path.len() * 2).max(16);
            self.by_path = vec![0; size];
            for index in 0..self.len - 1 {
                self.enter(self.at(index).path.load(Ordering::Relaxed), index);
            }
        }
        self.enter(path, self.len - 1);
    }

    fn enter(&mut self, path: PathIndex, index: usize) {
        let mask = self.by_path.len() - 1;
        let mut slot = hash(u64::from(path)) & mask;
        while self.by_path[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.by_path[slot] = index as u32 + 1;
    }
}

/// What only the owner touches, off the hot path.
struct Owner {
    table: Vec<Entry>,
    used: usize,
    histograms: Vec<&'static Histogram>,
    by_site: BTreeMap<(PathIndex, SiteId), u32>,
    asyncs: Vec<&'static [AsyncCounters]>,
    asyncs_len: usize,
}

/// See the module.
#[repr(C, align(64))]
pub(crate) struct Block {
    position: Position,
    table: Cell<*const Entry>,
    /// The table has `1 << (64 - shift)` entries.
    shift: Cell<u32>,
    pub(crate) engine: Option<&'static Engine>,
    pub(crate) segment: Segment,
    /// Number of the block; from 1.
    id: u32,
    tasks: Cell<u64>,
    backsteps: AtomicU32,
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

// SAFETY: `table`, `mask`, `segment`, `tasks` and `owner` are touched only by the thread that owns the
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
            position: Position::nowhere(),
            table: Cell::new(&raw const EMPTY_TABLE.0[0]),
            shift: Cell::new(63),
            engine,
            segment: Segment::new(),
            id,
            tasks: Cell::new(0),
            backsteps: AtomicU32::new(0),
            truncated: AtomicU64::new(0),
            ring: Ring::new(),
            owner: UnsafeCell::new(Owner {
                table: Vec::new(),
                used: 0,
                histograms: Vec::new(),
                by_site: BTreeMap::new(),
                asyncs: Vec::new(),
                asyncs_len: 0,
            }),
            shared: Mutex::new(Shared {
                counters: Vec::new(),
                len: 0,
                asyncs: Vec::new(),
                asyncs_len: 0,
                histograms: Vec::new(),
                by_path: Vec::new(),
                thread: None,
            }),
        }
    }

    // ---- the hot path ----

    /// The counters of the path the thread is on; a root's when it is on none. `None` for placeholders.
    #[inline(always)]
    pub(crate) fn current(&self) -> *const Counters {
        self.position.current()
    }

    /// The counters for a call of `site` from where the thread is, if it was there before.
    #[inline(always)]
    pub(crate) fn find(&self, site: SiteId) -> Option<&'static Counters> {
        let current = self.current();
        if current.is_null() {
            return None;
        }
        // SAFETY: `current` points to counters, which are leaked: valid for ever.
        let path = unsafe { &*current }.path.load(Ordering::Relaxed);
        let key = key_of(path, site);
        let shift = self.shift.get();
        let mut at = slot_of(key, shift);
        loop {
            // SAFETY: `at` is below the table's length by construction, and only its owner, which is this
            // thread, replaces the table.
            let entry = unsafe { &*self.table.get().add(at) };
            if entry.key.get() == key {
                // SAFETY: entries with a key point to leaked counters.
                return Some(unsafe { &*entry.counters.get() });
            }
            if entry.key.get() == EMPTY {
                return None;
            }
            at = (at + 1) & mask_of(shift);
        }
    }

    /// Charges the time since the last switch to the current path and goes over to `to`.
    #[inline(always)]
    pub(crate) fn switch(&self, to: *const Counters, now: u64) {
        if !self.position.switch(to, now) {
            self.backstep();
        }
    }

    /// Keeps an elapsed time for the function of `counters`.
    #[inline(always)]
    pub(crate) fn elapsed(&self, counters: &Counters, ticks: u64) {
        if self.ring.push(counters.histogram.load(Ordering::Relaxed), ticks) {
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
        self.lock().thread = thread;
        self.segment.depth.set(0);
        self.segment.task.set(0);
        self.segment.poll.set(0);
        self.segment.pended.set(0);
        self.position.set(root, now);
    }

    /// The owner ends: whatever was open on its stack is abandoned.
    pub(crate) fn end(&self) {
        self.drain();
        let root = self.counters_of(ROOT);
        self.position.abandon(root);
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
        let key = key_of(from, site);
        if let Some(counters) = self.probe(key) {
            return Some(counters);
        }
        if let Some(counters) = self.probe(key | INDIRECT) {
            counters.fold();
            return Some(counters);
        }
        let target = engine.paths.resolve(from, site);
        let counters = self.counters_of(target.path);
        match target.kind {
            TargetKind::Exact => self.remember(key, counters),
            TargetKind::Folded => {
                self.remember(key | INDIRECT, counters);
                counters.fold();
            }
            // Not remembered: there may be any number of such calls, and memory is the point of the cap.
            TargetKind::Truncated => {
                self.truncated.store(self.truncated.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
        }
        Some(counters)
    }

    /// Id of the path the thread is on.
    pub(crate) fn current_path(&self) -> Option<PathIndex> {
        let current = self.current();
        if current.is_null() {
            return None;
        }
        // SAFETY: `current` points to leaked counters.
        Some(unsafe { &*current }.path.load(Ordering::Relaxed))
    }

    /// This thread's counters of a path, made if need be.
    pub(crate) fn counters_of(&self, path: PathIndex) -> &'static Counters {
        let _inside = Inside::enter();
        // SAFETY: only the owner calls this, and nothing below keeps a reference into `owner` while
        // calling out.
        let owner = unsafe { &mut *self.owner.get() };
        if let Some(known) = self.read_path(path) {
            return known;
        }
        let function = self.engine.map_or((0, 0), |engine| (engine.paths.top(path), engine.paths.site(path)));
        let histogram = match owner.by_site.get(&function) {
            Some(&known) => known,
            None => {
                let (top, site) = function;
                let made: &'static Histogram =
                    Box::leak(Box::new(Histogram { top, site, window: AtomicPtr::new(ptr::null_mut()) }));
                owner.histograms.push(made);
                self.lock().histograms.push(made);
                let index = owner.histograms.len() as u32 - 1;
                owner.by_site.insert(function, index);
                index
            }
        };
        let mut shared = self.lock();
        if shared.len == shared.counters.len() * CHUNK {
            shared.counters.push(Box::leak((0..CHUNK).map(|_| Counters::new()).collect()));
        }
        let counters = shared.at(shared.len);
        counters.path.store(path, Ordering::Relaxed);
        counters.histogram.store(histogram, Ordering::Relaxed);
        shared.len += 1;
        shared.index_last(path);
        counters
    }

    /// This thread's asynchronous counters of a path, made if need be.
    pub(crate) fn asyncs_of(&self, counters: &Counters) -> &'static AsyncCounters {
        let _inside = Inside::enter();
        // SAFETY: as in `counters_of`.
        let owner = unsafe { &mut *self.owner.get() };
        let index = counters.async_index.load(Ordering::Relaxed) as usize;
        if index > 0 {
            return &owner.asyncs[(index - 1) / ASYNC_CHUNK][(index - 1) % ASYNC_CHUNK];
        }
        let mut shared = self.lock();
        if shared.asyncs_len == shared.asyncs.len() * ASYNC_CHUNK {
            shared.asyncs.push(Box::leak((0..ASYNC_CHUNK).map(|_| AsyncCounters::new()).collect()));
            owner.asyncs.clone_from(&shared.asyncs);
        }
        let at = shared.asyncs_len;
        shared.asyncs_len += 1;
        owner.asyncs_len = shared.asyncs_len;
        counters.async_index.store(at as u32 + 1, Ordering::Release);
        &owner.asyncs[at / ASYNC_CHUNK][at % ASYNC_CHUNK]
    }

    /// A number for a task whose outermost future is first polled here.
    pub(crate) fn new_task(&self) -> u64 {
        self.tasks.set(self.tasks.get() + 1);
        (u64::from(self.id) << 40) | self.tasks.get()
    }

    fn probe(&self, key: u64) -> Option<&'static Counters> {
        // SAFETY: as in `counters_of`.
        let owner = unsafe { &*self.owner.get() };
        if owner.table.is_empty() {
            return None;
        }
        let mask = owner.table.len() - 1;
        let mut at = slot_of(key, shift_of(owner.table.len()));
        loop {
            let entry = &owner.table[at];
            if entry.key.get() == key {
                // SAFETY: entries with a key point to leaked counters.
                return Some(unsafe { &*entry.counters.get() });
            }
            if entry.key.get() == EMPTY {
                return None;
            }
            at = (at + 1) & mask;
        }
    }

    fn remember(&self, key: u64, counters: &'static Counters) {
        // SAFETY: as in `counters_of`.
        let owner = unsafe { &mut *self.owner.get() };
        // At most 5/8 full: most calls find their entry at the first look; 26 to 51 bytes a path.
        if (owner.used + 1) * 8 > owner.table.len() * 5 {
            let size = (owner.table.len() * 2).max(32);
            let old = std::mem::replace(&mut owner.table, (0..size).map(|_| Entry::empty()).collect());
            for entry in old.iter().filter(|entry| entry.key.get() != EMPTY) {
                place(&owner.table, entry.key.get(), entry.counters.get());
            }
            self.table.set(owner.table.as_ptr());
            self.shift.set(shift_of(size));
        }
        owner.used += 1;
        place(&owner.table, key, counters);
    }

    /// Moves the waiting elapsed times into the histograms.
    #[cold]
    #[inline(never)]
    pub(crate) fn drain(&self) {
        let Some(_inside) = Inside::enter() else {
            // An annotated allocator, called by code of ours that may hold the lock which `grow` takes: the
            // calls are counted, their elapsed times are not.
            return self.ring.drain(|_, _| crate::thread::note_late());
        };
        // SAFETY: as in `counters_of`; `grow` touches only `shared`.
        let owner = unsafe { &*self.owner.get() };
        self.ring.drain(|histogram, ticks| {
            let Some(histogram) = owner.histograms.get(histogram as usize) else { return };
            let bucket = bucket_of(ticks);
            let window = histogram.window.load(Ordering::Relaxed);
            // SAFETY: windows are freed only by their owner, which is this thread.
            let counted = !window.is_null() && unsafe { &*window }.count(bucket);
            if !counted {
                self.grow(histogram, bucket);
            }
        });
    }

    /// Makes room for a bucket outside the histogram's window, and counts it.
    #[cold]
    fn grow(&self, histogram: &Histogram, bucket: usize) {
        // Held so that no reader is inside the window that is freed below.
        let _readers = self.lock();
        let old = histogram.window.load(Ordering::Relaxed);
        // SAFETY: as in `drain`.
        let old = (!old.is_null()).then(|| unsafe { Box::from_raw(old) });
        let window = Window::with_one_more(old.map_or_else(Vec::new, |window| window.read()), bucket);
        histogram.window.store(Box::into_raw(Box::new(window)), Ordering::Release);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    // ---- readers, on any thread ----

    /// Name of the thread that owns the block or owned it last.
    pub(crate) fn thread_name(&self) -> Option<String> {
        self.lock().thread.clone()
    }

    /// The counters of a path, if the thread was ever on it.
    pub(crate) fn read_path(&self, path: PathIndex) -> Option<&'static Counters> {
        self.lock().find(path)
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

    /// Every pair of counters, in the order in which the thread first used them.
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

    /// The non-empty buckets of the elapsed times of each function under `top`; under any, for `None`.
    pub(crate) fn read_histograms(&self, top: Option<PathIndex>) -> Vec<(SiteId, Vec<(usize, u64)>)> {
        // Held so that no window is freed meanwhile.
        let shared = self.lock();
        (shared.histograms.iter().enumerate())
            .filter(|(_, histogram)| top.is_none_or(|top| histogram.top == top))
            .map(|(index, histogram)| {
                let read = || {
                    let window = histogram.window.load(Ordering::Acquire);
                    // SAFETY: windows are freed only under `shared`, which this thread holds.
                    (!window.is_null()).then(|| unsafe { &*window }).map_or_else(Vec::new, Window::read)
                };
                (histogram.site, self.ring.read_with(index as u32, read))
            })
            .collect()
    }
}

fn place(table: &[Entry], key: u64, counters: *const Counters) {
    let mask = table.len() - 1;
    let mut at = slot_of(key, shift_of(table.len()));
    while table[at].key.get() != EMPTY {
        at = (at + 1) & mask;
    }
    table[at].key.set(key);
    table[at].counters.set(counters);
}

#[inline(always)]
fn key_of(path: PathIndex, site: SiteId) -> u64 {
    (u64::from(path) << 32) | u64::from(site)
}

/// Where in a table of `1 << (64 - shift)` entries the search for a key begins.
///
/// PERF: the upper bits of one multiplication, by the golden ratio for the site and by sqrt(5) - 2 for the
/// path: keys that follow each other (callees of one function, a chain, a recursion) spread evenly at
/// every size. Recursion (fib) went from 1.13 to 1.07 times the floor with it.
#[inline(always)]
fn slot_of(key: u64, shift: u32) -> usize {
    (key.wrapping_mul(0x9E37_79B9_3C6E_F373) >> (shift & 63)) as usize
}

#[inline(always)]
fn mask_of(shift: u32) -> usize {
    (u64::MAX >> (shift & 63)) as usize
}

/// For a table of `size` entries, a power of two and at least 2.
fn shift_of(size: usize) -> u32 {
    64 - size.trailing_zeros()
}

/// For the index of a thread's paths.
fn hash(key: u64) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize
}
