//! Sort keys: pstats' names, their prefixes, and what each compares.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::Stats;
use super::labels::LabelId;
use crate::profile::HeapCounts;

/// What a report is sorted by: pstats' keys under pstats' names, and the heap's.
///
/// Parsed from any of the words or an unambiguous prefix: `"cumulative"`, `"cumtime"`, `"cu"`. A prefix of a word of
/// pstats means what it means there, whatever word of the heap's begins so too: `"l"` is `line`, `"liv"` is `live`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SortKey {
    /// `calls`, `ncalls`: number of calls, most first.
    Calls,
    /// `cumulative`, `cumtime`: time with callees, longest first.
    Cumulative,
    /// `filename`, `module`: source file, ascending.
    Filename,
    /// `line`: line number, ascending.
    Line,
    /// `name`: function name, ascending.
    Name,
    /// `nfl`: name, then file, then line.
    Nfl,
    /// `pcalls`: number of primitive calls, most first.
    Pcalls,
    /// `stdname`: the printed name; lines compare as text, so line 20 stands before line 3.
    Stdname,
    /// `time`, `tottime`: time in the function itself, longest first.
    Time,
    /// `allocs`: blocks that the function itself allocated, most first.
    Allocations,
    /// `cumallocs`: blocks that the function and all below it allocated, most first.
    CumulativeAllocations,
    /// `heap`: bytes that the function itself allocated, most first.
    AllocatedBytes,
    /// `cumheap`: bytes that the function and all below it allocated, most first.
    CumulativeAllocatedBytes,
    /// `live`: bytes that the function itself allocated and that were not freed, most first.
    LiveBytes,
    /// `cumlive`: bytes that the function and all below it allocated and that were not freed, most first.
    CumulativeLiveBytes,
}

/// Every word of pstats' that names a key.
const WORDS: [(&str, SortKey); 13] = [
    ("calls", SortKey::Calls),
    ("ncalls", SortKey::Calls),
    ("cumtime", SortKey::Cumulative),
    ("cumulative", SortKey::Cumulative),
    ("filename", SortKey::Filename),
    ("line", SortKey::Line),
    ("module", SortKey::Filename),
    ("name", SortKey::Name),
    ("nfl", SortKey::Nfl),
    ("pcalls", SortKey::Pcalls),
    ("stdname", SortKey::Stdname),
    ("time", SortKey::Time),
    ("tottime", SortKey::Time),
];

/// What pstats has no key for.
const HEAP_WORDS: [(&str, SortKey); 6] = [
    ("allocs", SortKey::Allocations),
    ("cumallocs", SortKey::CumulativeAllocations),
    ("cumheap", SortKey::CumulativeAllocatedBytes),
    ("cumlive", SortKey::CumulativeLiveBytes),
    ("heap", SortKey::AllocatedBytes),
    ("live", SortKey::LiveBytes),
];

impl SortKey {
    /// The key that the old profiler's numbers stand for: -1 stdname, 0 calls, 1 time, 2 cumulative.
    ///
    /// # Errors
    /// [`SortKeyError::Unknown`] for any other number.
    pub fn from_number(number: i64) -> Result<Self, SortKeyError> {
        match number {
            -1 => Ok(Self::Stdname),
            0 => Ok(Self::Calls),
            1 => Ok(Self::Time),
            2 => Ok(Self::Cumulative),
            _ => Err(SortKeyError::Unknown(number.to_string())),
        }
    }

    /// Several keys, most significant first, separated by commas or spaces: `"cumulative,name"`.
    ///
    /// # Errors
    /// As for one key; an empty text is [`SortKeyError::Unknown`].
    pub fn parse_list(text: &str) -> Result<Vec<Self>, SortKeyError> {
        let words = text.split([',', ' ']).filter(|word| !word.is_empty());
        let keys: Vec<Self> = words.map(str::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(SortKeyError::Unknown(text.to_owned())) } else { Ok(keys) }
    }

