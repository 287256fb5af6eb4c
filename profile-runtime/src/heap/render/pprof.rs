//! A snapshot in pprof's protocol buffer, gzipped, with the four sample types of Go's heap profile.
//!
//! <https://github.com/google/pprof/blob/main/proto/profile.proto>

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use flate2::{Compression, GzBuilder};

use super::notes;
use super::places::{path_name, short_file, stack_labels, type_name};
use crate::heap::frame::{Frame, FrameId, Source};
use crate::heap::mode::Mode;
use crate::heap::snapshot::{Snapshot, Trace, TraceCounts};
use crate::profile::Label;
use crate::render::names::{one_line, printable};
use crate::render::pprof::{HEAP, Strings, field, label, positive};
use crate::render::protobuf::{Message, write_bytes};

impl Snapshot {
    /// Writes pprof's format: a gzipped `perftools.profiles.Profile` with the sample types of Go's heap profile,
    /// `alloc_objects/count`, `alloc_space/bytes`, `inuse_objects/count` and `inuse_space/bytes` (the default).
    ///
    /// Figures of a sampled recording are scaled to the whole already; `period` is the sampling rate, 1 when every
    /// block was recorded. A sample has the label `bytes` (the upper end of its size class) and, where they are
    /// known, `type` and `path` (the `#[profile_cost]` call path). There is a mapping for each module, with its build
    /// id, and a location for each address, with what was inlined there. A snapshot without names has addresses
    /// alone, which `go tool pprof BINARY FILE` names. What was lost is in the comments (`pprof -comments`).
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_pprof<W: Write>(&self, writer: W) -> io::Result<()> {
        self.write_pprof_as(writer, PprofOptions::default())
    }

    /// [`Snapshot::write_pprof`], with a say in what it is.
    pub(crate) fn write_pprof_as<W: Write>(&self, writer: W, options: PprofOptions) -> io::Result<()> {
        // No name and no time in the header: the same snapshot gives the same bytes.
        let mut gzip = BufWriter::new(GzBuilder::new().write(writer, Compression::new(3)));
        Writer {
            snapshot: self,
            options,
            strings: Strings::new(),
            functions: HashMap::new(),
            synthetic: HashMap::new(),
        }
        .write(&mut gzip)?;
        gzip.into_inner()?.finish()?.flush()
    }
}

/// What a file in pprof's format is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PprofOptions {
    /// The sample type that readers show first.
    pub(crate) default_type: &'static str,
    /// What was counted in a while: more may have been freed than was allocated, and then `inuse` is negative.
    pub(crate) is_delta: bool,
}

impl Default for PprofOptions {
    /// `inuse_space`, of all that was counted.
    fn default() -> Self {
        Self { default_type: "inuse_space", is_delta: false }
    }
}

/// What is being written of one snapshot.
struct Writer<'a> {
    snapshot: &'a Snapshot,
    options: PprofOptions,
    strings: Strings,
    /// Ids of functions by name, system name and file.
    functions: HashMap<[u64; 3], u64>,
    /// Locations without an address: call paths, stacks that were not kept.
    synthetic: HashMap<Label, u64>,
}

