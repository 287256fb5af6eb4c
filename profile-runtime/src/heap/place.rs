//! Which place of a stack answers for its blocks, and what the places are called: line, file, function, crate.

use std::collections::HashMap;
use std::sync::Arc;

use super::frame::{CallPath, FrameId, Source};
use super::origin;
use super::snapshot::{Snapshot, Trace};
use super::traceback::Line;
use crate::profile::Label;

/// What stands where nothing is known.
pub(super) const UNKNOWN: &str = "[unknown]";
/// The call path of blocks that no `#[profile_cost]` function allocated.
pub(super) const NO_PATH: &str = "[outside]";
/// Of call paths longer than this, the middle is left out.
const MAX_NAMES: usize = 64;
/// How many names from the root then stay.
const ROOT_NAMES: u32 = 16;
/// Longest name in a call path, in characters.
const MAX_CHARS: usize = 300;

/// A place on the stack of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// A source of a frame, by their indices.
    Source(u32, u32),
    /// A frame without sources.
    Address(u32),
    /// The annotated function at the end of a call path, which stands in for a stack that was not kept.
    Path(u32),
    /// Neither stack nor path.
    Nowhere,
}

/// The places of a snapshot's traces.
pub(super) struct Places<'a> {
    snapshot: &'a Snapshot,
    /// Of each frame, the innermost place outside of the machinery.
    own: Vec<Option<Place>>,
    /// Of each module, its name without directories; the whole path where two would share one.
    modules: Vec<&'a str>,
    /// Of each call path, how many callers it has, and which of them (or itself) is the last to be named from the root.
    depths: Vec<(u32, u32)>,
}

