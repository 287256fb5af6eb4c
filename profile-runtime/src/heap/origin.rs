//! Where a line of source comes from: the standard library and what it is built with, or a crate.

use super::frame::Source;

/// Crates that the standard library is built with; their own sources are elsewhere than its.
const BUILT_IN: &[&str] = &["/hashbrown-", "/allocator-api2-"];

/// True for code that only hands out memory on behalf of its caller (std, alloc, core, hashbrown): reports name the
/// first line outside of it.
pub(crate) fn is_machinery(source: &Source) -> bool {
    let file = source.file.replace('\\', "/");
    file.starts_with("/rustc/")
        || file.starts_with("/rust/deps/")
        || file.contains("/rustlib/src/rust/library/")
        || BUILT_IN.iter().any(|part| file.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_library_is_machinery_and_crates_are_not() {
        let is = |file: &str| is_machinery(&Source { file: file.to_owned(), ..Source::default() });
        for file in [
            "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/vec/mod.rs",
            "/rust/deps/hashbrown-0.16.0/src/raw.rs",
            "/home/me/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/ops/function.rs",
            "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f/hashbrown-0.16.0/src/map.rs",
        ] {
            assert!(is(file), "{file}");
        }
        for file in ["", "src/main.rs", "/home/me/.cargo/registry/src/index-1/serde_json-1.0.1/src/de.rs"] {
            assert!(!is(file), "{file}");
        }
    }
}
