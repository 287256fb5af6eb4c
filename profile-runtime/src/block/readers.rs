//! What other threads read of a block while its owner counts on.

use std::sync::atomic::Ordering;

use super::shared::ASYNC_CHUNK;
use super::{Block, path_of};
use crate::counters::{AsyncCounters, Counters};
use crate::paths::PathIndex;
use crate::position::StayReading;
use crate::site::SiteId;

/// How often a reader looks for where the owner is.
#[cfg(feature = "throttle")]
const LOOKS: u32 = 100;

impl Block {
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
