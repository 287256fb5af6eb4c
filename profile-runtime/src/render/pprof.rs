//! pprof's protocol buffer, gzipped: what `go tool pprof`, Parca, Pyroscope and Speedscope read.
//!
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufWriter, Write};
use std::time::Duration;

use flate2::{Compression, GzBuilder};

use super::names::{line_names, printable};
use super::nanoseconds::Nanoseconds;
use super::notes;
use super::protobuf::{Message, write_bytes};
use super::split::parts;
use super::walk::depths;
use crate::profile::{Counts, PathId, Profile};

/// A sample holds its whole stack, so that the file grows with the square of the depth.
const MAX_DEPTH: u32 = 1000;
/// Frame for what lies below.
const DEEPER: &str = "[deeper]";

/// Fields of the message `Profile`.
pub(crate) mod field {
    pub(crate) const SAMPLE_TYPE: u64 = 1;
    pub(crate) const SAMPLE: u64 = 2;
    pub(crate) const MAPPING: u64 = 3;
    pub(crate) const LOCATION: u64 = 4;
    pub(crate) const FUNCTION: u64 = 5;
    pub(crate) const STRING_TABLE: u64 = 6;
    pub(crate) const TIME_NANOS: u64 = 9;
    pub(crate) const DURATION_NANOS: u64 = 10;
    pub(crate) const PERIOD_TYPE: u64 = 11;
    pub(crate) const PERIOD: u64 = 12;
    pub(crate) const COMMENT: u64 = 13;
    pub(crate) const DEFAULT_SAMPLE_TYPE: u64 = 14;
}

/// Type and unit of a sample's values, in their order.
const TIMES: [(&str, &str); 4] =
    [("calls", "count"), ("wall", "nanoseconds"), ("busy", "nanoseconds"), ("await", "nanoseconds")];
/// Those of Go's heap profile.
pub(crate) const HEAP: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

impl Profile {
    /// Writes pprof's format: a gzipped `perftools.profiles.Profile`.
    ///
    /// Values of a sample are `calls/count`, `wall/nanoseconds` (the default; busy and suspended together),
    /// `busy/nanoseconds` and `await/nanoseconds`, and where anything was counted on the heap Go's four:
    /// `alloc_objects`, `alloc_space`, `inuse_objects`, `inuse_space`. All are exclusive; `inuse` may be negative
    /// for a thread that freed what others allocated. Above 2^63 - 1 they stay there.
    ///
    /// There is a sample a path and thread, labelled `thread` when the profile was split by thread; suspended time
    /// is in samples of its own labelled `async=await`. A function is named `name`, or `name (file:line)` where
    /// several share a name, so that pprof,
    /// which goes by names, keeps apart those that share one; the system name is `file:line(name)`. The line of a
    /// location is that of the `fn`. Paths deeper than 1,000 calls end in the frame `[deeper]`. What was lost is
    /// in the comments (`pprof -comments`).
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_pprof<W: Write>(&self, writer: W) -> io::Result<()> {
        self.write_pprof_as(writer, PprofOptions::default())
    }

    /// [`Profile::write_pprof`], with a say in what is in it.
    pub(crate) fn write_pprof_as<W: Write>(&self, writer: W, options: PprofOptions) -> io::Result<()> {
        // PERF: of 100,000 paths, 155 ms where the default level 6 takes 250 to 330 ms, for a file 1 % larger.
        // No name and no time in the header: the same profile gives the same bytes.
        let mut gzip = BufWriter::new(GzBuilder::new().write(writer, Compression::new(3)));
        Writer::new(self, options).write(&mut gzip)?;
        gzip.into_inner()?.finish()?.flush()
    }
}

/// What of a profile a file in pprof's format holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "http"), allow(dead_code, reason = "parts are what is served"))]
pub(crate) enum Content {
    /// Calls, wall, busy, await, and the heap's four.
    All,
    /// Calls, wall, busy and await: all times.
    Times,
    /// Calls and busy time: nothing of what was suspended.
    Busy,
}

/// See [`Content`]; and when the profile was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PprofOptions {
    pub(crate) content: Content,
    /// Since the Unix epoch; zero is not written, so that the same profile gives the same bytes.
    pub(crate) taken: Duration,
}

impl Default for PprofOptions {
    fn default() -> Self {
        Self { content: Content::All, taken: Duration::ZERO }
    }
}