    /// A word that [`SortKey::from_str`] takes for this key.
    #[cfg(feature = "tower")]
    pub(crate) fn word(self) -> &'static str {
        WORDS.iter().chain(&HEAP_WORDS).find(|(_, key)| *key == self).map_or("stdname", |(word, _)| word)
    }

    /// What pstats writes after `Ordered by:`.
    pub fn description(self) -> &'static str {
        match self {
            Self::Calls => "call count",
            Self::Cumulative => "cumulative time",
            Self::Filename => "file name",
            Self::Line => "line number",
            Self::Name => "function name",
            Self::Nfl => "name/file/line",
            Self::Pcalls => "primitive call count",
            Self::Stdname => "standard name",
            Self::Time => "internal time",
            Self::Allocations => "blocks allocated",
            Self::CumulativeAllocations => "cumulative blocks allocated",
            Self::AllocatedBytes => "bytes allocated",
            Self::CumulativeAllocatedBytes => "cumulative bytes allocated",
            Self::LiveBytes => "live bytes",
            Self::CumulativeLiveBytes => "cumulative live bytes",
        }
    }

    /// What a key of the heap's orders by, of what was asked of it without and with all below; `None` for the other
    /// keys.
    pub(crate) fn of_heap(self, own: &HeapCounts, cumulative: &HeapCounts) -> Option<u64> {
        Some(match self {
            Self::Allocations => own.allocations,
            Self::CumulativeAllocations => cumulative.allocations,
            Self::AllocatedBytes => own.allocated_bytes,
            Self::CumulativeAllocatedBytes => cumulative.allocated_bytes,
            Self::LiveBytes => own.live_bytes(),
            Self::CumulativeLiveBytes => cumulative.live_bytes(),
            _ => return None,
        })
    }

    fn compare(self, stats: &Stats, left: LabelId, right: LabelId) -> Ordering {
        let (a, b) = (stats.labels.label(left), stats.labels.label(right));
        let (Some(f), Some(g)) = (stats.functions.get(left), stats.functions.get(right)) else {
            return Ordering::Equal;
        };
        match self {
            Self::Calls => g.calls.cmp(&f.calls),
            Self::Cumulative => times(g.cumtime, f.cumtime),
            Self::Filename => a.file.cmp(&b.file),
            Self::Line => a.line.cmp(&b.line),
            Self::Name => a.name.cmp(&b.name),
            Self::Nfl => (&a.name, &a.file, a.line).cmp(&(&b.name, &b.file, b.line)),
            Self::Pcalls => g.primitive_calls.cmp(&f.primitive_calls),
            Self::Stdname => stats.labels.standard(left).cmp(stats.labels.standard(right)),
            Self::Time => times(g.tottime, f.tottime),
            Self::Allocations
            | Self::CumulativeAllocations
            | Self::AllocatedBytes
            | Self::CumulativeAllocatedBytes
            | Self::LiveBytes
            | Self::CumulativeLiveBytes => {
                let [f, g] = [f, g].map(|f| self.of_heap(&f.details.heap, &f.details.cumulative_heap));
                g.cmp(&f)
            }
        }
    }
}

impl FromStr for SortKey {
    type Err = SortKeyError;

    fn from_str(word: &str) -> Result<Self, SortKeyError> {
        if let Some((_, key)) = WORDS.iter().chain(&HEAP_WORDS).find(|(name, _)| *name == word) {
            return Ok(*key);
        }
        for words in [&WORDS[..], &HEAP_WORDS] {
            let fits = || words.iter().filter(|(name, _)| !word.is_empty() && name.starts_with(word));
            let Some((_, key)) = fits().next() else { continue };
            // NOTE: pstats refuses "t" and "cum" although both readings mean the same key; these are taken here.
            if fits().any(|(_, other)| other != key) {
                return Err(SortKeyError::Ambiguous(word.to_owned()));
            }
            return Ok(*key);
        }
        Err(SortKeyError::Unknown(word.to_owned()))
    }
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

/// Why a text is not a sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SortKeyError {
    /// No key begins with this word; the message lists the keys.
    Unknown(String),
    /// Keys of different meaning begin with this word: write more of it.
    Ambiguous(String),
}

