//! Where a line of source comes from: the standard library and what it is built with, a crate, the program.

use super::frame::Source;
use super::types::{Place, is_shim};

/// What a crate is called whose name cannot be told.
const UNKNOWN: &str = "[unknown]";

/// True for code that only hands out memory on behalf of its caller: std, alloc and core, the hashbrown inside std, the
/// compiler's shims, and the profiler itself. Reports name the first line outside of it. A dependency is none, though it
/// may be a container: whose table grows is worth knowing. But all that hashbrown allocates it does on a few lines, which
/// do not tell that; so it is treated like std's, and so is what stands in for `alloc` on stable.
pub fn is_machinery(source: &Source) -> bool {
    match Place::of(source) {
        Place::Allocator | Place::Alloc(_) | Place::Core(_) | Place::Std(_) | Place::BuiltIn(_) => true,
        Place::Hashbrown(_) | Place::Crate("allocator-api2", _) => true,
        Place::Crate("profile-cost-runtime", path) => path.starts_with("heap/"),
        Place::Crate(..) => false,
        Place::Program => source.file.contains("profile-runtime/src/heap/"),
    }
}

/// The crate that the function is in: `app`, `serde_json`, `std`; `[unknown]` where it cannot be told.
pub fn crate_of(source: &Source) -> &str {
    if is_shim(source) {
        return "std";
    }
    match Place::of(source) {
        Place::Alloc(_) => "alloc",
        Place::Core(_) => "core",
        Place::Std(_) => "std",
        Place::Hashbrown(_) => "hashbrown",
        Place::BuiltIn(name) | Place::Crate(name, _) => name,
        Place::Allocator | Place::Program => of_symbol(source),
    }
}

/// The first segment of the path, of `<impl A for app::B>::f` that of what is implemented for.
fn of_symbol(source: &Source) -> &str {
    for name in [source.symbol.as_str(), source.function.as_str()] {
        let path = name.trim_start_matches(['<', '&', '*', '(', '[']);
        let path = ["mut ", "const ", "dyn "]
            .iter()
            .fold(path, |path, word| path.strip_prefix(word).unwrap_or(path));
        let path = match path.strip_prefix("impl ") {
            Some(rest) => rest.split_once(" for ").map_or(rest, |(_, implementor)| implementor),
            None => path,
        };
        if let Some((root, _)) = path.split_once("::")
            && is_crate(root)
        {
            return root;
        }
    }
    of_file(&source.file)
}

fn is_crate(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|it| it.is_alphanumeric() || it == '_')
}

/// By Cargo's layout: the folder above `src`, or what stands in `examples`, `tests` or `benches`. The folder of most
/// packages is called as they are.
fn of_file(file: &str) -> &str {
    let mut above = None;
    let mut parts = file.split('/').peekable();
    let mut found = None;
    while let Some(part) = parts.next() {
        found = match (part, above, parts.peek()) {
            ("src", Some(folder), Some(_)) => Some(folder),
            ("examples" | "tests" | "benches", _, Some(target)) => target.split('.').next(),
            _ => found,
        };
        above = Some(part);
    }
    found.filter(|it| !it.is_empty()).unwrap_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(symbol: &str, file: &str) -> Source {
        Source { function: "f".to_owned(), symbol: symbol.to_owned(), file: file.to_owned(), line: 1 }
    }

    #[test]
    fn crates_are_told_from_files_and_symbols() {
        #[track_caller]
        fn check(symbol: &str, file: &str, expected: &str) {
            assert_eq!(crate_of(&source(symbol, file)), expected);
        }
        check("f", "/h/registry/src/index-1/serde_json-1.0.154/src/de.rs", "serde_json");
        check("f", "/rustc/12/library/std/src/fs.rs", "std");
        check("f", "/rust/deps/hashbrown-0.16.1/src/map.rs", "hashbrown");
        check("app::main", "/w/app/src/main.rs", "app");
        check("<app::Order as core::clone::Clone>::clone", "/w/x/src/main.rs", "app");
        check("<&mut app::Order as serde::Serialize>::serialize", "/w/x/src/main.rs", "app");
        check("app::_::<impl serde::Serialize for app::Order>::serialize", "/w/x/src/main.rs", "app");
        check("<impl core::fmt::Display for app::Order>::fmt", "/w/x/src/main.rs", "app");
        check("f", "/w/x/src/main.rs", "x");
        check("f", "/w/x/src/bin/y.rs", "x");
        check("f", "/w/examples/shop/handlers.rs", "shop");
        check("f", "/w/tests/orders.rs", "orders");
        check("f", "src/main.rs", "[unknown]");
        check("main", "", "[unknown]");
        check("__rustc::__rust_alloc", "/w/x/src/main.rs", "std");
        check("alloc::raw_vec::finish_grow", "", "alloc");
    }

    #[test]
    fn dependencies_are_no_machinery() {
        let is = |symbol: &str, file: &str| is_machinery(&source(symbol, file));
        assert!(is("f", "/rustc/12/library/alloc/src/vec/mod.rs"));
        assert!(is("f", "/rust/deps/hashbrown-0.16.1/src/map.rs"));
        assert!(is("__rustc::__rust_alloc", "/w/app/src/main.rs"));
        assert!(is("f", "/w/profile-runtime/src/heap/hooks.rs"));
        assert!(is("f", "/h/registry/src/i/profile-cost-runtime-0.1.0/src/heap/hooks.rs"));
        assert!(is("core::ops::function::FnOnce::call_once", ""));
        // Which line of theirs it is does not tell whose table it is.
        assert!(is("f", "/h/registry/src/i/hashbrown-0.17.2/src/alloc.rs"));
        assert!(is("f", "/h/registry/src/i/allocator-api2-0.2.21/src/stable/vec/mod.rs"));
        assert!(!is("f", "/h/registry/src/i/smallvec-1.13.2/src/lib.rs"));
        assert!(!is("f", "/w/profile-runtime/src/stats/row.rs"));
        assert!(!is("app::main", "/w/app/src/main.rs"));
        assert!(!is("", ""));
    }
}
