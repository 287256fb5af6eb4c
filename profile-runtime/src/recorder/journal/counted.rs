//! Chunks that threads count on: counters of blocks, copies of such, and windows of histograms.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::super::layout::{self, Chunk, Kind};
use super::Journal;
use crate::counters::{AsyncCounters, Counters};
use crate::paths::PathIndex;
use crate::site::SiteId;

impl Journal {
    /// Counters for a block, all zero.
    pub(crate) fn counters(&self, block: u32, count: usize) -> Option<&'static [Counters]> {
        let chunk = Chunk { owner: block, ..Chunk::new(Kind::Counters, count * size_of::<Counters>()) };
        let at = self.take(&mut *self.lock()?, chunk)?;
        self.arena.slice(at, count)
    }

    /// Asynchronous counters for a block: the `ordinal`-th chunk of it.
    pub(crate) fn asyncs(&self, block: u32, ordinal: u32, count: usize) -> Option<&'static [AsyncCounters]> {
        let length = count * size_of::<AsyncCounters>();
        let chunk = Chunk { owner: block, ordinal, ..Chunk::new(Kind::Asyncs, length) };
        let at = self.take(&mut *self.lock()?, chunk)?;
        self.arena.slice(at, count)
    }

    /// The same for copies of counters that are elsewhere.
    pub(in super::super) fn copies(&self, block: u32, counters: &[Counters]) -> Option<&'static [Counters]> {
        let length = size_of_val(counters);
        let chunk = Chunk { owner: block, flags: 1, ..Chunk::new(Kind::Counters, length) };
        let at = self.take(&mut *self.lock()?, chunk)?;
        self.arena.slice(at, counters.len())
    }

    /// And of asynchronous ones.
    pub(in super::super) fn async_copies(
        &self,
        block: u32,
        ordinal: u32,
        asyncs: &[AsyncCounters],
    ) -> Option<&'static [AsyncCounters]> {
        let length = size_of_val(asyncs);
        let chunk = Chunk { owner: block, ordinal, flags: 1, ..Chunk::new(Kind::Asyncs, length) };
        let at = self.take(&mut *self.lock()?, chunk)?;
        self.arena.slice(at, asyncs.len())
    }

    /// True for what lies in the file.
    pub(in super::super) fn holds<T>(&self, what: &[T]) -> bool {
        self.arena.offset_of(what.as_ptr().addr()).is_some()
    }

    /// Slots of a sparse window with these counts, and as many more as fit in.
    pub(crate) fn sparse_window(
        &self,
        block: u32,
        top: PathIndex,
        site: SiteId,
        slots: &[u32],
    ) -> Option<&'static [AtomicU32]> {
        let chunk = Chunk { owner: block, top, site, ..Chunk::new(Kind::SparseWindow, 4 * slots.len()) };
        self.window(chunk, |at, length| {
            let all = self.arena.half_words(at, length / 4)?;
            let values = slots.iter().copied().chain(std::iter::repeat(0));
            all.iter().zip(values).for_each(|(slot, value)| slot.store(value, Ordering::Relaxed));
            Some(all)
        })
    }

    /// Counts of a dense window, and as many more as fit in, but no more than `most`.
    pub(crate) fn dense_window(
        &self,
        block: u32,
        top: PathIndex,
        site: SiteId,
        first: u32,
        counts: &[u64],
        most: usize,
    ) -> Option<&'static [AtomicU64]> {
        let chunk = Chunk {
            owner: block,
            ordinal: first,
            top,
            site,
            ..Chunk::new(Kind::DenseWindow, 8 * counts.len())
        };
        self.window(chunk, |at, length| {
            let all = self.arena.words(at, length / 8)?;
            let values = counts.iter().copied().chain(std::iter::repeat(0));
            all.iter().zip(values).for_each(|(slot, value)| slot.store(value, Ordering::Relaxed));
            all.get(..all.len().min(most))
        })
    }

    /// A window that was freed, or a new one, filled before it counts.
    fn window<T: 'static>(
        &self,
        mut chunk: Chunk,
        fill: impl FnOnce(usize, usize) -> Option<&'static [T]>,
    ) -> Option<&'static [T]> {
        let length = (chunk.length as usize).next_power_of_two().max(64);
        let class = (length / 64).trailing_zeros() as usize;
        let mut state = self.lock()?;
        state.sequence += 1;
        (chunk.length, chunk.sequence) = (length as u32, state.sequence);
        let at = match state.free.get_mut(class)?.pop() {
            Some(at) => at,
            None => {
                let at = state.used;
                // As free as one that was used, until it is filled.
                self.take(&mut state, Chunk { sequence: 0, ..chunk })?;
                self.state_of(at)?.store(0, Ordering::Release);
                at
            }
        };
        let window = fill(at + layout::CHUNK, length)?;
        self.begin(at, &chunk)?;
        Some(window)
    }

    /// A window is used no more, whose slots are at that address.
    pub(crate) fn free_window(&self, address: usize) {
        let chunk = self.arena.offset_of(address).and_then(|at| at.checked_sub(layout::CHUNK));
        let (Some(chunk), Some(mut state)) = (chunk, self.lock()) else { return };
        let Some(length) = self.arena.half_words(chunk + 8, 1) else { return };
        let class = (length[0].load(Ordering::Relaxed) as usize / 64).trailing_zeros() as usize;
        if let (Some(is), Some(free)) = (self.state_of(chunk), state.free.get_mut(class)) {
            is.store(0, Ordering::Release);
            free.push(chunk);
        }
    }
}
