//! Frames and call paths in words, as every renderer shows them. Indices that point nowhere (a snapshot may come from
//! a file) read as not known.

use crate::heap::frame::{Frame, FrameId, Source};
use crate::heap::origin::is_machinery;
use crate::heap::snapshot::{Snapshot, Trace};
use crate::profile::Label;

/// Stands for a stack of which nothing was kept.
pub(crate) const NO_STACK: &str = "[no stack]";

/// The file without the folders that only say where toolchain and crates are kept: `library/alloc/src/vec/mod.rs`,
/// `serde_json-1.0.150/src/de.rs`, `src/main.rs`.
pub(crate) fn short_file(file: &str) -> &str {
    if let Some(rest) = file.strip_prefix("/rustc/") {
        return rest.split_once('/').map_or(rest, |(_, within)| within);
    }
    for kept in ["/registry/src/", "/git/checkouts/"] {
        if let Some((_, rest)) = file.rsplit_once(kept) {
            return rest.split_once('/').map_or(rest, |(_, within)| within);
        }
    }
    // A toolchain with its sources: `../lib/rustlib/src/rust/library/..`.
    file.rsplit_once("/rustlib/src/rust/").map_or(file, |(_, within)| within)
}

/// The function with its module path where that is known.
pub(crate) fn function(source: &Source) -> &str {
    match (source.symbol.as_str(), source.function.as_str()) {
        ("", "") => "[unknown]",
        ("", function) => function,
        (symbol, _) => symbol,
    }
}

/// `module+0x1234`; `0x1234` where the address is in no module.
pub(crate) fn address(snapshot: &Snapshot, frame: &Frame) -> String {
    let module = frame.module.and_then(|module| snapshot.modules.get(module as usize));
    match module.map(|module| module.path.rsplit('/').next().unwrap_or_default()) {
        Some(name) => format!("{name}+{:#x}", frame.address),
        None => format!("{:#x}", frame.address),
    }
}

/// The frame's lines, innermost first; its address alone while it has no names.
pub(crate) fn labels(snapshot: &Snapshot, id: FrameId) -> Vec<Label> {
    match snapshot.frames.get(id.0 as usize) {
        None => vec![Label::new("", 0, "[unknown]")],
        Some(frame) if frame.sources.is_empty() => vec![Label::new("", 0, address(snapshot, frame))],
        Some(frame) => (frame.sources.iter())
            .map(|source| Label::new(short_file(&source.file), source.line, function(source)))
            .collect(),
    }
}

/// The standard library calls `main` and what a thread is to do by it, so that tracebacks end there.
const FIRST_CALLER: &str = "__rust_begin_short_backtrace";

/// What a line of a stack is to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The program's, or of a crate that it uses.
    Own,
    /// The standard library's or the profiler's, as on every stack.
    Machinery,
    /// Where the program, or a thread of it, begins: what is further out is not its own.
    End,
}

pub(crate) fn part(source: &Source) -> Part {
    // What stands between an annotated function and its caller.
    let is_profiler =
        || source.file.contains("profile-runtime/src/") || source.file.contains("/profile-cost-runtime-");
    match source {
        _ if function(source).contains(FIRST_CALLER) => Part::End,
        _ if is_machinery(source) || is_profiler() => Part::Machinery,
        _ => Part::Own,
    }
}

/// The call path, innermost first.
pub(crate) fn path_labels(snapshot: &Snapshot, path: u32) -> Vec<&Label> {
    let mut labels = Vec::new();
    let mut next = Some(path);
    while let Some(path) = next.and_then(|index| snapshot.paths.get(index as usize).map(|path| (index, path)))
    {
        let (index, path) = path;
        labels.push(&path.label);
        // A parent always comes before: whatever else a file says would not end.
        next = path.parent.filter(|&parent| parent < index);
    }
    labels
}

/// `handle > load > parse`; `None` where there is no such path.
pub(crate) fn path_name(snapshot: &Snapshot, path: u32) -> Option<String> {
    let labels = path_labels(snapshot, path);
    let names: Vec<&str> = labels.iter().rev().map(|label| label.name.as_str()).collect();
    (!names.is_empty()).then(|| names.join(" > "))
}

/// The type that owns the trace's blocks; `None` while not named, or when it could not be told.
pub(crate) fn type_name<'a>(snapshot: &'a Snapshot, trace: &Trace) -> Option<&'a str> {
    snapshot.types.get(trace.type_id? as usize).map(String::as_str)
}

/// The whole stack, innermost line first. Where no stack was kept it is the call path, and where there is none
/// either, [`NO_STACK`].
pub(crate) fn stack_labels(snapshot: &Snapshot, trace: &Trace) -> Vec<Label> {
    if !trace.frames.is_empty() {
        return trace.frames.iter().flat_map(|&frame| labels(snapshot, frame)).collect();
    }
    let path = trace.path.map(|path| path_labels(snapshot, path)).unwrap_or_default();
    if path.is_empty() {
        return vec![Label::new("", 0, NO_STACK)];
    }
    path.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::frame::{CallPath, Module};

    #[test]
    fn files_lose_what_only_says_where_they_are_kept() {
        for (file, short) in [
            (
                "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src/vec/mod.rs",
                "library/alloc/src/vec/mod.rs",
            ),
            (
                "/home/me/.cargo/registry/src/index-1949cf8c6b5b557f/serde_json-1.0.150/src/de.rs",
                "serde_json-1.0.150/src/de.rs",
            ),
            ("/home/me/.cargo/git/checkouts/tool-1234/abcdef/src/lib.rs", "abcdef/src/lib.rs"),
            (
                "/opt/rust/lib/rustlib/src/rust/library/core/src/ops/function.rs",
                "library/core/src/ops/function.rs",
            ),
            ("src/main.rs", "src/main.rs"),
            ("/rustc/", ""),
            ("", ""),
        ] {
            assert_eq!(short_file(file), short);
        }
    }

    #[test]
    fn indices_that_point_nowhere_are_not_known() {
        let mut snapshot = Snapshot::new();
        assert_eq!(labels(&snapshot, FrameId(7))[0].name, "[unknown]");
        snapshot.frames.push(Frame { module: Some(9), address: 0x1f, sources: vec![] });
        assert_eq!(labels(&snapshot, FrameId(0))[0].name, "0x1f");
        snapshot.modules.push(Module { path: "/srv/bin/app".to_owned(), build_id: String::new() });
        snapshot.frames[0].module = Some(0);
        assert_eq!(labels(&snapshot, FrameId(0))[0].name, "app+0x1f");
        // A path that is its own parent ends.
        snapshot.paths.push(CallPath { parent: Some(0), label: Label::new("a.rs", 1, "f") });
        assert_eq!(path_labels(&snapshot, 0).len(), 1);
        assert!(path_labels(&snapshot, 1).is_empty());
    }
}