impl Writer<'_> {
    fn write(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.head(out)?;
        self.mappings(out)?;
        for (id, frame) in (1..).zip(&self.snapshot.frames) {
            self.location(id, frame, out)?;
        }
        self.samples(out)?;
        // Readers take fields in any order; last, because all before has put its strings there.
        self.strings.table.iter().try_for_each(|text| write_bytes(field::STRING_TABLE, text.as_bytes(), out))
    }

    fn head(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut message = Message::default();
        for (kind, unit) in HEAP {
            message.clear().number(1, self.strings.id(kind)).number(2, self.strings.id(unit));
            message.write_to(field::SAMPLE_TYPE, out)?;
        }
        message.clear().number(1, self.strings.id("space")).number(2, self.strings.id("bytes"));
        message.write_to(field::PERIOD_TYPE, out)?;
        let period = match self.snapshot.mode {
            Mode::Sample { rate } => rate,
            _ => 1,
        };
        let nanos = |time: std::time::Duration| positive(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        message.clear().number(field::TIME_NANOS, nanos(self.snapshot.taken));
        message.number(field::DURATION_NANOS, nanos(self.snapshot.duration));
        message.number(field::PERIOD, positive(period));
        message.number(field::DEFAULT_SAMPLE_TYPE, self.strings.id(self.options.default_type));
        let mode = format!("recorded by profile-cost as {}", self.snapshot.mode);
        for note in [mode].into_iter().chain(notes::sentences(self.snapshot)) {
            message.number(field::COMMENT, self.strings.id(&note));
        }
        message.write_fields(out)
    }

    /// One for each module.
    fn mappings(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let named = u64::from(self.snapshot.named);
        for (id, module) in (1..).zip(&self.snapshot.modules) {
            let mut message = Message::default();
            // id, memory_limit, filename, build_id; memory_start and file_offset are 0. NOTE: this is how pprof is told
            // that addresses are those in the file (internal/elfexec, GetBase); with any other limit it would look
            // for the segment that was loaded there.
            message.number(1, id).number(3, u64::MAX);
            message.number(5, self.strings.id(&printable(&module.path)));
            message.number(6, self.strings.id(&printable(&module.build_id)));
            // has_functions, has_filenames, has_line_numbers, has_inline_frames: pprof need not look for symbols.
            message.number(7, named).number(8, named).number(9, named).number(10, named);
            message.write_to(field::MAPPING, out)?;
        }
        Ok(())
    }

    fn location(&mut self, id: u64, frame: &Frame, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Vec::with_capacity(frame.sources.len());
        for source in &frame.sources {
            let name = one_line(&printable(super::places::function(source)));
            let function = self.function(&name, &source_name(source), short_file(&source.file), out)?;
            lines.push(line(function, source.line));
        }
        let mapping = frame.module.filter(|&module| (module as usize) < self.snapshot.modules.len());
        let mut message = Message::default();
        message.number(1, id).number(2, mapping.map_or(0, |module| u64::from(module) + 1));
        message.number(3, frame.address);
        for line in &lines {
            message.message(4, line);
        }
        message.write_to(field::LOCATION, out)
    }

    /// The id of a function, which is written when it is first asked for.
    fn function(&mut self, name: &str, system: &str, file: &str, out: &mut dyn Write) -> io::Result<u64> {
        let file = printable(file);
        let key = [name, system, &file].map(|text| self.strings.id(text));
        let next = self.functions.len() as u64 + 1;
        let id = *self.functions.entry(key).or_insert(next);
        if id == next {
            let mut message = Message::default();
            message.number(1, id).number(2, key[0]).number(3, key[1]).number(4, key[2]);
            message.write_to(field::FUNCTION, out)?;
        }
        Ok(id)
    }

    /// The id of a location that has a name and no address, which is written when it is first asked for.
    fn named_location(&mut self, place: &Label, out: &mut dyn Write) -> io::Result<u64> {
        if let Some(&id) = self.synthetic.get(place) {
            return Ok(id);
        }
        let id = (self.snapshot.frames.len() + self.synthetic.len()) as u64 + 1;
        self.synthetic.insert(place.clone(), id);
        let name = one_line(&printable(&place.name));
        let system = format!("{}:{}({name})", printable(&place.file), place.line);
        let function = self.function(&name, &system, &place.file, out)?;
        let mut message = Message::default();
        message.number(1, id).message(4, &line(function, place.line));
        message.write_to(field::LOCATION, out)?;
        Ok(id)
    }

    fn samples(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let [bytes, kind, path] = ["bytes", "type", "path"].map(|key| self.strings.id(key));
        let mut message = Message::default();
        for trace in &self.snapshot.traces {
            let values =
                if self.options.is_delta { delta_values(&trace.counts) } else { values(&trace.counts) };
            if values == [0; 4] {
                continue;
            }
            let stack = self.stack(trace, out)?;
            message.clear().packed(1, stack.into_iter()).packed(2, values.into_iter());
            let mut size = Message::default();
            size.number(1, bytes).number(3, positive(trace.size_class.high()));
            message.message(3, &size);
            for (key, text) in [
                (kind, type_name(self.snapshot, trace).map(str::to_owned)),
                (path, trace.path.and_then(|path| path_name(self.snapshot, path))),
            ] {
                let text = text.map(|text| printable(&text)).filter(|text| !text.trim().is_empty());
                if let Some(text) = text {
                    message.message(3, &label(key, self.strings.id(&text)));
                }
            }
            message.write_to(field::SAMPLE, out)?;
        }
        Ok(())
    }

    /// Locations, innermost first.
    fn stack(&mut self, trace: &Trace, out: &mut dyn Write) -> io::Result<Vec<u64>> {
        if trace.frames.is_empty() {
            let labels = stack_labels(self.snapshot, trace);
            return labels.iter().map(|label| self.named_location(label, out)).collect();
        }
        let lost = Label::new("", 0, "[unknown]");
        (trace.frames.iter())
            .map(|&FrameId(frame)| match self.snapshot.frames.get(frame as usize) {
                Some(_) => Ok(u64::from(frame) + 1),
                None => self.named_location(&lost, out),
            })
            .collect()
    }
}

/// Blocks and bytes allocated, blocks and bytes live.
fn values(counts: &TraceCounts) -> [u64; 4] {
    let live = [counts.live_blocks(), counts.live_bytes()];
    [counts.allocations, counts.allocated_bytes, live[0], live[1]].map(positive)
}

/// Those of a while: the last two with a sign, as protocol buffers have it.
fn delta_values(counts: &TraceCounts) -> [u64; 4] {
    let [blocks, bytes] = [counts.allocations, counts.allocated_bytes].map(positive);
    let difference = |new: u64, old: u64| new.wrapping_sub(positive(old));
    [blocks, bytes, difference(blocks, counts.frees), difference(bytes, counts.freed_bytes)]
}

/// A line of a location.
fn line(function: u64, line: u32) -> Message {
    let mut message = Message::default();
    message.number(1, function).number(2, u64::from(line));
    message
}

/// NOTE: pprof takes templates and parentheses out of a name that equals its system name, as if it were C++
/// (internal/symbolizer, demangleSingleFunction): `Vec<u8>::sum` would become `Vec::sum`. So this one is another.
fn source_name(source: &Source) -> String {
    format!("{}({})", printable(short_file(&source.file)), printable(&source.function))
}
