//! Elapsed times on their way into histograms: a log-linear histogram, and the small ring before it.
//!
//! PERF: bucketing each call in place costs 1.26 to 1.38 times two clock reads, since the address to be
//! incremented depends on the clock's value and stalls; storing (histogram, ticks) and bucketing 128 of
//! them at once costs nothing that can be measured (`cargo bench --bench overhead`).

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use crate::sync::hint::spin_loop;

/// Calls that wait before they are bucketed.
pub(crate) const RING: usize = if cfg!(loom) { 2 } else { 128 };

/// Sub-buckets of an octave are `1 << SUB_BITS`: a bucket is at most 1/32 of its value wide, so its middle
/// is within 1.6 % of every value in it.
const SUB_BITS: u32 = 5;
/// All buckets of the 64-bit range.
pub(crate) const BUCKETS: usize = (64 - SUB_BITS as usize + 1) << SUB_BITS;

/// The bucket that holds `ticks`.
#[inline(always)]
pub(crate) fn bucket_of(ticks: u64) -> usize {
    let exponent = 63 - (ticks | (1 << SUB_BITS)).leading_zeros();
    let shift = exponent - SUB_BITS;
    // The top bit of the mantissa carries into the octave number.
    ((shift as usize) << SUB_BITS) + (ticks >> shift) as usize
}

/// The middle of a bucket, in ticks.
pub(crate) fn bucket_middle(bucket: usize) -> f64 {
    if bucket < (2 << SUB_BITS) {
        return bucket as f64;
    }
    let shift = (bucket >> SUB_BITS) as i32 - 1;
    let mantissa = (bucket - ((shift as usize) << SUB_BITS)) as f64;
    (mantissa + 0.5) * 2f64.powi(shift)
}

/// Ended calls not yet bucketed. The owner pushes and drains; anyone may read.
#[derive(Debug)]
pub(crate) struct Ring {
    len: AtomicU32,
    /// Odd while the owner moves the entries into the histograms.
    sequence: AtomicU32,
    /// Whose: what the owner says stands for the counters.
    whose: [AtomicU32; RING],
    ticks: [AtomicU64; RING],
}

impl Ring {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            len: AtomicU32::new(0),
            sequence: AtomicU32::new(0),
            whose: [const { AtomicU32::new(0) }; RING],
            ticks: [const { AtomicU64::new(0) }; RING],
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            len: AtomicU32::new(0),
            sequence: AtomicU32::new(0),
            whose: std::array::from_fn(|_| AtomicU32::new(0)),
            ticks: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Keeps one elapsed time; true when the ring is now full and must be drained.
    #[inline(always)]
    #[must_use]
    pub(crate) fn push(&self, whose: u32, ticks: u64) -> bool {
        let len = self.len.load(Ordering::Relaxed);
        let at = len as usize % RING;
        self.whose[at].store(whose, Ordering::Relaxed);
        self.ticks[at].store(ticks, Ordering::Relaxed);
        self.len.store(len + 1, Ordering::Release);
        at == RING - 1
    }

    /// An entry's time. One that the clock's steps backwards made negative is no time.
    fn elapsed(&self, at: usize) -> u64 {
        let ticks = self.ticks[at].load(Ordering::Relaxed);
        if ticks as i64 >= 0 { ticks } else { 0 }
    }

    /// Moves all entries out, and returns how many were lost: `into` may allocate, and an allocator's own calls end
    /// while this runs, when there is no place for them. Only the owner calls this, also from within itself.
    pub(crate) fn drain(&self, mut into: impl FnMut(u32, u64)) -> u32 {
        let sequence = self.sequence.load(Ordering::Relaxed);
        let len = self.len.load(Ordering::Relaxed);
        if sequence % 2 == 1 {
            // From within itself: what it has not moved yet was written over.
            self.len.store(0, Ordering::Relaxed);
            return len.min(RING as u32);
        }
        self.sequence.store(sequence.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        for at in 0..len as usize {
            into(self.whose[at].load(Ordering::Relaxed), self.elapsed(at));
        }
        // Two steps: only the owner writes it, and what is called here has returned.
        let after = self.len.load(Ordering::Relaxed);
        self.len.store(0, Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
        after.checked_sub(len).unwrap_or(after)
    }

    /// Reads what `read` reads from one histogram together with what still waits for it here, so that no
    /// call is missed or counted twice. Gives up after some tries on a thread that drains all the time,
    /// with at most one ring's worth of calls missing.
    pub(crate) fn read_with(
        &self,
        is_its: impl Fn(u32) -> bool,
        mut read: impl FnMut() -> Vec<(usize, u64)>,
    ) -> Vec<(usize, u64)> {
        for _ in 0..64 {
            let before = self.sequence.load(Ordering::Acquire);
            if before % 2 == 1 {
                spin_loop();
                continue;
            }
            let mut buckets = read();
            let len = (self.len.load(Ordering::Acquire) as usize).min(RING);
            for at in 0..len {
                if is_its(self.whose[at].load(Ordering::Relaxed)) {
                    buckets.push((bucket_of(self.elapsed(at)), 1));
                }
            }
            fence(Ordering::Acquire);
            if self.sequence.load(Ordering::Relaxed) == before {
                return buckets;
            }
        }
        read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an allocator's calls do, when moving entries allocates.
    // Loom's atomics live in models alone.
    #[cfg(not(loom))]
    #[test]
    fn calls_that_end_while_entries_are_moved_are_lost_and_told() {
        for calls in [0, 1, 4] {
            let ring = Ring::new();
            for n in 0..RING {
                assert_eq!(ring.push(n as u32, 1), n == RING - 1);
            }
            let (mut moved, mut within) = (0, 0);
            let lost = ring.drain(|_, _| {
                moved += 1;
                for _ in 0..calls {
                    if ring.push(0, 1) {
                        within += ring.drain(|_, _| unreachable!("it is being moved"));
                    }
                }
            });
            assert_eq!((moved, lost + within), (RING, calls * RING as u32));
            assert!(!ring.push(0, 1));
        }
    }

    #[test]
    fn every_bucket_is_within_two_percent_and_in_order() {
        let mut values: Vec<u64> = (0..200).collect();
        values.extend((0..58).flat_map(|e| [(77u64 << e) - 1, 77 << e, (99 << e) + (1 << e) / 3]));
        values.push(u64::MAX);
        values.sort_unstable();
        let mut last = 0;
        for value in values {
            let bucket = bucket_of(value);
            assert!(bucket < BUCKETS && bucket >= last, "{value}: {bucket}");
            last = bucket;
            let error = (bucket_middle(bucket) - value as f64).abs() / (value as f64).max(1.0);
            assert!(error <= 0.016, "{value}: {error}");
        }
    }
}
