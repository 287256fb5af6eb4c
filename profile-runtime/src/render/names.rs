//! Names of functions, one for each, on one line. Two functions never share one.

use std::collections::{HashMap, HashSet};

use crate::profile::{Label, Profile};
use crate::units::is_unseen;

/// Longest name in characters; names of generic types can be very long.
const MAX_CHARS: usize = 300;

/// Stands for a space that must not be read as the separator before a value: `phase 2` is a name, not the
/// name `phase` with the value 2. No name holds one otherwise.
pub(crate) const NO_BREAK_SPACE: char = '\u{a0}';

/// The frame name of each function, fit for folded lines and for XML; indexed as [`Profile::functions`].
///
/// It is the function's own name; where several functions share one, ` (file:line)` follows.
pub(crate) fn frame_names(profile: &Profile) -> Vec<String> {
    unique(profile, clean, false)
}

/// As [`frame_names`], for formats in which `;` and numbers at the end mean nothing.
pub(super) fn line_names(profile: &Profile) -> Vec<String> {
    unique(profile, |name| one_line(&printable(name)), false)
}

/// As [`frame_names`], each with its file and line where those are known.
#[cfg(feature = "heap")]
pub(crate) fn placed_names(profile: &Profile) -> Vec<String> {
    unique(profile, clean, true)
}

fn unique(profile: &Profile, clean: fn(&str) -> String, placed: bool) -> Vec<String> {
    let labels: Vec<&Label> = profile.functions().iter().map(|f| &f.label).collect();
    let cleaned: Vec<String> = labels.iter().map(|l| clean(&l.name)).collect();
    let mut sharers: HashMap<&str, u32> = HashMap::new();
    for name in &cleaned {
        *sharers.entry(name).or_default() += 1;
    }
    let mut taken = HashSet::new();
    (cleaned.iter().zip(labels))
        .map(|(name, label)| {
            let mut full = name.clone();
            if sharers[name.as_str()] > 1 || placed && label.line > 0 {
                let file = clean(&label.file);
                full = if label.line == 0 {
                    format!("{name} ({file})")
                } else {
                    format!("{name} ({file}:{})", label.line)
                };
            }
            // Names that differ only in what had to be cleaned away, or a name that imitates another.
            let base = full.clone();
            let mut n = 2;
            while !taken.insert(full.clone()) {
                full = format!("{base} #{n}");
                n += 1;
            }
            full
        })
        .collect()
}

/// Text that is safe on one line of XML: no control characters, none that reorder or hide what is read.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            c if c.is_whitespace() => ' ',
            c if c.is_control() => '\u{fffd}',
            c if is_unseen(c) => '\u{fffd}',
            // What XML 1.0 cannot hold.
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// No longer than names may be, and never empty.
pub(crate) fn one_line(printable: &str) -> String {
    let mut text = printable.to_owned();
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    let text = text.trim();
    if text.is_empty() { "(unnamed)".to_owned() } else { text.to_owned() }
}

fn clean(name: &str) -> String {
    let text = one_line(&printable(name).replace(';', ","));
    // Readers of folded lines take `# ` for a comment.
    let text = match text.strip_prefix("# ") {
        Some(rest) => format!("#{NO_BREAK_SPACE}{rest}"),
        None => text,
    };
    match text.rsplit_once(' ') {
        Some((head, tail)) if tail.chars().all(|c| c.is_ascii_digit() || c == '.') => {
            format!("{head}{NO_BREAK_SPACE}{tail}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(labels: &[(&str, u32, &str)]) -> Vec<String> {
        let mut profile = Profile::new();
        for &(file, line, name) in labels {
            profile.add_function(Label::new(file, line, name));
        }
        frame_names(&profile)
    }

    #[test]
    fn equal_names_are_told_apart() {
        assert_eq!(
            names(&[("a.rs", 1, "load"), ("b.rs", 2, "load"), ("b.rs", 9, "save")]),
            ["load (a.rs:1)", "load (b.rs:2)", "save"]
        );
        assert_eq!(
            names(&[("a.rs", 1, "x;y"), ("a.rs", 1, "x,y"), ("a.rs", 3, "x,y (a.rs:1)")]),
            ["x,y (a.rs:1)", "x,y (a.rs:1) #2", "x,y (a.rs:1) #3"]
        );
    }

    #[test]
    fn a_number_at_the_end_stays_part_of_the_name() {
        assert_eq!(names(&[("a.rs", 1, "phase 2"), ("a.rs", 2, "v 1.5")]), ["phase\u{a0}2", "v\u{a0}1.5"]);
        assert_eq!(names(&[("a.rs", 1, "step2"), ("a.rs", 2, "2")]), ["step2", "2"]);
    }

    #[test]
    fn hostile_names_become_one_line() {
        assert_eq!(
            names(&[("a.rs", 1, "a\nb\u{202e}c\u{0}"), ("a.rs", 2, " \t"), ("a.rs", 3, "# note")]),
            ["a b\u{fffd}c\u{fffd}", "(unnamed)", "#\u{a0}note"]
        );
        assert_eq!(names(&[("a.rs", 1, &"é".repeat(1000))])[0].chars().count(), MAX_CHARS + 1);
    }
}
