//! What a child is asked to write of a snapshot, or of two: a format, or rows by a key.

use std::io::{self, Write};
use std::str::FromStr;

use crate::heap::format::Format;
use crate::heap::render::ReportOptions;
#[cfg(feature = "flamegraph")]
use crate::heap::render::StackOptions;
use crate::heap::snapshot::Snapshot;
use crate::heap::statistics::KeyType;
#[cfg(feature = "flamegraph")]
use crate::render::FlamegraphOptions;

/// Rows when no number is asked for.
const TOP: usize = 10;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// `text`, `svg`, ..: the name of a format.
    Format(Format),
    /// `lineno`, `type cumulative 25`, ..: the name of a key, then words in any order.
    Rows { key_type: KeyType, cumulative: bool, top: usize },
}

impl FromStr for Request {
    type Err = String;

    /// The error is one line that says what can be asked for.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let first = words.next().unwrap_or_default();
        let Ok(key_type) = first.parse() else {
            return match text.parse() {
                Ok(format) => Ok(Self::Format(format)),
                Err(problem) => {
                    let keys = first.parse::<KeyType>().expect_err("it was none");
                    Err(format!("{text}: {problem}; for rows, {keys}"))
                }
            };
        };
        let (mut cumulative, mut top) = (false, TOP);
        for word in words {
            match (word, word.parse()) {
                ("cumulative", _) => cumulative = true,
                (_, Ok(number)) => top = number,
                _ => {
                    return Err(format!(
                        "{text}: after the key come `cumulative` and the number of rows, 0 for all"
                    ));
                }
            }
        }
        Ok(Self::Rows { key_type, cumulative, top })
    }
}

impl Request {
    pub(super) fn write(self, snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Format(format) => snapshot.write(format, out),
            Self::Rows { key_type, cumulative, top } => {
                snapshot.write_statistics(out, key_type, cumulative, top)
            }
        }
    }

    /// What changed since `old`.
    pub(super) fn write_change(
        self,
        snapshot: &Snapshot,
        old: &Snapshot,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Format(Format::Text) => snapshot.write_growth(old, out, &ReportOptions::default()),
            #[cfg(feature = "flamegraph")]
            Self::Format(Format::Flamegraph) => {
                let (stacks, look) = (StackOptions::default(), FlamegraphOptions::default());
                snapshot.write_diff_flamegraph(old, out, stacks, &look)
            }
            Self::Format(format) => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{}: a difference is text, svg, or rows by a key", format.name()),
            )),
            Self::Rows { key_type, cumulative, top } => {
                snapshot.write_comparison(old, out, key_type, cumulative, top)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked_for() {
        let rows = |key_type, cumulative, top| Ok(Request::Rows { key_type, cumulative, top });
        assert_eq!("text".parse(), Ok(Request::Format(Format::Text)));
        assert_eq!("dump".parse(), Ok(Request::Format(Format::Dump)));
        assert_eq!("lineno".parse(), rows(KeyType::Lineno, false, TOP));
        assert_eq!("type 25".parse(), rows(KeyType::Type, false, 25));
        assert_eq!("function cumulative 0".parse(), rows(KeyType::Function, true, 0));
        assert_eq!("function 3 cumulative".parse(), rows(KeyType::Function, true, 3));
        for (text, remedy) in
            [("docx", "folded"), ("docx", "traceback"), ("", "text"), ("lineno all", "0 for all")]
        {
            let problem = text.parse::<Request>().unwrap_err();
            assert!(problem.starts_with(text) && problem.contains(remedy), "{problem}");
        }
    }
}
