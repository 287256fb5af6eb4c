//! The stacks of a snapshot as a tree of calls with one value each: what folded lines and flamegraphs are drawn from.

use std::collections::HashMap;

use super::places::{Part, labels, part, stack_labels, type_name};
use crate::heap::frame::FrameId;
use crate::heap::snapshot::{Snapshot, TraceCounts};
use crate::heap::statistics::Measure;
use crate::profile::{Counts, FunctionId, Label, PathId, Profile};

/// Name of the type where it cannot be told.
const UNKNOWN_TYPE: &str = "[type unknown]";

/// What a flamegraph or folded lines of a snapshot show. Fill in with `..Default::default()`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackOptions {
    /// What values stand for: bytes that are live, were allocated, were live at the peak or were copied by `realloc`;
    /// blocks that were temporary (their bytes are not recorded).
    pub measure: Measure,
    /// The type that owns the blocks as the innermost frame, `[Vec<app::Order>]`.
    pub with_types: bool,
}

/// The unit of a measure's values.
#[cfg(feature = "flamegraph")]
pub(crate) fn unit(measure: Measure) -> &'static str {
    if measure == Measure::Temporary { "blocks" } else { "bytes" }
}

/// What a measure counts, in words.
#[cfg(feature = "flamegraph")]
pub(crate) fn measure_name(measure: Measure) -> &'static str {
    match measure {
        Measure::Live => "live bytes",
        Measure::Allocated => "allocated bytes",
        Measure::Peak => "bytes live at the peak",
        Measure::Temporary => "temporary blocks",
        Measure::Copied => "bytes copied by realloc",
    }
}

/// The value of a trace, bytes, or blocks of what was temporary.
pub(crate) fn value(measure: Measure, counts: &TraceCounts) -> u64 {
    match measure {
        Measure::Live => counts.live_bytes(),
        Measure::Allocated => counts.allocated_bytes,
        Measure::Peak => counts.peak_bytes,
        Measure::Temporary => counts.temporary,
        Measure::Copied => counts.copied_bytes,
    }
}

/// A tree of calls, and the exclusive value of each of its paths.
pub(crate) struct Graph {
    /// Only its functions and paths are filled in.
    pub(crate) calls: Profile,
    pub(crate) values: Vec<u64>,
}

impl Graph {
    pub(crate) fn new(snapshot: &Snapshot, options: StackOptions) -> Self {
        let mut graph = Self { calls: Profile::new(), values: Vec::new() };
        // PERF: a frame is on many stacks; its labels are made and looked up once.
        let mut functions: HashMap<FrameId, Vec<(FunctionId, Part)>> = HashMap::new();
        let mut stack: Vec<(FunctionId, Part)> = Vec::new();
        for trace in &snapshot.traces {
            let value = value(options.measure, &trace.counts);
            if value == 0 {
                continue;
            }
            let mut at = None;
            if trace.frames.is_empty() {
                for label in stack_labels(snapshot, trace).into_iter().rev() {
                    let function = graph.calls.add_function(label);
                    at = graph.step(at, function);
                }
            }
            stack.clear();
            for &frame in &trace.frames {
                let functions = functions.entry(frame).or_insert_with(|| {
                    let parts = parts(snapshot, frame);
                    let labels = labels(snapshot, frame).into_iter();
                    labels.zip(parts).map(|(label, part)| (graph.calls.add_function(label), part)).collect()
                });
                stack.extend_from_slice(functions);
            }
            let end = stack.iter().position(|(_, part)| *part == Part::End).unwrap_or(stack.len());
            stack.truncate(end);
            if stack.iter().any(|(_, part)| *part == Part::Own) {
                stack.retain(|(_, part)| *part == Part::Own);
            }
            for &(function, _) in stack.iter().rev() {
                at = graph.step(at, function);
            }
            if options.with_types {
                let name =
                    type_name(snapshot, trace).map_or(UNKNOWN_TYPE.to_owned(), |name| format!("[{name}]"));
                let function = graph.calls.add_function(Label::new("", 0, name));
                at = graph.step(at, function);
            }
            graph.values.resize(graph.calls.paths().len(), 0);
            if let Some(slot) = at.and_then(|PathId(at)| graph.values.get_mut(at as usize)) {
                *slot = slot.saturating_add(value);
            }
        }
        graph
    }

    fn step(&mut self, at: Option<PathId>, function: FunctionId) -> Option<PathId> {
        Some(self.calls.add_path(at, function, &Counts::default()))
    }
}

/// What each of the frame's labels is to people; one that has no name may be anything.
fn parts(snapshot: &Snapshot, id: FrameId) -> Vec<Part> {
    match snapshot.frames.get(id.0 as usize) {
        Some(frame) if !frame.sources.is_empty() => frame.sources.iter().map(part).collect(),
        _ => vec![Part::Own],
    }
}
