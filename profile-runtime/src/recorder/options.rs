//! What a recorder does, and how it is said in the environment.

use std::str::FromStr;

use crate::heap::{self, Mode};

/// What a recorder does. `..Options::default()` for the rest.
///
/// `PROFILE_COST_RECORD_OPTIONS` has the same by name, with commas between: `max=32MiB`, `keep=5`, `no-signals`,
/// `memory-limit=400MiB`, `heap-near-limit=sample:512KiB`, `report-previous`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What the file may grow to, bytes: from 1 MiB to 1 GiB. Past it calls are counted, and what is new is not in the
    /// file, which the report says.
    pub max_bytes: u64,
    /// How many files are kept in the folder, with the new one. Those of processes that live are not counted.
    pub keep: usize,
    /// Signals that end programs are noted. Handlers that the program has keep working.
    pub signals: bool,
    /// What the resident set may grow to, bytes, where nothing but the program knows: at 90 % of it, as at 90 % of the cgroup's
    /// limit, the heap is looked at once more.
    pub memory_limit: Option<u64>,
    /// What a [`crate::heap::Tracker`] that records no call paths is switched to when memory comes near its limit: by then it is
    /// worth what it costs. `Mode::Sample { rate: 512 << 10 }` is cheap.
    pub heap_near_limit: Option<Mode>,
    /// The post-mortem of the process that recorded into the folder before goes to the log (target `profile_cost`), or to stderr
    /// where no logger takes it, unless that process exited by itself.
    pub report_previous: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            keep: 10,
            signals: true,
            memory_limit: None,
            heap_near_limit: None,
            report_previous: false,
        }
    }
}

impl FromStr for Options {
    type Err = String;

    /// As in `PROFILE_COST_RECORD_OPTIONS`. The error says what to write instead.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut options = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            let bytes = || {
                let bytes = value.and_then(heap::bytes).filter(|bytes| *bytes > 0);
                bytes.ok_or_else(|| format!("`{part}`: use bytes from 1, as in {name}=64MiB"))
            };
            match (name, value) {
                ("max", _) => options.max_bytes = bytes()?,
                ("memory-limit", _) => options.memory_limit = Some(bytes()?),
                ("keep", _) => {
                    let keep = value.and_then(|value| value.parse().ok()).filter(|keep| *keep > 0);
                    options.keep =
                        keep.ok_or_else(|| format!("`{part}`: use a number from 1, as in keep=10"))?;
                }
                ("heap-near-limit", _) => {
                    let mode: Result<Mode, _> = value.unwrap_or("").parse();
                    options.heap_near_limit = Some(mode.map_err(|remedy| format!("`{part}`: {remedy}"))?);
                }
                ("no-signals", None) => options.signals = false,
                ("report-previous", None) => options.report_previous = true,
                _ => {
                    return Err(format!(
                        "`{part}` is none; use some of max=BYTES, keep=N, no-signals, memory-limit=BYTES, \
                         heap-near-limit=MODE, report-previous (with commas between)"
                    ));
                }
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_what_makes_no_sense_is_said() {
        let all =
            "max=32MiB, keep=5,no-signals,memory-limit=400MiB,heap-near-limit=sample:512KiB,report-previous";
        let expected = Options {
            max_bytes: 32 << 20,
            keep: 5,
            signals: false,
            memory_limit: Some(400 << 20),
            heap_near_limit: Some(Mode::Sample { rate: 512 << 10 }),
            report_previous: true,
        };
        assert_eq!(all.parse(), Ok(expected));
        assert_eq!("".parse(), Ok(Options::default()));
        for (text, remedy) in [
            ("keep=0", "keep=10"),
            ("keep", "keep=10"),
            ("max=much", "max=64MiB"),
            ("heap-near-limit=huge", "sample"),
            ("report-previous=yes", "report-previous (with commas"),
            ("kep=3", "`kep=3` is none"),
        ] {
            let error = text.parse::<Options>().expect_err(text);
            assert!(error.contains(remedy), "{text}: {error}");
        }
    }
}
