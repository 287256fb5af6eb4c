//! Poisson sampling by bytes: which blocks are recorded, and for how many each stands.
//!
//! Each byte allocated is chosen with probability 1/rate; a block with a chosen byte is recorded. A block of s bytes is
//! so with p = 1 - exp(-s/rate), and stands for 1/p blocks: sums are unbiased (Horvitz and Thompson, 1952). The
//! variance of the live bytes is estimated by the sum of s^2 (1-p)/p^2 over the samples that are live.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use super::mapped;

/// Blocks are counted in this fraction in samples.
pub(crate) const UNIT: u64 = 1024;
/// The variance is kept in this fraction of rate squared.
pub(crate) const VARIANCE_UNIT: f64 = (1 << 20) as f64;

const RATES: usize = 256;
/// Rates that were sampled by; a record keeps the index. Slot 0 stays 0: every block.
static RATE: [AtomicU64; RATES] = [const { AtomicU64::new(0) }; RATES];

/// The slot of a rate in bytes, from 1. When all are taken by others, that of the one nearest to it: blocks that were
/// sampled by the others are weighed by them still.
pub(crate) fn slot_of(rate: u64) -> u8 {
    for (slot, known) in RATE.iter().enumerate().skip(1) {
        match known.compare_exchange(0, rate, Relaxed, Relaxed) {
            Ok(_) => {
                mapped::note_rate(slot as u8, rate);
                return slot as u8;
            }
            Err(there) if there == rate => return slot as u8,
            Err(_) => {}
        }
    }
    let far = |slot: &u8| (rate_of(*slot) as f64 / rate as f64).ln().abs();
    (1..=u8::MAX).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(1)
}

/// Bytes between samples.
#[inline(always)]
pub(crate) fn rate_of(slot: u8) -> u64 {
    RATE[slot as usize].load(Relaxed)
}

/// What one sample of `size` bytes stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    /// Blocks, in [`UNIT`]s.
    pub(crate) blocks: u64,
    /// Bytes.
    pub(crate) bytes: u64,
    /// In [`VARIANCE_UNIT`]s.
    pub(crate) variance: i64,
}

/// The same for the same block, when it is allocated and when it is freed.
pub(crate) fn weight(size: usize, rate: u64) -> Weight {
    // A block of no bytes would never be chosen; it is counted as one of one byte.
    let x = size.max(1) as f64 / rate.max(1) as f64;
    let p = -(-x).exp_m1();
    Weight {
        blocks: (UNIT as f64 / p).round() as u64,
        bytes: (size as f64 / p).round() as u64,
        variance: (x * x * (1.0 - p) / (p * p) * VARIANCE_UNIT).round() as i64,
    }
}

/// Bytes to the next sample, from a generator's state: exponentially distributed.
pub(crate) fn gap(state: &mut u64, rate: u64) -> i64 {
    // xorshift64*, Vigna 2016.
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    let random = state.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let uniform = ((random >> 11) + 1) as f64 / (1u64 << 53) as f64;
    (-uniform.ln() * rate as f64) as i64
}

/// How many sampled blocks are live at each hash of an address: most frees are of blocks that were not sampled, and
/// learn so from one byte. A count that reached 255 stays.
static FILTER: [AtomicU8; 1 << 16] = [const { AtomicU8::new(0) }; 1 << 16];

/// PERF: blocks beside each other are so here, and are often freed one after the other: a cache line answers for 1 KiB. It
/// depends on the MiB where that line is: large blocks are at multiples of large numbers.
#[inline(always)]
fn filter(address: usize) -> &'static AtomicU8 {
    let line = (address as u64 >> 20).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    &FILTER[(address >> 4 ^ line as usize) % FILTER.len()]
}

/// False when no block at that address was sampled.
#[inline(always)]
pub(crate) fn may_be_sampled(address: usize) -> bool {
    filter(address).load(Relaxed) != 0
}

pub(crate) fn note_sampled(address: usize) {
    let _ = filter(address).fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_add(1)));
}

pub(crate) fn note_freed(address: usize) {
    let _ = filter(address).fetch_update(Relaxed, Relaxed, |count| match count {
        0 | 255 => None,
        count => Some(count - 1),
    });
}

/// Nobody records.
pub(crate) fn clear() {
    RATE.iter().for_each(|rate| rate.store(0, Relaxed));
    FILTER.iter().for_each(|count| count.store(0, Relaxed));
}