/// Strings by their index in `string_table`.
#[derive(Debug)]
pub(crate) struct Strings {
    pub(crate) table: Vec<String>,
    index: HashMap<String, u64>,
}

impl Strings {
    pub(crate) fn new() -> Self {
        // The format wants it so: index 0 is nothing.
        Self { table: vec![String::new()], index: HashMap::from([(String::new(), 0)]) }
    }

    pub(crate) fn id(&mut self, text: &str) -> u64 {
        if let Some(&id) = self.index.get(text) {
            return id;
        }
        let id = self.table.len() as u64;
        self.table.push(text.to_owned());
        self.index.insert(text.to_owned(), id);
        id
    }
}

/// What is being written of one profile.
struct Writer<'a> {
    profile: &'a Profile,
    strings: Strings,
    nanoseconds: Nanoseconds,
    options: PprofOptions,
    with_heap: bool,
}

impl<'a> Writer<'a> {
    fn new(profile: &'a Profile, options: PprofOptions) -> Self {
        let with_heap = options.content == Content::All
            && profile.paths().iter().any(|path| path.counts.heap != Default::default());
        Self { profile, strings: Strings::new(), nanoseconds: Nanoseconds::of(profile), options, with_heap }
    }

    /// The columns of [`TIMES`] that are written, and which of them is shown first.
    fn times(&self) -> (&'static [usize], &'static str) {
        match self.options.content {
            Content::All | Content::Times => (&[0, 1, 2, 3], "wall"),
            Content::Busy => (&[0, 2], "busy"),
        }
    }

    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.head(out)?;
        self.functions(out)?;
        self.samples(out)?;
        // Readers take fields in any order; last, because all before has put its strings there.
        self.strings.table.iter().try_for_each(|text| write_bytes(field::STRING_TABLE, text.as_bytes(), out))
    }

    fn head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut message = Message::default();
        let heap = if self.with_heap { &HEAP[..] } else { &[] };
        let (times, default) = self.times();
        for &(kind, unit) in times.iter().map(|&column| &TIMES[column]).chain(heap) {
            self.value_type(kind, unit, &mut message);
            message.write_to(field::SAMPLE_TYPE, out)?;
        }
        // One mapping for everything, which says that names, files and lines are known: pprof need not look for
        // the program's symbols. id, has_functions, has_filenames, has_line_numbers.
        message.clear().number(1, 1).number(7, 1).number(8, 1).number(9, 1);
        message.write_to(field::MAPPING, out)?;
        self.value_type(default, "nanoseconds", &mut message);
        message.write_to(field::PERIOD_TYPE, out)?;
        let nanos = |time: Duration| positive(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        message.clear().number(field::TIME_NANOS, nanos(self.options.taken));
        message.number(field::DURATION_NANOS, nanos(self.profile.duration)).number(field::PERIOD, 1);
        message.number(field::DEFAULT_SAMPLE_TYPE, self.strings.id(default));
        for note in notes::sentences(self.profile) {
            message.number(field::COMMENT, self.strings.id(&note));
        }
        message.write_fields(out)
    }

    fn value_type(&mut self, kind: &str, unit: &str, message: &mut Message) {
        message.clear().number(1, self.strings.id(kind)).number(2, self.strings.id(unit));
    }

    /// A function and a location each, with the same id: the function's index and 1.
    fn functions(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let names = line_names(self.profile);
        for (id, (name, function)) in (1..).zip(names.iter().zip(self.profile.functions())) {
            let label = &function.label;
            let file = printable(&label.file);
            // NOTE: pprof takes templates and parentheses out of a name that equals its system name, as if it were
            // C++ (internal/symbolizer, demangleSingleFunction): `Vec<u8>::sum` would become `Vec::sum`.
            let system = format!("{file}:{}({})", label.line, printable(&label.name));
            self.function(id, name, &system, &file, label.line, out)?;
        }
        if depths(self.profile).iter().any(|&depth| depth > MAX_DEPTH) {
            self.function(self.deeper(), DEEPER, "~:0([deeper])", "~", 0, out)?;
        }
        Ok(())
    }

    fn deeper(&self) -> u64 {
        self.profile.functions().len() as u64 + 1
    }

    fn function(
        &mut self,
        id: u64,
        name: &str,
        system_name: &str,
        file: &str,
        line: u32,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let line = u64::from(line);
        let (name, system_name) = (self.strings.id(name), self.strings.id(system_name));
        let file = self.strings.id(file);
        let mut message = Message::default();
        message.number(1, id).number(2, name).number(3, system_name).number(4, file).number(5, line);
        message.write_to(field::FUNCTION, out)?;
        let mut place = Message::default();
        place.number(1, id).number(2, line);
        // id, mapping_id, line
        message.clear().number(1, id).number(2, 1).message(4, &place);
        message.write_to(field::LOCATION, out)
    }

    fn samples(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let anchors = anchors(self.profile);
        let thread = self.strings.id("thread");
        let suspended = label(self.strings.id("async"), self.strings.id("await"));
        let mut samples = Samples { writer: out, stack: Vec::new(), message: Message::default() };
        for part in parts(self.profile) {
            let of_thread = part.thread.map(|name| {
                let name = printable(name);
                // An empty string is no label.
                let name = if name.trim().is_empty() { "(unnamed)" } else { &name };
                label(thread, self.strings.id(name))
            });
            let mut deep: BTreeMap<PathId, Counts> = BTreeMap::new();
            let mut write = |path, counts: &Counts, is_deep: bool| {
                samples.stack.clear();
                samples.stack.extend(is_deep.then(|| self.deeper()));
                let callers = std::iter::successors(Some(path), |&path| self.profile.path(path).parent);
                let locations = callers.map(|path| u64::from(self.profile.path(path).function.0) + 1);
                samples.stack.extend(locations);
                samples.write(self.values(counts), of_thread.as_ref())?;
                samples.write(self.suspended(counts), Some(&suspended))
            };
            for (path, counts) in &part.counts {
                match anchors[path.0 as usize] {
                    Some(anchor) => deep.entry(anchor).or_default().add(counts),
                    None => write(*path, counts, false)?,
                }
            }
            for (anchor, counts) in deep {
                write(anchor, &counts, true)?;
            }
        }
        Ok(())
    }

    /// What was counted while running.
    fn values(&self, counts: &Counts) -> Vec<u64> {
        let busy = positive(self.nanoseconds.of_ticks(counts.self_busy));
        let mut values = self.columns([positive(counts.starts), busy, busy, 0]);
        if self.with_heap {
            let heap = &counts.heap;
            values.extend([
                positive(heap.allocations),
                positive(heap.allocated_bytes),
                // As `i64` in two's complement. Not clamped at 0: parts by thread have to add up.
                positive(heap.allocations).wrapping_sub(positive(heap.frees)),
                positive(heap.allocated_bytes).wrapping_sub(positive(heap.freed_bytes)),
            ]);
        }
        values
    }

    fn suspended(&self, counts: &Counts) -> Vec<u64> {
        let suspended = positive(self.nanoseconds.of_ticks(counts.self_await));
        let mut values = self.columns([0, suspended, 0, suspended]);
        values.resize(values.len() + if self.with_heap { HEAP.len() } else { 0 }, 0);
        values
    }

    fn columns(&self, times: [u64; TIMES.len()]) -> Vec<u64> {
        self.times().0.iter().map(|&column| times[column]).collect()
    }
}

