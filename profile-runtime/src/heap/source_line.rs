//! Lines of source, where the source is at hand.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// Larger files are not read, bytes.
const LARGEST: u64 = 4 << 20;

/// The line (from 1) of a Rust file, as it stands there now; `None` when the file is not at hand. For
/// [`ReportOptions::source_line`](super::ReportOptions::source_line): where the program was built, relative paths are
/// found from the folder of its workspace.
///
/// Only files that end in `.rs` are read: a snapshot may come from anybody, and is not to print other files.
#[must_use]
pub fn source_line(file: &str, line: u32) -> Option<String> {
    let path = Path::new(file);
    if path.extension().is_none_or(|extension| extension != "rs") {
        return None;
    }
    // NOTE: asked before it is opened: opening a pipe would wait for somebody to write to it.
    fs::metadata(path).ok().filter(|there| there.is_file() && there.len() <= LARGEST)?;
    let mut text = String::new();
    File::open(path).ok()?.take(LARGEST).read_to_string(&mut text).ok()?;
    text.lines().nth((line as usize).checked_sub(1)?).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_rust_file_and_of_no_other() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/heap/source_line.rs");
        let here = here.to_str().expect("UTF-8");
        assert_eq!(source_line(here, 3).as_deref(), Some("use std::fs::{self, File};"));
        assert_eq!(source_line(here, 0), None);
        assert_eq!(source_line(here, 1_000_000), None);
        assert_eq!(source_line("/proc/self/status", 1), None);
        assert_eq!(source_line(&here.replace("src/heap/source_line.rs", "Cargo.toml"), 1), None);
        assert_eq!(source_line("no/such/file.rs", 1), None);
        assert_eq!(source_line(env!("CARGO_MANIFEST_DIR"), 1), None);
    }
}
