//! Rows of the report: traces that have a line, a type, a call path or a size in common, summed.

use std::collections::HashMap;
use std::hash::Hash;

use super::places::{address, function, path_name, short_file, type_name};
use crate::heap::mode::Mode;
use crate::heap::origin::is_machinery;
use crate::heap::snapshot::{Snapshot, Trace, TraceCounts};

/// Stands for a type that could not be told.
pub(super) const UNKNOWN_TYPE: &str = "[unknown]";
/// Stands for what was allocated outside of all call paths.
pub(super) const NO_PATH: &str = "[outside of annotated functions]";
/// Addresses of a stack that are shown where there are no names.
const ADDRESSES: usize = 3;

/// The place in the source that an allocation is put down to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    /// As the compiler was given it; empty where not known.
    pub(super) file: String,
    /// From 1; 0 where not known.
    pub(super) line: u32,
    /// The function, or addresses where nothing has a name.
    pub(super) name: String,
}

impl Place {
    /// `src/cache.rs:41 app::cache::remember`.
    pub(super) fn text(&self) -> String {
        match (short_file(&self.file), self.line) {
            ("", _) => self.name.clone(),
            (file, 0) => format!("{file} {}", self.name),
            (file, line) => format!("{file}:{line} {}", self.name),
        }
    }
}

/// Rows in no particular order.
pub(super) fn grouped<'a, K: Eq + Hash>(
    snapshot: &'a Snapshot,
    mut key: impl FnMut(&'a Trace) -> K,
) -> Vec<(K, TraceCounts)> {
    let mut sums: HashMap<K, TraceCounts> = HashMap::new();
    for trace in &snapshot.traces {
        sums.entry(key(trace)).or_default().add(&trace.counts);
    }
    sums.into_iter().collect()
}

/// The rows with the largest values, and how many others have one. Equal values are in the order of their keys, so
/// that a report does not depend on the order of a hash table.
pub(super) fn largest<K: Ord, V>(
    mut rows: Vec<(K, V)>,
    top: usize,
    value: impl Fn(&V) -> u64,
) -> (Vec<(K, V)>, usize) {
    rows.retain(|(_, row)| value(row) > 0);
    rows.sort_by(|(one, a), (other, b)| value(b).cmp(&value(a)).then_with(|| one.cmp(other)));
    let rest = rows.len().saturating_sub(top);
    rows.truncate(top);
    (rows, rest)
}

/// By line: of each stack the innermost outside of the standard library; where there is none, the innermost; where
/// nothing has a name, the innermost addresses; without a stack, the function that was called last.
pub(super) fn by_line(snapshot: &Snapshot) -> Vec<(Place, TraceCounts)> {
    // PERF: stacks share frames, and size classes stacks: they are grouped by frame before anything is a text.
    let mut own = HashMap::new();
    let mut line_of = |trace: &Trace| -> Option<(u32, usize)> {
        for id in &trace.frames {
            let first = *own.entry(id.0).or_insert_with(|| {
                let sources = &snapshot.frames.get(id.0 as usize)?.sources;
                // What has no name may be the line that is looked for: none further out is.
                if sources.is_empty() {
                    return None;
                }
                Some(sources.iter().position(|source| !is_machinery(source)))
            });
            match first {
                None => return None,
                Some(Some(source)) => return Some((id.0, source)),
                Some(None) => {}
            }
        }
        trace.frames.first().map(|id| (id.0, 0))
    };
    let groups = grouped(snapshot, |trace| match line_of(trace) {
        Some(line) => (Some(line), None),
        None => (None, Some((trace.frames.as_slice(), trace.path.filter(|_| trace.frames.is_empty())))),
    });
    let mut places: HashMap<Place, TraceCounts> = HashMap::new();
    for ((line, stack), counts) in groups {
        let source =
            line.and_then(|(frame, source)| snapshot.frames.get(frame as usize)?.sources.get(source));
        let place = match (source, stack) {
            (Some(source), _) => {
                Place { file: source.file.clone(), line: source.line, name: function(source).to_owned() }
            }
            (None, Some(([], path))) => match path.and_then(|path| snapshot.paths.get(path as usize)) {
                Some(path) => {
                    let label = &path.label;
                    Place { file: label.file.clone(), line: label.line, name: label.name.clone() }
                }
                None => {
                    let name = if snapshot.mode == Mode::Paths { NO_PATH } else { super::places::NO_STACK };
                    Place { name: name.to_owned(), ..Place::default() }
                }
            },
            (None, stack) => {
                let frames = stack.map(|(frames, _)| frames).unwrap_or_default();
                let known = frames.iter().filter_map(|id| snapshot.frames.get(id.0 as usize));
                let addresses: Vec<String> =
                    known.take(ADDRESSES).map(|frame| address(snapshot, frame)).collect();
                let name = if addresses.is_empty() { "[unknown]".to_owned() } else { addresses.join(" < ") };
                Place { name, ..Place::default() }
            }
        };
        places.entry(place).or_default().add(&counts);
    }
    places.into_iter().collect()
}

/// By type.
pub(super) fn by_type(snapshot: &Snapshot) -> Vec<(String, TraceCounts)> {
    grouped(snapshot, |trace| type_name(snapshot, trace).unwrap_or(UNKNOWN_TYPE).to_owned())
}

/// By call path.
pub(super) fn by_path(snapshot: &Snapshot) -> Vec<(String, TraceCounts)> {
    let groups = grouped(snapshot, |trace| trace.path);
    let mut paths: HashMap<String, TraceCounts> = HashMap::new();
    for (path, counts) in groups {
        let name = path.and_then(|path| path_name(snapshot, path)).unwrap_or_else(|| NO_PATH.to_owned());
        paths.entry(name).or_default().add(&counts);
    }
    paths.into_iter().collect()
}