/// Samples on their way out.
struct Samples<'a> {
    writer: &'a mut dyn Write,
    /// Locations, innermost first.
    stack: Vec<u64>,
    message: Message,
}

impl Samples<'_> {
    /// Writes a sample with that stack; nothing when there is nothing in it.
    fn write(&mut self, values: Vec<u64>, label: Option<&Message>) -> io::Result<()> {
        if values.iter().all(|&value| value == 0) {
            return Ok(());
        }
        self.message.clear().packed(1, self.stack.iter().copied()).packed(2, values.into_iter());
        if let Some(label) = label {
            self.message.message(3, label);
        }
        self.message.write_to(field::SAMPLE, self.writer)
    }
}

/// For each path too deep to be written, its deepest caller that is.
fn anchors(profile: &Profile) -> Vec<Option<PathId>> {
    let depths = depths(profile);
    let mut anchors: Vec<Option<PathId>> = Vec::with_capacity(depths.len());
    for (path, depth) in profile.paths().iter().zip(depths) {
        let parent = path.parent.filter(|_| depth > MAX_DEPTH);
        anchors.push(parent.map(|parent| anchors[parent.0 as usize].unwrap_or(parent)));
    }
    anchors
}

pub(crate) fn label(key: u64, text: u64) -> Message {
    let mut message = Message::default();
    message.number(1, key).number(2, text);
    message
}

/// pprof's numbers are `int64`.
pub(crate) fn positive(value: u64) -> u64 {
    value.min(i64::MAX as u64)
}
