//! The counts of one histogram, in as little memory as its buckets need. The owner counts, anyone reads;
//! when there is no room for a bucket, the owner makes a larger window.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::ring::BUCKETS;
use crate::storage::{FunctionPlace, Slots};

/// Sparse while the function was called seldom, which is all that most threads ever do; then dense.
pub(crate) enum Window {
    /// See [`count_sparse`].
    Sparse(Slots<AtomicU32>),
    /// A count for each bucket from the first on.
    Dense { first: usize, counts: Slots<AtomicU64> },
}

/// Buckets in use from which on a window is dense.
const SPARSE_MOST: usize = 16;
/// Calls in one bucket from which on a window is dense.
/// PERF: searching a sparse window costs 2 to 4 ns a call when many functions take turns.
const SPARSE_CALLS: u32 = 32;
const SPARSE_STEP: usize = 4;
const BUCKET_SHIFT: u32 = 16;
/// In a slot: neither free nor any bucket's.
pub(crate) const NONE: u32 = u32::MAX;
/// Dense windows grow in steps of this many buckets (64 bytes).
const WINDOW_STEP: usize = 8;

/// Counts one more in slots that each hold a bucket (plus 1, in the upper 16 bits) and its count, in order of
/// first use; 0 is free. False when there is no room. Only for the owner.
pub(crate) fn count_sparse(slots: &[AtomicU32], bucket: usize) -> bool {
    let tag = bucket as u32 + 1;
    for slot in slots {
        let held = slot.load(Ordering::Relaxed);
        if held == 0 || held >> BUCKET_SHIFT == tag {
            let count = held & ((1 << BUCKET_SHIFT) - 1);
            if count >= SPARSE_CALLS {
                return false;
            }
            slot.store((tag << BUCKET_SHIFT) | (count + 1), Ordering::Relaxed);
            return true;
        }
    }
    false
}

/// The buckets of such slots and their counts. What is in no bucket is left out: [`NONE`], and what others have written into
/// the flight recorder's file.
pub(crate) fn read_sparse(slots: &[AtomicU32]) -> Vec<(usize, u64)> {
    let held = slots.iter().map(|slot| slot.load(Ordering::Relaxed));
    held.filter_map(|held| {
        let bucket = ((held >> BUCKET_SHIFT) as usize).checked_sub(1)?;
        (bucket < BUCKETS).then(|| (bucket, u64::from(held & ((1 << BUCKET_SHIFT) - 1))))
    })
    .collect()
}

impl Window {
    /// A window with these counts, one more in `bucket`, and some room.
    pub(crate) fn with_one_more(mut counts: Vec<(usize, u64)>, bucket: usize, place: FunctionPlace) -> Self {
        match counts.iter_mut().find(|(b, _)| *b == bucket) {
            Some((_, count)) => *count += 1,
            None => counts.push((bucket, 1)),
        }
        Self::with(&counts, place)
    }

    fn with(counts: &[(usize, u64)], place: FunctionPlace) -> Self {
        let lowest = counts.iter().map(|&(b, _)| b).min().unwrap_or(0);
        let highest = counts.iter().map(|&(b, _)| b).max().unwrap_or(0);
        let first = lowest - lowest % WINDOW_STEP;
        let span = (highest + 1 - first).next_multiple_of(WINDOW_STEP).min(BUCKETS - first);
        let sparse = counts.len().next_multiple_of(SPARSE_STEP);
        let seldom = counts.iter().all(|&(_, count)| count <= u64::from(SPARSE_CALLS));
        if seldom && counts.len() <= SPARSE_MOST && sparse < span {
            let room = std::iter::repeat_n(0, sparse - counts.len());
            let slots = counts.iter().map(|&(b, count)| ((b as u32 + 1) << BUCKET_SHIFT) | count as u32);
            return Self::Sparse(place.sparse(slots.chain(room).collect()));
        }
        let mut dense = vec![0; span];
        for &(b, count) in counts {
            dense[b - first] = count;
        }
        Self::Dense { first, counts: place.dense(first, dense, BUCKETS - first) }
    }

    /// Counts one more; false when there is no room for the bucket. Only for the owner.
    #[inline(always)]
    pub(crate) fn count(&self, bucket: usize) -> bool {
        let (first, counts) = match self {
            Self::Sparse(slots) => return count_sparse(slots, bucket),
            Self::Dense { first, counts } => (first, &counts[..]),
        };
        let Some(slot) = counts.get(bucket.wrapping_sub(*first)) else { return false };
        slot.store(slot.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        true
    }

    /// The buckets in use and their counts.
    pub(crate) fn read(&self) -> Vec<(usize, u64)> {
        let (first, counts) = match self {
            Self::Sparse(slots) => return read_sparse(slots),
            Self::Dense { first, counts } => (first, counts),
        };
        let counts = counts.iter().map(|count| count.load(Ordering::Relaxed)).enumerate();
        counts.map(|(i, count)| (first + i, count)).filter(|&(_, count)| count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Place;

    const HEAP: FunctionPlace = FunctionPlace { place: Place { engine: None, block: 0 }, top: 0, site: 0 };

    /// Counts as the owner does.
    fn count(window: &mut Window, bucket: usize) {
        if !window.count(bucket) {
            *window = Window::with_one_more(window.read(), bucket, HEAP);
        }
    }

    #[test]
    fn sparse_and_dense_windows_hold_what_was_counted() {
        let mut window = Window::with_one_more(Vec::new(), 700, HEAP);
        let mut must = std::collections::BTreeMap::from([(700, 1)]);
        let mut seed = 7usize;
        let mut sizes = Vec::new();
        for round in 0..3_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bucket = if round < 8 { 700 + seed % 3 } else { (seed >> 33) % BUCKETS };
            count(&mut window, bucket);
            *must.entry(bucket).or_default() += 1;
            let mut is = window.read();
            is.sort_unstable();
            assert_eq!(is, must.clone().into_iter().collect::<Vec<_>>());
            sizes.push(match &window {
                Window::Sparse(slots) => slots.len(),
                Window::Dense { counts, .. } => counts.len(),
            });
        }
        assert_eq!(sizes[0], SPARSE_STEP);
        assert!(sizes.iter().all(|&size| size <= BUCKETS.next_multiple_of(WINDOW_STEP)));
    }
}
