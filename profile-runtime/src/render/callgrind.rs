//! Callgrind's format, the one common format with the number of calls of every caller and callee.
//!
//! <https://valgrind.org/docs/manual/cl-format.html>

use std::collections::HashMap;
use std::io::{self, Write};

use super::edges::{Costs, Edges};
use super::names::{frame_names, printable};
use super::nanoseconds::Nanoseconds;
use super::notes;
use crate::profile::{FunctionId, Path, Profile};

/// Calls whatever was called from outside of everything recorded. Costs nothing itself. With a star more when a
/// function is called so.
const ROOT: &str = "[root]";
/// Of what has no source; callgrind's own word for it.
const NO_FILE: &str = "???";

/// How many columns there are at most.
const COLUMNS: usize = 7;
/// Event, and its name for people. The first is what readers sort by.
const EVENTS: [(&str, &str); COLUMNS] = [
    ("Wall_ns", "Wall time: busy and suspended (ns)"),
    ("Busy_ns", "Busy time (ns)"),
    ("Await_ns", "Suspended time (ns)"),
    ("Allocations", "Blocks allocated"),
    ("Alloc_bytes", "Bytes allocated"),
    ("Live_blocks", "Blocks not yet freed"),
    ("Live_bytes", "Bytes not yet freed"),
];
/// Of them, those that every profile has.
const TIMES: usize = 3;

impl Profile {
    /// Writes callgrind's format, version 1, for KCachegrind, QCachegrind, callgrind_annotate and gprof2dot.
    ///
    /// Events are `Wall_ns` (busy and suspended together), `Busy_ns` and `Await_ns`, in nanoseconds, and where
    /// anything was counted on the heap `Allocations`, `Alloc_bytes`, `Live_blocks` and `Live_bytes`. Every function
    /// has its own cost, and for each callee the number of calls and their inclusive cost as pstats has it: of
    /// calls within calls of the same pair, that of the outermost alone. Outermost calls come from a function
    /// `[root]`, which costs nothing. Costs stand at the line of the `fn`, for the lines of calls are not known.
    ///
    /// A function is named as in the folded format: readers go by names, and would take two of one name for one.
    /// An edge with a cost but without a call, which no program makes but files may hold, is written as one call,
    /// because readers would take its cost for the caller's own.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_callgrind<W: Write>(&self, mut writer: W) -> io::Result<()> {
        let with_heap = self.paths().iter().any(|path| path.counts.heap != Default::default());
        let columns = if with_heap { COLUMNS } else { TIMES };
        let nanoseconds = Nanoseconds::of(self);
        let own: Vec<Costs<COLUMNS>> = self.paths().iter().map(|path| costs(path, nanoseconds)).collect();
        let total = own.iter().fold([0; COLUMNS], |sum, costs| {
            std::array::from_fn(|column| u64::saturating_add(sum[column], costs[column]))
        });
        let edges = Edges::new(self, &own);
        drop(own);

        writeln!(
            writer,
            "# callgrind format\nversion: 1\ncreator: profile-cost {}",
            env!("CARGO_PKG_VERSION")
        )?;
        for note in notes::sentences(self) {
            writeln!(writer, "desc: Note: {note}")?;
        }
        writeln!(writer, "positions: line")?;
        for (event, name) in &EVENTS[..columns] {
            writeln!(writer, "event: {event} : {name}")?;
        }
        // callgrind_annotate takes this line for the last one of the header.
        let events: Vec<&str> = EVENTS[..columns].iter().map(|&(event, _)| event).collect();
        writeln!(writer, "events: {}", events.join(" "))?;
        Body { profile: self, places: Places::new(self), columns }.write(&edges, &mut writer)?;
        writeln!(writer, "\ntotals:{}", Joined(&total[..columns]))
    }
}

fn costs(path: &Path, nanoseconds: Nanoseconds) -> Costs<COLUMNS> {
    let counts = &path.counts;
    let busy = nanoseconds.from_ticks(counts.self_busy);
    let suspended = nanoseconds.from_ticks(counts.self_await);
    let heap = &counts.heap;
    [
        busy.saturating_add(suspended),
        busy,
        suspended,
        heap.allocations,
        heap.allocated_bytes,
        heap.live_blocks(),
        heap.live_bytes(),
    ]
}

