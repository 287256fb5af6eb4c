//! Lines of source files that are at hand: Python's `linecache`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// Source files, read when they are first asked for. A file that is not there, not text or too large has no lines.
#[derive(Clone, Debug, Default)]
pub struct SourceLines {
    /// `None` reads nothing.
    files: Option<HashMap<String, Vec<String>>>,
}

impl SourceLines {
    /// Largest file that is read, bytes.
    const MAX_BYTES: u64 = 8 << 20;
    /// Most files that are read.
    const MAX_FILES: usize = 1_000;

    /// Reads files by the names that a snapshot has for them, relative ones from the current directory on.
    #[must_use]
    pub fn at_hand() -> Self {
        Self { files: Some(HashMap::new()) }
    }

    /// Has no lines.
    #[must_use]
    pub fn none() -> Self {
        Self { files: None }
    }

    /// Line `line` of the file, from 1, without the blanks around it; empty when it is not at hand.
    pub fn get(&mut self, file: &str, line: u32) -> &str {
        let Some(files) = &mut self.files else { return "" };
        if !files.contains_key(file) {
            if files.len() >= Self::MAX_FILES {
                return "";
            }
            files.insert(file.to_owned(), read(Path::new(file)).unwrap_or_default());
        }
        let at = (line as usize).checked_sub(1);
        at.and_then(|at| files.get(file)?.get(at)).map_or("", String::as_str)
    }
}

fn read(path: &Path) -> Option<Vec<String>> {
    // A pipe would be waited for.
    let there = fs::metadata(path).ok()?;
    if !there.is_file() || there.len() > SourceLines::MAX_BYTES {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(SourceLines::MAX_BYTES).read_to_string(&mut text).ok()?;
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    Some(text.lines().map(|line| strip(line).to_owned()).collect())
}

/// Python's `str.strip`, which takes the separators of files, groups, records and units for blanks, too.
fn strip(line: &str) -> &str {
    line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}'))
}
