//! Numbers from a seed.

/// xorshift64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Of that seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self((seed ^ 0x1234_5678_9abc_def1).max(1))
    }

    /// A number from 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }
}

/// A number from an environment variable.
#[must_use]
pub fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}