impl<'a> Places<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let own = (0..).zip(&snapshot.frames).map(|(id, frame)| match &frame.sources[..] {
            [] => Some(Place::Address(id)),
            sources => {
                let at = sources.iter().position(|source| !origin::is_machinery(source))?;
                Some(Place::Source(id, at as u32))
            }
        });
        let mut depths: Vec<(u32, u32)> = Vec::with_capacity(snapshot.paths.len());
        for (id, path) in (0..).zip(&snapshot.paths) {
            let parent = path.parent.and_then(|parent| depths.get(parent as usize));
            depths.push(match parent {
                None => (0, id),
                Some(&(depth, head)) => (depth + 1, if depth + 1 < ROOT_NAMES { id } else { head }),
            });
        }
        Self { snapshot, own: own.collect(), modules: module_names(snapshot), depths }
    }

    /// The innermost place outside of the standard library; the innermost of all when there is none.
    pub(super) fn own(&self, trace: &Trace) -> Place {
        let outside = |frame: &FrameId| self.own.get(frame.0 as usize).copied().flatten();
        match trace.frames.iter().find_map(outside) {
            Some(place) => place,
            None => self.all(trace).next().unwrap_or(Place::Nowhere),
        }
    }

    /// All of the stack, innermost first; never none.
    pub(super) fn all(&self, trace: &'a Trace) -> impl Iterator<Item = Place> + use<'a> {
        let snapshot = self.snapshot;
        let frames = trace.frames.iter().flat_map(move |&FrameId(id)| {
            let sources = snapshot.frames.get(id as usize).map_or(0, |frame| frame.sources.len() as u32);
            let address = (sources == 0).then_some(Place::Address(id));
            address.into_iter().chain((0..sources).map(move |at| Place::Source(id, at)))
        });
        let instead = trace.frames.is_empty().then_some(match trace.path {
            Some(path) => Place::Path(path),
            None => Place::Nowhere,
        });
        frames.chain(instead)
    }

    /// The snapshot's call paths.
    pub(super) fn paths(&self) -> &'a [CallPath] {
        &self.snapshot.paths
    }

    fn source(&self, frame: u32, at: u32) -> Option<&'a Source> {
        self.snapshot.frames.get(frame as usize)?.sources.get(at as usize)
    }

    fn label(&self, path: u32) -> Option<&'a Label> {
        self.snapshot.paths.get(path as usize).map(|path| &path.label)
    }

    /// File and line.
    pub(super) fn line(&self, place: Place) -> Line {
        match place {
            Place::Source(frame, at) => match self.source(frame, at) {
                Some(source) if !source.file.is_empty() => Line::new(source.file.as_str(), source.line),
                _ => Line { file: self.function(place).into(), line: None },
            },
            Place::Path(path) => match self.label(path) {
                Some(label) => Line::new(label.file.as_str(), label.line),
                None => Line { file: UNKNOWN.into(), line: None },
            },
            Place::Address(_) | Place::Nowhere => Line { file: self.function(place).into(), line: None },
        }
    }

    /// The file as a line: tracemalloc has line 0 then. The module where there is no source file.
    pub(super) fn file(&self, place: Place) -> Line {
        match (place, self.line(place)) {
            (_, Line { file, line: Some(_) }) => Line::new(file, 0),
            (Place::Address(frame) | Place::Source(frame, _), _) => {
                Line { file: Arc::from(self.module(frame).unwrap_or(UNKNOWN)), line: None }
            }
            (_, line) => line,
        }
    }

    fn module(&self, frame: u32) -> Option<&'a str> {
        let module = self.snapshot.frames.get(frame as usize)?.module?;
        self.modules.get(module as usize).copied()
    }

    /// The function with its module path and generic arguments; `module+0x1234` where it has no name.
    pub(super) fn function(&self, place: Place) -> String {
        let (Place::Source(frame, _) | Place::Address(frame)) = place else {
            return match place {
                Place::Path(path) => self.label(path).map_or(UNKNOWN, |label| &label.name).to_owned(),
                _ => UNKNOWN.to_owned(),
            };
        };
        let source = if let Place::Source(frame, at) = place { self.source(frame, at) } else { None };
        let name = source.map(full_name).unwrap_or_default();
        if !name.is_empty() {
            return name;
        }
        let address = self.snapshot.frames.get(frame as usize).map(|frame| frame.address);
        match (self.module(frame), address) {
            (Some(module), Some(address)) => format!("{module}+{address:#x}"),
            (None, Some(address)) => format!("{address:#x}"),
            (_, None) => UNKNOWN.to_owned(),
        }
    }

    /// The crate; the module in brackets where there is no name to tell it from.
    pub(super) fn crate_name(&self, place: Place) -> String {
        match place {
            Place::Source(frame, at) => self.source(frame, at).map_or(UNKNOWN, origin::crate_of).to_owned(),
            Place::Address(frame) => {
                self.module(frame).map_or(UNKNOWN.to_owned(), |module| format!("[{module}]"))
            }
            Place::Path(_) | Place::Nowhere => UNKNOWN.to_owned(),
        }
    }

    /// `a -> b -> c`: the annotated functions from the root on.
    pub(super) fn call_path(&self, path: Option<u32>) -> String {
        let Some((path, &(depth, head))) =
            path.and_then(|path| Some((path, self.depths.get(path as usize)?)))
        else {
            return NO_PATH.to_owned();
        };
        let parent = |path: u32| self.snapshot.paths.get(path as usize).and_then(|path| path.parent);
        let names = |from: u32, most: usize| {
            let up = std::iter::successors(Some(from), |&path| parent(path).filter(|&parent| parent < path));
            let mut names: Vec<String> = up.take(most).map(|path| self.short_name(path)).collect();
            names.reverse();
            names.join(" -> ")
        };
        let len = depth as usize + 1;
        if len <= MAX_NAMES {
            return names(path, len);
        }
        let last = MAX_NAMES - ROOT_NAMES as usize;
        let (root, end) = (names(head, ROOT_NAMES as usize), names(path, last));
        format!("{root} -> .. {} more .. -> {end}", len - MAX_NAMES)
    }

    fn short_name(&self, path: u32) -> String {
        self.label(path).map_or(UNKNOWN, |label| &label.name).chars().take(MAX_CHARS).collect()
    }
}

/// The linkage name has the module path, and the name in the debug information the generic arguments: both together.
fn full_name(source: &Source) -> String {
    let Source { function, symbol, .. } = source;
    if symbol.is_empty() {
        return function.clone();
    }
    match function.find('<') {
        // Version 0 of the mangling has them in the linkage name.
        Some(at) if at > 0 && function.ends_with('>') && !symbol.ends_with('>') => {
            format!("{symbol}{}", &function[at..])
        }
        _ => symbol.clone(),
    }
}

fn module_names(snapshot: &Snapshot) -> Vec<&str> {
    let base = |path: &str| path.rfind('/').map_or(0, |slash| slash + 1);
    let mut sharers: HashMap<&str, u32> = HashMap::new();
    for module in &snapshot.modules {
        *sharers.entry(&module.path[base(&module.path)..]).or_default() += 1;
    }
    snapshot
        .modules
        .iter()
        .map(|module| {
            let short = &module.path[base(&module.path)..];
            match short {
                "" if module.path.is_empty() => UNKNOWN,
                _ if sharers.get(short) == Some(&1) && !short.is_empty() => short,
                _ => &module.path,
            }
        })
        .collect()
}
