//! Where a line of source comes from: the standard library and what it is built with, a crate, the program.

use super::frame::Source;

/// True for code that only hands out memory on behalf of its caller (std, alloc, core, hashbrown, the tracker itself):
/// reports name the first line outside of it.
pub(crate) fn is_machinery(source: &Source) -> bool {
    source.file.starts_with("/rustc/")
}

/// The crate that the function is in: `app`, `serde_json`, `std`; `[unknown]` where it cannot be told.
pub(crate) fn crate_of(source: &Source) -> &str {
    source.symbol.trim_start_matches('<').split("::").next().unwrap_or("[unknown]")
}
