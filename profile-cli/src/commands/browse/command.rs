//! The browser's commands: their names, their help, and how a line names one.

/// Name, help, and whether the arguments are restrictions. In the order in which `help` lists them.
pub(super) const COMMANDS: [(&str, &str, bool); 11] = [
    ("EOF", "Leave the profile browser.", false),
    ("add", "Add profile info from given file to current statistics object.", false),
    ("callees", "Print callees statistics from the current stat object.", true),
    ("callers", "Print callers statistics from the current stat object.", true),
    ("help", "Show help for a given command.", false),
    ("quit", "Leave the profile browser.", false),
    (
        "read",
        "Read in profile data from a specified file.\nWithout argument, reload the current file.",
        false,
    ),
    ("reverse", "Reverse the sort order of the profiling report.", false),
    (
        "sort",
        "Sort profile data according to specified keys.\n(Typing `sort' without arguments lists valid keys.)",
        false,
    ),
    ("stats", "Print statistics from the current stat object.", true),
    ("strip", "Strip leading path information from filenames in the report.", false),
];

pub(super) const ARGUMENTS: &str = "\
Arguments may be:
* An integer maximum number of entries to print.
* A decimal fractional number between 0 and 1, controlling
  what fraction of selected entries to print.
* A regular expression; only entries with function names
  that match it are printed.";

/// The sort keys in the order in which `sort` lists them.
pub(super) const KEYS: [&str; 13] = [
    "calls",
    "ncalls",
    "cumtime",
    "cumulative",
    "filename",
    "line",
    "module",
    "name",
    "nfl",
    "pcalls",
    "stdname",
    "time",
    "tottime",
];

/// A line taken apart as Python's `cmd` does it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) command: &'a str,
    pub(super) argument: &'a str,
}

impl<'a> Line<'a> {
    /// `?` is help; a command ends at the first character that is no letter, digit or underscore.
    pub(super) fn parse(text: &'a str) -> Self {
        let text = text.trim();
        if let Some(topic) = text.strip_prefix('?') {
            return Self { command: "help", argument: topic.trim() };
        }
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        Self { command: &text[..end], argument: text[end..].trim() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let parts = |text| {
            let Line { command, argument } = Line::parse(text);
            (command, argument)
        };
        assert_eq!(parts("stats 10 load"), ("stats", "10 load"));
        assert_eq!(parts("stats10"), ("stats10", ""));
        assert_eq!(parts("read/tmp/x"), ("read", "/tmp/x"));
        assert_eq!(parts("?sort"), ("help", "sort"));
        assert_eq!(parts("! ls"), ("", "! ls"));
    }
}
