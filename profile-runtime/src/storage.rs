//! Where what is counted lives for ever: leaked, or in the flight recorder's file, where it outlives the process. The
//! same counters either way; whoever counts does not know. All that the engine tells the recorder goes through here.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::counters::{AsyncCounters, Counters};
use crate::engine::Engine;
use crate::paths::PathIndex;
use crate::site::SiteId;

#[cfg(all(feature = "recorder", unix))]
use crate::recorder::Journal;

/// Whose counters they are.
#[derive(Clone, Copy)]
#[cfg_attr(not(all(feature = "recorder", unix)), allow(dead_code, reason = "the heap does not ask"))]
pub(crate) struct Place {
    pub(crate) engine: Option<&'static Engine>,
    /// Number of the block.
    pub(crate) block: u32,
}

/// Whose elapsed times.
#[derive(Clone, Copy)]
#[cfg_attr(not(all(feature = "recorder", unix)), allow(dead_code, reason = "the heap does not ask"))]
pub(crate) struct FunctionPlace {
    pub(crate) place: Place,
    /// The root that the function is called under.
    pub(crate) top: PathIndex,
    pub(crate) site: SiteId,
}

impl Place {
    /// Where the recorder writes, if it does.
    #[cfg(all(feature = "recorder", unix))]
    fn journal(self) -> Option<&'static Journal> {
        self.engine?.journal()
    }

    /// That many counters, all zero.
    pub(crate) fn counters(self, count: usize) -> &'static [Counters] {
        #[cfg(all(feature = "recorder", unix))]
        if let Some(counters) = self.journal().and_then(|journal| journal.counters(self.block, count)) {
            return counters;
        }
        Box::leak((0..count).map(|_| Counters::new()).collect())
    }

    /// That many asynchronous counters, all zero: the `ordinal`-th such chunk of the block.
    pub(crate) fn asyncs(self, ordinal: usize, count: usize) -> &'static [AsyncCounters] {
        #[cfg(all(feature = "recorder", unix))]
        if let Some(asyncs) =
            self.journal().and_then(|journal| journal.asyncs(self.block, ordinal as u32, count))
        {
            return asyncs;
        }
        #[cfg(not(all(feature = "recorder", unix)))]
        let _ = ordinal;
        Box::leak((0..count).map(|_| AsyncCounters::new()).collect())
    }

    /// True when histograms are to be in the file from their first count on.
    pub(crate) fn is_recorded(self) -> bool {
        #[cfg(all(feature = "recorder", unix))]
        return self.journal().is_some();
        #[cfg(not(all(feature = "recorder", unix)))]
        false
    }

    /// A thread counts here from now on.
    pub(crate) fn thread_began(self, name: Option<&str>) {
        #[cfg(all(feature = "recorder", unix))]
        if let Some(journal) = self.journal() {
            journal.thread_began(self.block, name);
        }
        #[cfg(not(all(feature = "recorder", unix)))]
        let _ = name;
    }

    /// And no longer.
    pub(crate) fn thread_ended(self) {
        #[cfg(all(feature = "recorder", unix))]
        if let Some(journal) = self.journal() {
            journal.thread_ended(self.block);
        }
    }
}

impl FunctionPlace {
    /// Slots of a sparse window, with these counts; there may be more of them.
    pub(crate) fn sparse(self, slots: Vec<u32>) -> Slots<AtomicU32> {
        #[cfg(all(feature = "recorder", unix))]
        if let Some(journal) = self.place.journal()
            && let Some(recorded) = journal.sparse_window(self.place.block, self.top, self.site, &slots)
        {
            return Slots::Recorded(recorded, journal);
        }
        Slots::Own(slots.into_iter().map(AtomicU32::new).collect())
    }

    /// Counts of a dense window whose first bucket is `first`; there may be more of them, but no more than `most`.
    pub(crate) fn dense(self, first: usize, counts: Vec<u64>, most: usize) -> Slots<AtomicU64> {
        #[cfg(all(feature = "recorder", unix))]
        if let Some(journal) = self.place.journal()
            && let Some(recorded) =
                journal.dense_window(self.place.block, self.top, self.site, first as u32, &counts, most)
        {
            return Slots::Recorded(recorded, journal);
        }
        let _ = (first, most);
        Slots::Own(counts.into_iter().map(AtomicU64::new).collect())
    }
}

/// Slots of a histogram's window.
pub(crate) enum Slots<T: 'static> {
    Own(Box<[T]>),
    #[cfg(all(feature = "recorder", unix))]
    Recorded(&'static [T], &'static Journal),
}

impl<T: 'static> Deref for Slots<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        match self {
            Self::Own(slots) => slots,
            #[cfg(all(feature = "recorder", unix))]
            Self::Recorded(slots, _) => slots,
        }
    }
}

#[cfg(all(feature = "recorder", unix))]
impl<T: 'static> Drop for Slots<T> {
    fn drop(&mut self) {
        if let Self::Recorded(slots, journal) = self {
            journal.free_window(slots.as_ptr().addr());
        }
    }
}

/// Who is told what is new in an engine: the recorder, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    #[cfg(all(feature = "recorder", unix))]
    journal: std::sync::OnceLock<&'static Journal>,
}

impl Recorded {
    /// A path is new in the tree: told before anything is counted on it.
    pub(crate) fn path_added(&self, path: PathIndex, parent: PathIndex, site: SiteId) {
        #[cfg(all(feature = "recorder", unix))]
        if let Some(journal) = self.journal.get() {
            journal.path_added(path, parent, site);
        }
        #[cfg(not(all(feature = "recorder", unix)))]
        let _ = (path, parent, site);
    }
}

#[cfg(all(feature = "recorder", unix))]
impl Engine {
    /// Where the recorder writes, if it does.
    pub(crate) fn journal(&self) -> Option<&'static Journal> {
        self.paths.recorded.journal.get().copied()
    }

    /// What is new from now on goes into that file. Once.
    pub(crate) fn record_into(&self, journal: &'static Journal) {
        let _ = self.paths.recorded.journal.set(journal);
    }
}

/// A call with a tree of its own, below `root`, is made from the path `attach`.
pub(crate) fn capture_began(engine: &Engine, slot: usize, root: PathIndex, attach: PathIndex) {
    #[cfg(all(feature = "recorder", unix))]
    if let Some(journal) = engine.journal() {
        journal.capture_began(slot, root, attach);
    }
    #[cfg(not(all(feature = "recorder", unix)))]
    let _ = (engine, slot, root, attach);
}
