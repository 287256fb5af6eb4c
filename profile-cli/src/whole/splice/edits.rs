//! What is put where in a text. Offsets are bytes from where the items begin.

use std::ops::Range;

/// Changes to one text, applied all at once.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

impl Edits {
    /// Two texts at the same place stand in the order in which they were inserted.
    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.replace(at..at, text);
    }

    /// Replacements may not overlap.
    pub(super) fn replace(&mut self, range: Range<usize>, text: String) {
        debug_assert!(!text.contains('\n'), "lines stay where they are");
        self.0.push((range, text));
    }

    /// `source` with the changes, offsets counting from `base`.
    pub(super) fn apply(mut self, source: &str, base: usize) -> String {
        self.0.sort_by_key(|(range, _)| range.start);
        let added: usize = self.0.iter().map(|(_, text)| text.len()).sum();
        let mut out = String::with_capacity(source.len() + added);
        let mut done = 0;
        for (range, text) in self.0 {
            out.push_str(&source[done..range.start + base]);
            out.push_str(&text);
            done = range.end + base;
        }
        out.push_str(&source[done..]);
        out
    }
}

/// Length of a byte order mark and a `#!` line, without its newline: what `syn` does not read, as lines still count.
pub(in crate::whole) fn start_of_items(source: &str) -> usize {
    let mark = source.len() - source.trim_start_matches('\u{feff}').len();
    let text = &source[mark..];
    let is_shebang = text.strip_prefix("#!").is_some_and(|rest| !rest.trim_start().starts_with('['));
    if is_shebang { mark + text.find('\n').unwrap_or(text.len()) } else { mark }
}
