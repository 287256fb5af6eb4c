//! A snapshot as a file of lines, which loses nothing: one record a line, fields apart by tabs, names escaped.
//!
//! ```text
//! profile-cost heap 1
//! mode           exact:25
//! frame_limit    25
//! duration       seconds.nanoseconds
//! taken          seconds.nanoseconds
//! process        live bytes, live blocks, peak bytes, profiler bytes, RSS, cgroup limit, cgroup used
//! notes          older frees, unrecorded, truncated, cap reached
//! named          yes | no
//! module         build id, path
//! type           name
//! path           parent, line, name, file
//! frame          module, address in hexadecimal
//! source         line, function, symbol, file: of the frame above, innermost first
//! trace          frames apart by spaces, path, size class, first size, align, type, the ten counts
//! end            number of this line
//! ```
//!
//! `-` stands for none. Indices count the records of a kind from 0; each refers to a record above it.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::mode::Mode;
use super::snapshot::{Snapshot, Trace};
use crate::format::write_file;
use crate::units::is_unseen;

/// What every file begins with; the version follows.
pub(super) const MAGIC: &str = "profile-cost heap ";
/// The version of the form that is written, and the only one that is read.
pub(super) const VERSION: &str = "1";

impl Snapshot {
    /// Writes the snapshot to a file, whole or not at all: tracemalloc's `Snapshot.dump`. [`Snapshot::load`] reads it.
    ///
    /// # Errors
    /// Those of the file system, and of [`Snapshot::write_dump`].
    pub fn dump(&self, path: impl AsRef<Path>) -> io::Result<()> {
        write_file(path.as_ref(), |writer| self.write_dump(writer))
    }

    /// Writes what [`Snapshot::dump`] writes.
    ///
    /// # Errors
    /// Those of the writer; [`io::ErrorKind::InvalidInput`] when the snapshot refers to something that is not in it, or
    /// holds a number that no recording has.
    pub fn write_dump(&self, writer: &mut dyn Write) -> io::Result<()> {
        self.check().map_err(|problem| io::Error::new(io::ErrorKind::InvalidInput, problem))?;
        let mut out = Lines { writer, written: 0, line: String::new() };
        out.line(|line| write!(line, "{MAGIC}{VERSION}"))?;
        out.line(|line| write!(line, "mode\t{}", self.mode))?;
        out.line(|line| write!(line, "frame_limit\t{}", self.frame_limit))?;
        out.line(|line| write!(line, "duration\t{}", Seconds(self.duration)))?;
        out.line(|line| write!(line, "taken\t{}", Seconds(self.taken)))?;
        let process = &self.process;
        out.line(|line| {
            write!(line, "process\t{}\t{}", process.live_bytes, process.live_blocks)?;
            write!(line, "\t{}\t{}", process.peak_bytes, process.profiler_bytes)?;
            write!(line, "\t{}", Or(process.rss_bytes))?;
            write!(line, "\t{}\t{}", Or(process.cgroup_limit), Or(process.cgroup_used))
        })?;
        let notes = &self.notes;
        out.line(|line| {
            write!(line, "notes\t{}\t{}", notes.older_frees, notes.unrecorded)?;
            write!(line, "\t{}\t{}", notes.truncated, notes.cap_reached)
        })?;
        out.line(|line| write!(line, "named\t{}", if self.named { "yes" } else { "no" }))?;
        for module in &self.modules {
            out.line(|line| write!(line, "module\t{}\t{}", Name(&module.build_id), Name(&module.path)))?;
        }
        for name in &self.types {
            out.line(|line| write!(line, "type\t{}", Name(name)))?;
        }
        for path in &self.paths {
            let label = &path.label;
            out.line(|line| {
                write!(line, "path\t{}\t{}", Or(path.parent), label.line)?;
                write!(line, "\t{}\t{}", Name(&label.name), Name(&label.file))
            })?;
        }
        for frame in &self.frames {
            out.line(|line| write!(line, "frame\t{}\t{:x}", Or(frame.module), frame.address))?;
            for source in &frame.sources {
                out.line(|line| {
                    write!(line, "source\t{}\t{}", source.line, Name(&source.function))?;
                    write!(line, "\t{}\t{}", Name(&source.symbol), Name(&source.file))
                })?;
            }
        }
        for trace in &self.traces {
            out.line(|line| write_trace(line, trace))?;
        }
        let end = out.written + 1;
        out.line(|line| write!(line, "end\t{end}"))
    }

    /// That a reader would take it.
    fn check(&self) -> Result<(), String> {
        let within = |what: &str, index: Option<u32>, len: usize| match index {
            Some(index) if index as usize >= len => {
                Err(format!("{what} {index} of {len}: not in the snapshot"))
            }
            _ => Ok(()),
        };
        if self.mode.to_string().parse() != Ok(self.mode) {
            return Err(format!(
                "mode {}: no recording has it; {}",
                self.mode,
                "x".parse::<Mode>().unwrap_err()
            ));
        }
        for frame in &self.frames {
            within("module", frame.module, self.modules.len())?;
        }
        for (at, path) in self.paths.iter().enumerate() {
            within("caller's path", path.parent, at)?;
        }
        for trace in &self.traces {
            for frame in &trace.frames {
                within("frame", Some(frame.0), self.frames.len())?;
            }
            within("path", trace.path, self.paths.len())?;
            within("type", trace.type_id, self.types.len())?;
            within("size class", Some(trace.size_class.0.into()), 65)?;
            if !(trace.counts.variance >= 0.0 && trace.counts.variance.is_finite()) {
                return Err(format!("variance {}: use a finite number from 0", trace.counts.variance));
            }
        }
        Ok(())
    }
}

