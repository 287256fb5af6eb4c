//! How wide and how colourful a report may be, and text made to fit.

use crate::units::width;

/// What a report may use of a terminal. The default is what files and pipes get: any width, no colours.
///
/// [`Style::Pstats`](crate::Style::Pstats) knows neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// Columns of the terminal. Where that is too few, columns of least importance are left out and long names
    /// shortened in the middle. `None`: as many as it takes.
    pub width: Option<usize>,
    /// With ANSI escape sequences.
    pub color: bool,
}

impl Look {
    /// Those columns, colours or not.
    pub fn new(width: Option<usize>, color: bool) -> Self {
        Self { width, color }
    }

    /// The text in lines that fit: broken at spaces, further lines indented; a word that is too long is shortened.
    pub(crate) fn wrapped(&self, text: &str) -> String {
        const INDENT: &str = "    ";
        let Some(limit) = self.width.filter(|&limit| width(text) > limit) else { return text.to_owned() };
        let indent = if limit > 2 * INDENT.len() { INDENT } else { "" };
        let start = text.len() - text.trim_start().len();
        let mut lines = vec![text[..start].to_owned()];
        let mut begun = false;
        for word in text[start..].split(' ') {
            let line = lines.last().map_or(0, |line| width(line));
            if begun && line + 1 + width(word) > limit {
                lines.push(indent.to_owned());
                begun = false;
            }
            if let Some(line) = lines.last_mut() {
                if begun {
                    line.push(' ');
                }
                let room = limit.saturating_sub(width(line));
                line.push_str(&shortened(word, room));
                begun = true;
            }
        }
        lines.join("\n")
    }
}

/// The text in at most so many columns: what is too much is taken out of its middle.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let Some(room) = columns.checked_sub(1) else { return String::new() };
    let columns_of = |c: char| width(c.encode_utf8(&mut [0; 4]));
    let taken = |chars: &mut dyn Iterator<Item = char>, room: usize| {
        let mut used = 0;
        let mut bytes = 0;
        for c in chars {
            let columns = columns_of(c);
            if used + columns > room {
                break;
            }
            used += columns;
            bytes += c.len_utf8();
        }
        bytes
    };
    let head = taken(&mut text.chars(), room - room / 2);
    let tail = taken(&mut text.chars().rev(), room / 2);
    // Marks that take no column may reach over the middle from both ends.
    let tail = text.len() - tail;
    // .. or have lost the letter that they belong to.
    let tail = text[tail.max(head)..].trim_start_matches(|c| columns_of(c) == 0);
    format!("{}…{tail}", &text[..head])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_middle() {
        assert_eq!(shortened("Orders::load", 12), "Orders::load");
        assert_eq!(shortened("Orders::load", 7), "Ord…oad");
        assert_eq!(shortened("Orders::load", 1), "…");
        assert_eq!(shortened("Orders::load", 0), "");
        assert_eq!(shortened("関数関数関数", 6), "関…数");
        assert_eq!(shortened(&"e\u{301}".repeat(5), 3), "e\u{301}…e\u{301}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let text = "profile: 1,234 calls, 12 functions, 3.4s in them, matching \"a_very_long_pattern_without_spaces\"";
        for limit in 1..120 {
            let look = Look::new(Some(limit), false);
            let text = look.wrapped(text);
            assert!(text.lines().all(|line| width(line) <= limit), "{limit}: {text}");
        }
        assert_eq!(Look::default().wrapped(text), text);
        assert_eq!(
            Look::new(Some(20), false).wrapped("  one two three four five"),
            "  one two three four\n    five"
        );
    }
}
