//! Powers of two that sizes are told apart by.

use std::fmt;

/// Sizes in bytes from more than one power of two up to the next: class 5 is 17 to 32 bytes; class 0 is up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SizeClass(pub u8);

impl SizeClass {
    /// The class of a size in bytes.
    #[must_use]
    #[inline]
    pub const fn of(bytes: u64) -> Self {
        match bytes.checked_sub(1) {
            None => Self(0),
            Some(below) => Self((u64::BITS - below.leading_zeros()) as u8),
        }
    }

    /// The smallest size of the class, bytes.
    #[must_use]
    pub const fn low(self) -> u64 {
        match self.0 {
            0 => 0,
            1..=64 => (1 << (self.0 - 1)) + 1,
            _ => u64::MAX,
        }
    }

    /// The largest size of the class, bytes.
    #[must_use]
    pub const fn high(self) -> u64 {
        if self.0 >= 64 { u64::MAX } else { 1 << self.0 }
    }
}

impl fmt::Display for SizeClass {
    /// `17-32 B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{} B", self.low(), self.high())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_is_within_its_class() {
        for bytes in (0..5_000).chain([1 << 31, (1 << 31) + 1, u64::MAX - 1, u64::MAX]) {
            let class = SizeClass::of(bytes);
            assert!((class.low()..=class.high()).contains(&bytes), "{bytes}: {class}");
        }
        assert_eq!(SizeClass::of(32), SizeClass(5));
        assert_eq!(SizeClass::of(33), SizeClass(6));
    }
}
