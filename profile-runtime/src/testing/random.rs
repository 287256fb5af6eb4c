//! Numbers from a seed, for what tests make up.

/// xorshift64*, Vigna 2016.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Of that seed; equal seeds give equal numbers.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.any() % limit.max(1)
    }

    /// The same, for lengths.
    pub fn index(&mut self, limit: usize) -> usize {
        self.below(limit as u64) as usize
    }

    /// One of them.
    ///
    /// # Panics
    /// There are none.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.index(from.len())]
    }

    /// Of all magnitudes up to `bits`, zero among them.
    pub fn magnitude(&mut self, bits: u64) -> u64 {
        let bits = self.below(bits + 1);
        self.any() & 1u64.checked_shl(bits as u32).unwrap_or(0).wrapping_sub(1)
    }
}
