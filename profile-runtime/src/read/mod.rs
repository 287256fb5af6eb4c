//! Files back into values: the native JSON form and Python's pstats dumps.
//!
//! A reader takes whatever bytes it is given: it never panics, and never takes memory out of proportion to them.

mod json;
mod json_parts;
mod marshal;
mod pstats;
mod text;

use std::fmt;

use crate::profile::Profile;
use crate::stats::Stats;

/// What a file holds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Recording {
    /// Native JSON: the call tree.
    Profile(Profile),
    /// A pstats dump: functions and who called them, no call tree.
    Stats(Stats),
}

impl Recording {
    /// Reads a native JSON profile or a pstats dump (or, with the feature `recorder`, a flight recorder's file); the first bytes
    /// tell which.
    ///
    /// # Errors
    /// When the bytes are neither, or are damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        #[cfg(feature = "recorder")]
        if crate::recorder::is_recording(bytes) {
            let post_mortem = crate::recorder::read_bytes(bytes);
            return post_mortem
                .map(|post_mortem| Self::Profile(post_mortem.profile))
                .map_err(|error| ReadError::new(0, error.to_string()));
        }
        // A marshalled dict begins with a brace too, but what follows is never a quote or white space. What is
        // known not to be a dump either goes to the reader that says what it is.
        let json = match bytes {
            [b'{'] | [] => true,
            [b'{', next, ..] => matches!(next, b'"' | b'}' | 0) || next.is_ascii_whitespace(),
            [0xef, 0xbb, 0xbf, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0x1f, 0x8b, ..] => true,
            [first, ..] => first.is_ascii_whitespace() || *first == b'[',
        };
        if json {
            Profile::read_json(bytes).map(Self::Profile)
        } else {
            Stats::read_dump(bytes).map(Self::Stats)
        }
    }

    /// The statistics of what was read.
    pub fn stats(&self) -> Stats {
        match self {
            Self::Profile(profile) => Stats::new(profile),
            Self::Stats(stats) => stats.clone(),
        }
    }
}

/// Why bytes could not be read. Displays as one line that says where, what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    offset: usize,
    message: String,
}

impl ReadError {
    pub(crate) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }

    /// The byte, from 0, at which reading stopped.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.message)
    }
}

impl std::error::Error for ReadError {}
