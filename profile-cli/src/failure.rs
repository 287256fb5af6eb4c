//! What went wrong, in one line with the remedy.

use std::fmt;
use std::io;
use std::path::Path;

/// Exit status 2.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A file that cannot be read or written.
    pub(crate) fn of_file(path: &Path, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            io::ErrorKind::NotFound => "no such file; check the name",
            io::ErrorKind::PermissionDenied => "permission denied",
            io::ErrorKind::IsADirectory => "is a directory; name a file in it",
            io::ErrorKind::StorageFull => "no space left on the device; nothing was written",
            _ => return Self(format!("{}: {error}", path.display())),
        };
        Self(format!("{}: {remedy}", path.display()))
    }

    /// Wrong arguments: the first paragraph of clap's message, in one line.
    pub(crate) fn usage(error: &clap::Error) -> Self {
        let text = error.to_string();
        let usage = text.lines().find_map(|line| line.strip_prefix("Usage: "));
        let command: Vec<&str> = usage
            .into_iter()
            .flat_map(str::split_whitespace)
            .take_while(|word| {
                word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
            })
            .collect();
        let command = if command.is_empty() { "cargo-profile-cost".to_owned() } else { command.join(" ") };
        let lines =
            text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        let message = words.join(" ");
        let message = message.strip_prefix("error: ").unwrap_or(&message);
        Self(format!("{}; see `{command} --help`", message.trim_end_matches('.')))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, and nothing that a terminal takes for a command, whatever a file's name or content says.
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}
