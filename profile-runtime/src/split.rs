//! A part of a count that grows: which of it fell into spells. Written by the one thread that counts, read by any, also in
//! the flight recorder's file.

#[cfg(feature = "throttle")]
use crate::sync::atomic::{AtomicU64, Ordering};

/// Marks words that say by how much a count is ahead of the one it belongs to; see [`Split`].
const FLAG: u64 = 1 << 63;

/// The part of a count that fell into spells, from [`Split::begin`] to [`Split::end`]. One word, which says it all, so
/// that readers see no half of a change, and which nobody writes while the count grows: during a spell, with [`FLAG`], what
/// the count is ahead of the part; else the part.
#[cfg(feature = "throttle")]
#[derive(Debug)]
pub(crate) struct Split(AtomicU64);

#[cfg(feature = "throttle")]
impl Split {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A spell begins when the count is `all`.
    pub(crate) fn begin(&self, all: u64) {
        let part = self.0.load(Ordering::Relaxed);
        self.0.store(FLAG | all.wrapping_sub(part) & !FLAG, Ordering::Release);
    }

    /// It ends when the count is `all`.
    pub(crate) fn end(&self, all: u64) {
        self.0.store(part(self.read(), all), Ordering::Release);
    }

    /// What the count grows by now is not of the spell.
    pub(crate) fn leave_out(&self, more: u64) {
        let word = self.0.load(Ordering::Relaxed);
        if word & FLAG != 0 {
            self.0.store(word.wrapping_add(more) | FLAG, Ordering::Release);
        }
    }

    /// Says of another's count, which is copied after this, what that one says.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) fn copy_from(&self, from: &Self) {
        self.0.store(from.read(), Ordering::Release);
    }

    /// For [`part`].
    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Of a count of `all`, the part in spells, by what [`Split::read`] said before the count was read.
pub(crate) fn part(word: u64, all: u64) -> u64 {
    if word & FLAG == 0 { word.min(all) } else { all.saturating_sub(word & !FLAG) }
}