impl fmt::Display for SortKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, word) = match self {
            Self::Unknown(word) => ("unknown", word),
            Self::Ambiguous(word) => ("ambiguous", word),
        };
        write!(f, "{what} sort key `{word}`; the keys are")?;
        for (i, (name, _)) in WORDS.iter().chain(&HEAP_WORDS).enumerate() {
            write!(f, "{} {name}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for SortKeyError {}

/// Numbers as Python compares them. A NaN (only a damaged file has one) stands after all numbers, since
/// the sort needs a total order.
fn times(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// All functions by the keys in turn; equal ones stay in order of first call.
pub(super) fn sorted(stats: &Stats, keys: &[SortKey]) -> Vec<LabelId> {
    let mut order: Vec<LabelId> = stats.functions.keys().collect();
    order.sort_by(|&left, &right| {
        keys.iter().map(|key| key.compare(stats, left, right)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_and_every_prefix_of_pstats_is_taken() {
        for (word, key) in WORDS.into_iter().chain(HEAP_WORDS) {
            assert_eq!(word.parse(), Ok(key));
        }
        for (prefix, key) in [
            ("ca", SortKey::Calls),
            ("nc", SortKey::Calls),
            ("cu", SortKey::Cumulative),
            ("cumu", SortKey::Cumulative),
            ("f", SortKey::Filename),
            ("m", SortKey::Filename),
            ("l", SortKey::Line),
            ("na", SortKey::Name),
            ("nf", SortKey::Nfl),
            ("p", SortKey::Pcalls),
            ("s", SortKey::Stdname),
            ("ti", SortKey::Time),
            ("to", SortKey::Time),
        ] {
            assert_eq!(prefix.parse(), Ok(key), "{prefix}");
        }
    }

    /// What pstats makes of a word is decided by its own words alone.
    #[test]
    fn keys_of_the_heap_take_no_prefix_from_pstats() {
        for (word, _) in WORDS {
            for end in 1..=word.len() {
                let prefix = &word[..end];
                let meant: Vec<SortKey> =
                    WORDS.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, key)| *key).collect();
                match prefix.parse() {
                    Ok(key) => assert!(meant.contains(&key), "{prefix} is {key:?}"),
                    Err(error) => assert_eq!(error, SortKeyError::Ambiguous(prefix.into())),
                }
            }
        }
        for (prefix, key) in [
            ("l", SortKey::Line),
            ("li", SortKey::Line),
            ("liv", SortKey::LiveBytes),
            ("cum", SortKey::Cumulative),
            ("cuml", SortKey::CumulativeLiveBytes),
            ("cumh", SortKey::CumulativeAllocatedBytes),
            ("cuma", SortKey::CumulativeAllocations),
            ("h", SortKey::AllocatedBytes),
            ("a", SortKey::Allocations),
        ] {
            assert_eq!(prefix.parse(), Ok(key), "{prefix}");
        }
    }

    #[test]
    fn prefixes_of_several_meanings_are_refused() {
        for word in ["c", "n"] {
            assert_eq!(word.parse::<SortKey>(), Err(SortKeyError::Ambiguous(word.into())));
        }
        for word in ["", "cumulatives", "speed"] {
            assert_eq!(word.parse::<SortKey>(), Err(SortKeyError::Unknown(word.into())));
        }
    }

    #[test]
    fn lists_and_numbers() {
        assert_eq!(SortKey::parse_list("cu, name"), Ok(vec![SortKey::Cumulative, SortKey::Name]));
        assert!(SortKey::parse_list(" ").is_err());
        assert_eq!(SortKey::from_number(-1), Ok(SortKey::Stdname));
        assert!(SortKey::from_number(3).is_err());
    }
}
