//! What the thread that owns a block does with it off the hot path: first calls of a path, ends out of order, elapsed
//! times moved into their histograms.

#[cfg(feature = "throttle")]
use std::cell::Cell;
use std::sync::atomic::Ordering;

#[cfg(feature = "throttle")]
use super::shared::CHUNK;
use super::shared::{ASYNC_CHUNK, HISTOGRAM_CHUNK};
use super::{Block, path_of};
use crate::child_table::CallKey;
use crate::clock;
use crate::counters::{AsyncCounters, Counters};
use crate::disorder::{self, Disorder};
use crate::histogram::Histogram;
use crate::paths::{PathIndex, ROOT, TargetKind};
#[cfg(feature = "throttle")]
use crate::ring::RING;
use crate::ring::bucket_of;
use crate::site::SiteId;
use crate::spot::Spot;
use crate::storage::FunctionPlace;
use crate::thread::Inside;
#[cfg(feature = "throttle")]
use crate::throttle::{self, Calls, Judge};

/// The owner's own copies of what it needs off the hot path, so that it takes no lock.
pub(super) struct Owner {
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

impl Owner {
    pub(super) const fn new() -> Self {
        Self {
            #[cfg(feature = "throttle")]
            counters: Vec::new(),
            #[cfg(feature = "throttle")]
            calls: Vec::new(),
            #[cfg(feature = "throttle")]
            drained: Cell::new(0),
            histograms: Vec::new(),
            asyncs: Vec::new(),
            disorder: Disorder::new(),
        }
    }
}

/// The key under which a call is found by whatever clock there is.
fn by_clock(key: CallKey) -> CallKey {
    if clock::is_os_clock() { key.by_os_clock() } else { key }
}

impl Block {
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
}
