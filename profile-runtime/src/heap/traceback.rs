//! Lines of source, and stacks of them: tracemalloc's `Frame` and `Traceback`.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::units::is_unseen;

/// A line of source, or what stands in for one: tracemalloc's `Frame`.
///
/// Ordered by file, then line. Printed as `src/orders.rs:40`, or as `service+0x1234` where no source is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// The source file as the compiler was given it. Where no source is known: `module+0x1234`, or what else is known.
    pub file: Arc<str>,
    /// From 1; 0 where the line is not known, or where a whole file is meant. `None` when `file` is not a source file.
    pub line: Option<u32>,
}

impl Line {
    /// A line of a source file.
    #[must_use]
    pub fn new(file: impl Into<Arc<str>>, line: u32) -> Self {
        Self { file: file.into(), line: Some(line) }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", Shown(&self.file)),
            None => Shown(&self.file).fmt(f),
        }
    }
}

/// A stack of lines, from the oldest call to the most recent: tracemalloc's `Traceback`. Never empty.
///
/// Inlined functions have lines of their own. Printed as its oldest line, as in tracemalloc; [`Traceback::format`]
/// prints all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Traceback {
    lines: Vec<Line>,
}

impl Traceback {
    /// Most lines that are kept, from the most recent on; no real stack is as deep.
    pub(super) const MAX_LINES: usize = 4096;

    /// From lines as they stand on a stack, the most recent first.
    pub(super) fn from_innermost(lines: impl IntoIterator<Item = Line>) -> Self {
        let mut lines: Vec<Line> = lines.into_iter().take(Self::MAX_LINES).collect();
        lines.reverse();
        Self { lines }
    }

    /// The oldest first.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }
}

impl fmt::Display for Traceback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.first().map_or(Ok(()), |line| line.fmt(f))
    }
}

/// A name on one line: what a terminal would obey, or a reader overlook, is escaped.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(|c: char| c.is_control() || is_unseen(c)) {
            return f.pad(self.0);
        }
        let mut shown = String::new();
        for c in self.0.chars() {
            match c {
                c if c.is_control() || is_unseen(c) => write!(shown, "\\u{{{:x}}}", u32::from(c))?,
                c => shown.push(c),
            }
        }
        f.pad(&shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_ordered_by_file_and_number_not_by_text() {
        let (nine, ten) = (Line::new("a.rs", 9), Line::new("a.rs", 10));
        assert!(nine < ten && ten < Line::new("b.rs", 1));
        assert_eq!(ten.to_string(), "a.rs:10");
        assert_eq!(Line { file: "service+0x12".into(), line: None }.to_string(), "service+0x12");
    }

    #[test]
    fn a_name_cannot_write_lines_or_colours() {
        assert_eq!(Line::new("a\n\u{1b}[31m\u{202e}\\b", 1).to_string(), "a\\u{a}\\u{1b}[31m\\u{202e}\\b:1");
    }
}
