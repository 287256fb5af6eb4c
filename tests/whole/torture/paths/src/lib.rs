//! Of edition 2018: files that come into a crate by other ways than their names.

mod bom;
#[path = "../../shared/inside/up.rs"]
mod elsewhere_above;
#[path = "../src/größe.rs"]
mod größe;
mod linked;
mod linked_folder;
mod outer {
    // Beside the crate's root would be `outer/`.
    #[path = "pathed.rs"]
    pub mod inner;
    pub mod plain;
}
include!("../included/items.rs");
include!(concat!(env!("CARGO_MANIFEST_DIR"), "/included/by_environment.rs"));

/// Not code.
pub const TEXT: &str = include_str!("../included/a text.txt");
pub const BYTES: &[u8] = include_bytes!("lib.rs");

/// As the user's path would be.
pub fn here() -> (&'static str, u32) {
    tally::count!("here");
    (file!(), line!())
}

/// ```
/// assert_eq!(paths::shared_twice(21), 42);
/// ```
///
/// ```should_panic
/// paths::shared_twice(u64::MAX);
/// ```
///
/// ```compile_fail
/// let text: u8 = paths::TEXT;
/// ```
pub fn shared_twice(n: u64) -> u64 {
    tally::count!("shared_twice");
    elsewhere_above::twice(n)
}

/// Whatever there is.
pub fn all() -> u64 {
    tally::count!("all");
    let expression = include!("expression.in.rs");
    let block = include!("../included/block.rs");
    bom::marked()
        + größe::länge("größe")
        + linked::by_a_link()
        + linked_folder::first::in_a_linked_folder()
        + outer::inner::pathed()
        + outer::plain::plain()
        + included()
        + by_environment()
        + expression
        + block
}

#[cfg(test)]
mod tests;
