//! Where a function comes from, told from its source file.

use super::super::frame::Source;
use super::search::Step;

/// Where a function comes from. Paths are those below `src/`, in the crate's own folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// `alloc`, where most containers are.
    Alloc(&'a str),
    /// `core`.
    Core(&'a str),
    /// `std`.
    Std(&'a str),
    /// `hashbrown`, whether std's or a dependency.
    Hashbrown(&'a str),
    /// Another crate that std is built with.
    BuiltIn(&'a str),
    /// The profiler's allocator, and the compiler's own functions before an allocator.
    Allocator,
    /// A dependency: name and path.
    Crate(&'a str, &'a str),
    /// The program: whatever is in no folder of dependencies.
    Program,
}

impl<'a> Place<'a> {
    pub(crate) fn of(source: &'a Source) -> Self {
        if is_shim(source) {
            return Place::Allocator;
        }
        let file = source.file.as_str();
        if file.ends_with("profile-runtime/src/heap/tracker.rs")
            || file.ends_with("profile-runtime/src/heap/hooks.rs")
        {
            return Place::Allocator;
        }
        if let Some((_, rest)) = file.split_once("/library/")
            && (file.starts_with("/rustc/") || file.contains("/rustlib/src/"))
        {
            return library(rest);
        }
        if let Some((_, rest)) = file.split_once("/rust/deps/") {
            let (name, path) = dependency(rest).unwrap_or((rest, ""));
            return if name == "hashbrown" { Place::Hashbrown(path) } else { Place::BuiltIn(name) };
        }
        match dependency_of(file) {
            Some(("profile-cost-runtime", "heap/tracker.rs" | "heap/hooks.rs")) => Place::Allocator,
            Some(("hashbrown", path)) => Place::Hashbrown(path),
            Some((name, path)) => Place::Crate(name, path),
            None if file.is_empty() => of_symbol(source),
            None => Place::Program,
        }
    }
}

/// `alloc/src/vec/mod.rs`.
fn library(path: &str) -> Place<'_> {
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let rest = rest.strip_prefix("src/").unwrap_or(rest);
    match name {
        "alloc" => Place::Alloc(rest),
        "core" => Place::Core(rest),
        "std" => Place::Std(rest),
        _ => Place::BuiltIn(name),
    }
}

/// Without a file: the crate alone can be told.
fn of_symbol(source: &Source) -> Place<'_> {
    let symbol = if source.symbol.is_empty() { &source.function } else { &source.symbol };
    match symbol.trim_start_matches(['<', '&']).split("::").next() {
        Some("alloc") => Place::Alloc(""),
        Some("core") => Place::Core(""),
        Some("std") => Place::Std(""),
        Some("hashbrown") => Place::Hashbrown(""),
        _ => Place::Program,
    }
}

/// The dependency that a file is in: its name, and the path below `src/`.
fn dependency_of(file: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        // The folder of the registry comes first.
        return dependency(rest.split_once('/')?.1);
    }
    if let Some((_, rest)) = file.split_once("/git/checkouts/") {
        // `NAME-HASH/REVISION/..`
        let (folder, rest) = rest.split_once('/')?;
        let name = folder.rsplit_once('-').map_or(folder, |(name, _)| name);
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        return Some((name, below_src(path)));
    }
    let (_, rest) =
        file.rsplit_once("/vendor/").or_else(|| file.strip_prefix("vendor/").map(|it| ("", it)))?;
    let (folder, path) = rest.split_once('/')?;
    Some((without_version(folder), below_src(path)))
}

/// `NAME-VERSION/src/path`.
fn dependency(path: &str) -> Option<(&str, &str)> {
    let (folder, rest) = path.split_once('/')?;
    Some((without_version(folder), below_src(rest)))
}

fn below_src(path: &str) -> &str {
    path.strip_prefix("src/").unwrap_or_else(|| path.split_once("/src/").map_or(path, |(_, rest)| rest))
}

/// `sha-1` of `sha-1-0.10.1`, `toml` of `toml-1.2.1+spec-1.1.0`: the version begins at the first dash that numbers with
/// a dot follow.
fn without_version(folder: &str) -> &str {
    let dashes = folder.match_indices('-').map(|(at, _)| at);
    let mut versions = dashes.filter(|at| {
        let rest = folder[at + 1..].trim_start_matches(|it: char| it.is_ascii_digit());
        rest.len() < folder.len() - at - 1 && rest.starts_with('.')
    });
    versions.next().map_or(folder, |at| &folder[..at])
}

/// What stands between a call of the allocator and the allocator.
pub(crate) fn is_shim(source: &Source) -> bool {
    let named = |name: &str| {
        let name = name.strip_prefix("__rustc::").unwrap_or(name);
        ["__rust_", "__rg_", "__rdl_"].iter().any(|prefix| name.starts_with(prefix))
            && !name.starts_with("__rust_begin_")
    };
    named(&source.function) || named(&source.symbol)
}

/// Index of the first step that is past the allocator: the program may have put one of its own around ours.
pub(super) fn past_the_allocator(steps: &[Step<'_>]) -> usize {
    /// Further out than this no allocator reaches.
    const DEEPEST: usize = 32;
    let is_allocator = |step: &Step<'_>| {
        let Source { function, symbol, .. } = step.source;
        let is_method = matches!(function.as_str(), "alloc" | "alloc_zeroed" | "realloc");
        Place::of(step.source) == Place::Allocator || (is_method && symbol.contains("GlobalAlloc"))
    };
    steps[..steps.len().min(DEEPEST)].iter().rposition(is_allocator).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file: &str, expected: Place<'_>) {
        let source = Source { function: "f".to_owned(), file: file.to_owned(), ..Source::default() };
        assert_eq!(Place::of(&source), expected, "{file}");
    }

    #[test]
    fn files_tell_where_code_comes_from() {
        check("/rustc/59807616e/library/alloc/src/vec/mod.rs", Place::Alloc("vec/mod.rs"));
        check("/rustc/59807616e/library/std/src/io/mod.rs", Place::Std("io/mod.rs"));
        check("/home/me/lib/rustlib/src/rust/library/core/src/ptr/mod.rs", Place::Core("ptr/mod.rs"));
        check("/rust/deps/hashbrown-0.16.1/src/raw/mod.rs", Place::Hashbrown("raw/mod.rs"));
        check("/rust/deps/gimli-0.32.0/src/lib.rs", Place::BuiltIn("gimli"));
        check("/h/registry/src/index-1949/hashbrown-0.15.5/src/map.rs", Place::Hashbrown("map.rs"));
        check("/h/registry/src/index-1949/sha-1-0.10.1/src/lib.rs", Place::Crate("sha-1", "lib.rs"));
        check("/h/registry/src/i/toml-1.2.1+spec-1.1.0/src/de.rs", Place::Crate("toml", "de.rs"));
        check("/h/.cargo/git/checkouts/tokio-0a1b/77ee/tokio/src/task.rs", Place::Crate("tokio", "task.rs"));
        check("/work/app/vendor/smallvec/src/lib.rs", Place::Crate("smallvec", "lib.rs"));
        check("/work/app/src/library/shelf.rs", Place::Program);
        check("src/main.rs", Place::Program);
    }
}
