//! How much is recorded of each allocation.

use std::fmt;
use std::str::FromStr;

/// How much is recorded of each allocation; `exact:25`, `sample:512KiB`, `paths`, `counters`, `off`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Nothing: one relaxed load for each allocation.
    #[default]
    Off,
    /// Blocks and bytes of the whole process, nothing of where. What is freed counts off whoever allocated it, so started
    /// in mid-life it shows the net change since then, never below zero; and in a forked child the figures may be off by
    /// one block for each thread of the parent that was allocating at that moment.
    Counters,
    /// Every block, by the `#[profile_cost]` call path that allocated it. Needs no debug information.
    Paths,
    /// A Poisson sample of about one block for every `rate` bytes allocated, with its stack; figures are estimates.
    Sample {
        /// Mean distance between samples, bytes; at least 1.
        rate: u64,
    },
    /// Every block, with its stack.
    Exact {
        /// Innermost frames kept of each stack, 1 to [`Mode::MAX_FRAMES`].
        frames: u32,
    },
}

impl Mode {
    /// Most frames that are kept of a stack.
    pub const MAX_FRAMES: u32 = 128;
    /// Frames kept when nobody says how many.
    pub const FRAMES: u32 = 25;
    /// Bytes between samples when nobody says how many.
    pub const RATE: u64 = 512 * 1024;
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Off => f.write_str("off"),
            Mode::Counters => f.write_str("counters"),
            Mode::Paths => f.write_str("paths"),
            Mode::Sample { rate } if rate.is_multiple_of(1 << 20) => write!(f, "sample:{}MiB", rate >> 20),
            Mode::Sample { rate } if rate.is_multiple_of(1 << 10) => write!(f, "sample:{}KiB", rate >> 10),
            Mode::Sample { rate } => write!(f, "sample:{rate}"),
            Mode::Exact { frames } => write!(f, "exact:{frames}"),
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    /// # Errors
    /// A sentence that says what may be written.
    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, argument) = match text.trim().split_once(':') {
            Some((kind, argument)) => (kind.trim(), Some(argument.trim())),
            None => (text.trim(), None),
        };
        match (kind, argument) {
            ("off" | "0" | "no" | "false", None) => Ok(Mode::Off),
            ("counters", None) => Ok(Mode::Counters),
            ("paths", None) => Ok(Mode::Paths),
            ("sample", rate) => match rate.map_or(Some(Self::RATE), bytes) {
                Some(rate @ 1..=0xff_ffff_ffff) => Ok(Mode::Sample { rate }),
                _ => Err("sample: takes bytes from 1 to 1023GiB, as in sample:512KiB".to_owned()),
            },
            ("exact" | "on" | "1" | "true" | "yes", frames) => {
                match frames.map_or(Some(Self::FRAMES), |frames| frames.parse().ok()) {
                    Some(frames @ 1..=Self::MAX_FRAMES) => Ok(Mode::Exact { frames }),
                    _ => Err(format!("exact: takes frames from 1 to {}, as in exact:25", Self::MAX_FRAMES)),
                }
            }
            _ => Err("use exact:25, sample:512KiB, paths, counters or off".to_owned()),
        }
    }
}

/// `512`, `512KiB`, `1MiB`, `64k`: bytes, in powers of 1,024.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        for text in
            ["off", "counters", "paths", "sample:512KiB", "sample:1MiB", "sample:1000", "exact:25", "exact:1"]
        {
            assert_eq!(text.parse::<Mode>().map(|mode| mode.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("exact".parse(), Ok(Mode::Exact { frames: 25 }));
        assert_eq!("sample".parse(), Ok(Mode::Sample { rate: 512 * 1024 }));
    }

    #[test]
    fn what_makes_no_sense_is_answered_with_what_does() {
        for text in [
            "",
            "all",
            "exact:0",
            "exact:129",
            "exact:x",
            "sample:0",
            "sample:1parsec",
            "paths:3",
            "sample:99999999GiB",
        ] {
            let error = text.parse::<Mode>().expect_err(text);
            assert!(error.contains("exact:25") || error.contains("sample:512KiB"), "{text}: {error}");
        }
    }
}