/// Numbers, each after a space.
struct Joined<'a>(&'a [u64]);

impl std::fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|value| write!(f, " {value}"))
    }
}

/// `(id) name` where a name is first written, `(id)` from then on. Always with the id, also because a name that
/// looks like one, `(2)`, would be taken for it.
struct Places {
    /// Function 0 is [`ROOT`]; the others are the index and 1.
    names: Vec<Written>,
    files: Vec<Written>,
    file_of: Vec<usize>,
    lines: Vec<u32>,
}

struct Written {
    name: String,
    once: bool,
}

impl Places {
    fn new(profile: &Profile) -> Self {
        let new = |name: String| Written { name, once: false };
        let names = frame_names(profile);
        let mut root = ROOT.to_owned();
        while names.contains(&root) {
            root.push('*');
        }
        let mut places = Self {
            names: vec![new(root)],
            files: vec![new(NO_FILE.to_owned())],
            file_of: vec![0],
            lines: vec![0],
        };
        let mut index = HashMap::from([(NO_FILE.to_owned(), 0)]);
        for (name, function) in names.into_iter().zip(profile.functions()) {
            places.names.push(new(name));
            let file = printable(&function.label.file);
            let file = if file.trim().is_empty() { NO_FILE } else { file.trim() };
            let next = places.files.len();
            let file_index = *index.entry(file.to_owned()).or_insert(next);
            if file_index == next {
                places.files.push(new(file.to_owned()));
            }
            places.file_of.push(file_index);
            places.lines.push(function.label.line);
        }
        places
    }

    /// The lines that say of which function the next ones speak.
    fn write(
        &mut self,
        function: usize,
        (file_key, name_key): (&str, &str),
        writer: &mut dyn Write,
    ) -> io::Result<()> {
        let file = self.file_of[function];
        self.files[file].write(file, file_key, writer)?;
        self.names[function].write(function, name_key, writer)
    }
}

impl Written {
    fn write(&mut self, id: usize, key: &str, writer: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.once, true) {
            writeln!(writer, "{key}=({})", id + 1)
        } else {
            writeln!(writer, "{key}=({}) {}", id + 1, self.name)
        }
    }
}

/// A block a function: its own cost, then its callees.
struct Body<'a> {
    profile: &'a Profile,
    places: Places,
    columns: usize,
}

impl Body<'_> {
    fn write(&mut self, edges: &Edges<COLUMNS>, writer: &mut dyn Write) -> io::Result<()> {
        let mut callees: Vec<Vec<usize>> = vec![Vec::new(); self.profile.functions().len() + 1];
        for (i, edge) in edges.edges.iter().enumerate() {
            callees[number(edge.caller)].push(i);
        }
        let nothing = [0; COLUMNS];
        for (function, callees) in callees.iter().enumerate() {
            let own = function.checked_sub(1).map_or(&nothing, |index| &edges.own[index]);
            if callees.is_empty() && *own == nothing {
                // It still has its callers' lines.
                continue;
            }
            writeln!(writer)?;
            self.places.write(function, ("fl", "fn"), writer)?;
            let line = self.places.lines[function];
            writeln!(writer, "{line}{}", Joined(&own[..self.columns]))?;
            for &edge in callees {
                let edge = &edges.edges[edge];
                if edge.calls == 0 && edge.inclusive == nothing {
                    continue;
                }
                let callee = number(Some(edge.callee));
                self.places.write(callee, ("cfi", "cfn"), writer)?;
                writeln!(writer, "calls={} {}", edge.calls.max(1), self.places.lines[callee])?;
                writeln!(writer, "{line}{}", Joined(&edge.inclusive[..self.columns]))?;
            }
        }
        Ok(())
    }
}

/// The function's place in [`Places`].
fn number(function: Option<FunctionId>) -> usize {
    function.map_or(0, |id| id.0 as usize + 1)
}
