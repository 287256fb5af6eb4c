//! Short names for sets of settings.

use std::hash::{DefaultHasher, Hasher};

/// Different for other texts, or the same texts split otherwise.
pub(super) struct Hash(DefaultHasher);

impl Hash {
    pub(super) fn new() -> Self {
        Self(DefaultHasher::new())
    }

    pub(super) fn add(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.0.write_usize(text.as_ref().len());
        self.0.write(text.as_ref());
        self
    }

    pub(super) fn finish(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}
