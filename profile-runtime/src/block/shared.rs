//! What snapshots of a block walk, under its lock: its counters in chunks, which are of which path, and the histograms.

use std::sync::atomic::Ordering;

use crate::counters::{AsyncCounters, Counters};
use crate::histogram::Histogram;
use crate::index::Index;
use crate::paths::PathIndex;
use crate::site::SiteId;
use crate::storage::Place;

/// Counters in a chunk: 1 KiB, so that a thread that uses few paths stays small.
pub(super) const CHUNK: usize = 16;
/// Asynchronous counters in a chunk.
pub(super) const ASYNC_CHUNK: usize = 8;
/// Histograms in a chunk.
pub(super) const HISTOGRAM_CHUNK: usize = 16;

/// What snapshots walk. Grows under the lock; the owner reads its own copies of the pointers.
pub(super) struct Shared {
    pub(super) counters: Vec<&'static [Counters]>,
    pub(super) len: usize,
    /// Which counters are of a path.
    pub(super) by_path: Index,
    /// Which counters are further ones of a path; see [`Disorder`].
    pub(super) stand_ins: Vec<usize>,
    pub(super) asyncs: Vec<&'static [AsyncCounters]>,
    pub(super) asyncs_len: usize,
    pub(super) histograms: Vec<&'static [Histogram]>,
    pub(super) histograms_len: usize,
    /// Which histogram is of a function under a root.
    pub(super) by_function: Index,
    /// Name of the last owner.
    pub(super) thread: Option<String>,
}

impl Shared {
    pub(super) const fn new() -> Self {
        Self {
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
        }
    }

    pub(super) fn at(&self, index: usize) -> &'static Counters {
        &self.counters[index / CHUNK][index % CHUNK]
    }

    /// Which histogram the calls on the counters of that index go to.
    #[cfg(feature = "throttle")]
    pub(super) fn histogram_index_at(&self, index: usize) -> Option<u32> {
        (index < self.len).then(|| self.at(index).histogram.load(Ordering::Relaxed))
    }

    pub(super) fn path_at(&self, index: usize) -> PathIndex {
        self.at(index).path.load(Ordering::Relaxed)
    }

    pub(super) fn find(&self, path: PathIndex) -> Option<&'static Counters> {
        let index = self.by_path.find(u64::from(path), |index| self.path_at(index) == path)?;
        Some(self.at(index))
    }

    pub(super) fn add_counters(
        &mut self,
        path: PathIndex,
        histogram: usize,
        place: Place,
    ) -> &'static Counters {
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

    pub(super) fn add_stand_in(&mut self, path: PathIndex, place: Place) -> &'static Counters {
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

    pub(super) fn histogram_at(&self, index: usize) -> &'static Histogram {
        &self.histograms[index / HISTOGRAM_CHUNK][index % HISTOGRAM_CHUNK]
    }

    /// Index of the histogram of a function under a root, made if need be.
    pub(super) fn histogram_of(&mut self, top: PathIndex, site: SiteId, place: Place) -> usize {
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
