//! One type.

/// How large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not very.
    Small,
    /// Very.
    Large,
}

impl Kind {
    /// The next.
    #[must_use]
    pub fn larger(self) -> Self {
        //! Said from within.
        #![allow(clippy::match_same_arms)]
        tally::count!("larger");
        match self {
            Self::Small => Self::Large,
            Self::Large => Self::Large,
        }
    }
}