fn write_trace(line: &mut String, trace: &Trace) -> fmt::Result {
    line.push_str("trace\t");
    for (at, frame) in trace.frames.iter().enumerate() {
        write!(line, "{}{}", if at == 0 { "" } else { " " }, frame.0)?;
    }
    write!(line, "\t{}\t{}\t{}", Or(trace.path), trace.size_class.0, trace.first_size)?;
    write!(line, "\t{}\t{}", trace.align, Or(trace.type_id))?;
    let counts = &trace.counts;
    for count in [
        counts.allocations,
        counts.allocated_bytes,
        counts.frees,
        counts.freed_bytes,
        counts.temporary,
        counts.copied_bytes,
        counts.peak_blocks,
        counts.peak_bytes,
        counts.samples,
    ] {
        write!(line, "\t{count}")?;
    }
    // A zero has a sign, too.
    write!(line, "\t{}", counts.variance.abs())
}

/// The lines written so far, and room for the next.
struct Lines<'a> {
    writer: &'a mut dyn Write,
    written: u64,
    line: String,
}

impl Lines<'_> {
    fn line(&mut self, fill: impl FnOnce(&mut String) -> fmt::Result) -> io::Result<()> {
        self.line.clear();
        fill(&mut self.line).map_err(io::Error::other)?;
        self.line.push('\n');
        self.written += 1;
        self.writer.write_all(self.line.as_bytes())
    }
}

/// Nanoseconds in full.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
    }
}

/// A number, or `-`.
struct Or<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for Or<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(number) => number.fmt(f),
            None => f.write_str("-"),
        }
    }
}

/// A name on one line, without tabs, and without what a terminal would obey or a reader overlook.
struct Name<'a>(&'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(|c: char| c == '\\' || c.is_control() || is_unseen(c)) {
            let (plain, special) = rest.split_at(at);
            f.write_str(plain)?;
            let Some(c) = special.chars().next() else { break };
            match c {
                '\\' => f.write_str("\\\\")?,
                '\t' => f.write_str("\\t")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                c => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            }
            rest = &special[c.len_utf8()..];
        }
        f.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::{CallPath, Frame, FrameId, Module, Source};
    use super::super::size_class::SizeClass;
    use super::super::snapshot::TraceCounts;
    use super::*;
    use crate::profile::Label;

    fn small() -> Snapshot {
        let source = |function: &str, line| Source {
            function: function.into(),
            symbol: String::new(),
            file: "src/a\tb.rs".into(),
            line,
        };
        Snapshot {
            mode: Mode::Sample { rate: 4096 },
            frame_limit: 25,
            duration: Duration::new(3, 5),
            modules: vec![Module { path: "/bin/ser\\vice".into(), build_id: "00ff".into() }],
            frames: vec![
                Frame { module: Some(0), address: 0x12ab, sources: vec![source("f\n", 3), source("g", 0)] },
                Frame { module: None, address: u64::MAX, sources: vec![] },
            ],
            paths: vec![
                CallPath { parent: None, label: Label::new("a.rs", 1, "load") },
                CallPath { parent: Some(0), label: Label::new("", 0, "\u{202e}") },
            ],
            types: vec!["Vec<u8>".into()],
            traces: vec![Trace {
                frames: vec![FrameId(1), FrameId(0)],
                path: Some(1),
                size_class: SizeClass(6),
                first_size: 40,
                align: 8,
                type_id: Some(0),
                counts: TraceCounts { allocations: 1, variance: 0.1 + 0.2, ..TraceCounts::default() },
            }],
            ..Snapshot::new()
        }
    }

    #[test]
    fn a_file_reads_as_described() {
        let mut out = Vec::new();
        small().write_dump(&mut out).expect("memory takes all");
        let lines = [
            "profile-cost heap 1",
            "mode\tsample:4KiB",
            "frame_limit\t25",
            "duration\t3.000000005",
            "taken\t0.000000000",
            "process\t0\t0\t0\t0\t-\t-\t-",
            "notes\t0\t0\t0\t0",
            "named\tno",
            "module\t00ff\t/bin/ser\\\\vice",
            "type\tVec<u8>",
            "path\t-\t1\tload\ta.rs",
            "path\t0\t0\t\\u{202e}\t",
            "frame\t0\t12ab",
            "source\t3\tf\\n\t\tsrc/a\\tb.rs",
            "source\t0\tg\t\tsrc/a\\tb.rs",
            "frame\t-\tffffffffffffffff",
            "trace\t1 0\t1\t6\t40\t8\t0\t1\t0\t0\t0\t0\t0\t0\t0\t0\t0.30000000000000004",
            "end\t18",
            "",
        ];
        assert_eq!(String::from_utf8(out).expect("text"), lines.join("\n"));
    }

    #[test]
    fn what_no_reader_would_take_is_not_written() {
        type Spoil = fn(&mut Snapshot);
        let spoils: [(Spoil, &str); 8] = [
            (|s| s.mode = Mode::Sample { rate: 0 }, "mode"),
            (|s| s.frames[0].module = Some(1), "module 1 of 1"),
            (|s| s.paths[1].parent = Some(1), "path 1 of 1"),
            (|s| s.traces[0].frames[0] = FrameId(2), "frame 2 of 2"),
            (|s| s.traces[0].path = Some(9), "path 9 of 2"),
            (|s| s.traces[0].type_id = Some(1), "type 1 of 1"),
            (|s| s.traces[0].size_class = SizeClass(65), "size class 65"),
            (|s| s.traces[0].counts.variance = f64::NAN, "variance NaN"),
        ];
        for (spoil, problem) in spoils {
            let mut snapshot = small();
            spoil(&mut snapshot);
            let error = snapshot.write_dump(&mut Vec::new()).expect_err(problem);
            assert!(error.to_string().contains(problem), "{error}");
        }
    }
}
