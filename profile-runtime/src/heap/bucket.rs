//! HOT PATH: one cache line of the table of live blocks (`live`): up to nine blocks, in no order, with their records.
//!
//! PERF: whoever looks for a block fetches this line and mostly no other: those that find it full go on to the next one
//! and are counted here, so that an unsuccessful search ends where nobody has gone on.

use super::records::RecordId;

/// Blocks that it holds.
pub(super) const SLOTS: usize = 9;
/// Bits of a key: what is left of a block's address where the shard is known.
pub(super) const KEY_BITS: u32 = 36;
/// Bits of a record's id.
const ID_BITS: u32 = 20;
/// Bits of `state` for the blocks it holds.
const LEN_BITS: u32 = 4;
/// As many blocks as can be counted that have gone on; then they are not counted off any more.
const MOST_PASSED: u8 = 15;

/// Zeroed memory is an empty one.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    /// The lower 32 bits of each block's key.
    tags: [u32; SLOTS],
    /// The upper 4 bits of the key, and the record's id.
    rests: [[u8; 3]; SLOTS],
    /// How many blocks there are; above that how many have gone on to others.
    state: u8,
}

const _: () = assert!(size_of::<Bucket>() == 64 && KEY_BITS - 32 + ID_BITS == 24);

impl Bucket {
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        usize::from(self.state & ((1 << LEN_BITS) - 1))
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.len() == SLOTS
    }

    /// Whether any block has gone on to another bucket.
    #[inline(always)]
    pub(super) fn was_passed(&self) -> bool {
        self.state >> LEN_BITS != 0
    }

    /// A block goes on.
    #[inline(always)]
    pub(super) fn pass(&mut self) {
        if self.state >> LEN_BITS != MOST_PASSED {
            self.state += 1 << LEN_BITS;
        }
    }

    /// One of those that have gone on is freed.
    #[inline(always)]
    pub(super) fn unpass(&mut self) {
        if self.state >> LEN_BITS != MOST_PASSED {
            self.state = self.state.saturating_sub(1 << LEN_BITS);
        }
    }

    /// The slot of a block.
    #[inline(always)]
    pub(super) fn find(&self, key: u64) -> Option<usize> {
        let mut found = self.matches(key as u32) & ((1 << self.len()) - 1);
        while found != 0 {
            let slot = found.trailing_zeros() as usize;
            if u64::from(self.rest(slot) >> ID_BITS) == key >> 32 {
                return Some(slot);
            }
            found &= found - 1;
        }
        None
    }

    /// A bit for each slot that holds this tag.
    #[inline(always)]
    fn matches(&self, tag: u32) -> u32 {
        #[cfg(target_arch = "x86_64")]
        {
            use core::arch::x86_64::{
                _mm_castsi128_ps, _mm_cmpeq_epi32, _mm_load_si128, _mm_movemask_ps, _mm_set1_epi32,
            };
            // SAFETY: every x86-64 has SSE2; both loads lie within the tags, which begin a cache line.
            let eight = unsafe {
                let (tags, wanted) = (self.tags.as_ptr().cast(), _mm_set1_epi32(tag as i32));
                let four =
                    |at| _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(_mm_load_si128(at), wanted)));
                four(tags) as u32 | (four(tags.add(1)) as u32) << 4
            };
            eight | u32::from(self.tags[8] == tag) << 8
        }
        #[cfg(not(target_arch = "x86_64"))]
        self.tags.iter().enumerate().fold(0, |found, (at, &there)| found | u32::from(there == tag) << at)
    }

    #[inline(always)]
    fn rest(&self, slot: usize) -> u32 {
        let [a, b, c] = self.rests[slot];
        u32::from_le_bytes([a, b, c, 0])
    }

    /// The key of the block in a slot below [`Bucket::len`].
    #[inline(always)]
    pub(super) fn key(&self, slot: usize) -> u64 {
        u64::from(self.rest(slot) >> ID_BITS) << 32 | u64::from(self.tags[slot])
    }

    /// The record of the block in a slot below [`Bucket::len`].
    #[inline(always)]
    pub(super) fn id(&self, slot: usize) -> RecordId {
        self.rest(slot) & ((1 << ID_BITS) - 1)
    }

    /// Adds a block. It is not full.
    #[inline(always)]
    pub(super) fn push(&mut self, key: u64, id: RecordId) {
        let slot = self.len().min(SLOTS - 1);
        let [a, b, c, _] = (((key >> 32) as u32) << ID_BITS | id).to_le_bytes();
        self.tags[slot] = key as u32;
        self.rests[slot] = [a, b, c];
        self.state += 1;
    }

    /// Takes the block out of a slot below [`Bucket::len`], into which the last one goes.
    #[inline(always)]
    pub(super) fn take(&mut self, slot: usize) -> RecordId {
        let id = self.id(slot);
        let last = (self.len() - 1).min(SLOTS - 1);
        self.tags[slot] = self.tags[last];
        self.rests[slot] = self.rests[last];
        self.state -= 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Bucket {
        Bucket { tags: [0; SLOTS], rests: [[0; 3]; SLOTS], state: 0 }
    }

    #[test]
    fn blocks_are_told_apart_by_all_bits_of_their_keys() {
        let mut bucket = empty();
        assert_eq!(bucket.find(0), None);
        let keys = [0, 1 << 32, 1 << 35, 7 << 32 | 5, 5, (1 << KEY_BITS) - 1, 0xffff_ffff, 1, 3 << 33];
        for (id, &key) in (0..).zip(&keys) {
            assert!(!bucket.is_full() && bucket.find(key).is_none());
            bucket.push(key, (1 << ID_BITS) - 1 - id);
        }
        assert!(bucket.is_full() && !bucket.was_passed());
        for (id, &key) in (0..).zip(&keys) {
            let slot = bucket.find(key).expect("it is there");
            assert_eq!((bucket.key(slot), bucket.id(slot)), (key, (1 << ID_BITS) - 1 - id));
        }
        for (id, &key) in (0..).zip(&keys) {
            let slot = bucket.find(key).expect("it is still there");
            assert_eq!(bucket.take(slot), (1 << ID_BITS) - 1 - id);
            assert_eq!(bucket.find(key), None);
        }
        assert_eq!(bucket.len(), 0);
    }

    #[test]
    fn those_that_went_on_are_counted_as_long_as_they_can_be() {
        let mut bucket = empty();
        bucket.push(9, 9);
        bucket.pass();
        bucket.pass();
        bucket.unpass();
        assert!(bucket.was_passed());
        bucket.unpass();
        assert!(!bucket.was_passed() && bucket.len() == 1 && bucket.find(9) == Some(0));
        (0..20).for_each(|_| bucket.pass());
        (0..20).for_each(|_| bucket.unpass());
        assert!(bucket.was_passed() && bucket.len() == 1);
    }
}
