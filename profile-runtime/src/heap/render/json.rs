//! A snapshot as JSON for programs: numbers are numbers, with the unit in the key, and the version comes first.

use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use crate::heap::frame::{CallPath, Frame, Module, Source};
use crate::heap::snapshot::{Snapshot, Trace, TraceCounts};
use crate::render::json_text::{Number, Quoted};

/// First key of a file.
const VERSION_KEY: &str = "profile_cost_heap";
/// Of the keys: raised when one of them changes its meaning or goes.
const VERSION: u64 = 1;
/// How much is gathered before it is handed to the writer, bytes.
const CHUNK: usize = 64 * 1024;

impl Snapshot {
    /// Writes the snapshot as JSON: first `profile_cost_heap`, the version (1) of the keys; then mode, process, notes
    /// and totals; then modules, frames, call paths, types and traces, one record a line, which refer to each other by
    /// index.
    ///
    /// A trace's `frames` are innermost first, and so are a frame's `sources`. `rss_bytes` and the like are `null`
    /// where the system does not say. Safe inside `<script>`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json<W: Write>(&self, writer: W) -> io::Result<()> {
        let mut out = Text { text: String::with_capacity(2 * CHUNK), writer };
        out.header(self);
        out.list("modules", &self.modules, Text::module)?;
        out.list("frames", &self.frames, Text::frame)?;
        out.list("paths", &self.paths, Text::path)?;
        out.list("types", &self.types, |out, name| out.push(&Quoted(name).to_string()))?;
        out.list("traces", &self.traces, Text::trace)?;
        out.push("\n}\n");
        out.writer.write_all(out.text.as_bytes())?;
        out.writer.flush()
    }
}

/// What has been written, and not yet handed on.
struct Text<W> {
    text: String,
    writer: W,
}

impl<W: Write> Text<W> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// `"key":value`, after a comma where one is due.
    fn field(&mut self, key: &str, value: impl Display) {
        if !self.text.ends_with('{') {
            self.push(",");
        }
        // NOTE: a string takes whatever is written to it.
        let _ = write!(self.text, "\"{key}\":{value}");
    }

    fn optional(&mut self, key: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.field(key, value),
            None => self.field(key, "null"),
        }
    }

    /// One record a line.
    fn list<T>(&mut self, key: &str, items: &[T], mut each: impl FnMut(&mut Self, &T)) -> io::Result<()> {
        let _ = write!(self.text, ",\n\"{key}\":[");
        for (i, item) in items.iter().enumerate() {
            self.push(if i == 0 { "\n" } else { ",\n" });
            each(self, item);
            if self.text.len() >= CHUNK {
                self.writer.write_all(self.text.as_bytes())?;
                self.text.clear();
            }
        }
        self.push(if items.is_empty() { "]" } else { "\n]" });
        Ok(())
    }

    fn header(&mut self, snapshot: &Snapshot) {
        let Snapshot { mode, frame_limit, duration, taken, process, notes, named, .. } = snapshot;
        self.push("{");
        self.field(VERSION_KEY, VERSION);
        self.field("mode", Quoted(&mode.to_string()));
        self.field("frame_limit", frame_limit);
        // Up to 584 years.
        self.field("duration_ns", u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        self.field("taken_unix_ns", u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX));
        self.field("named", named);
        self.push(",\n\"process\":{");
        self.field("live_bytes", process.live_bytes);
        self.field("live_blocks", process.live_blocks);
        self.field("peak_bytes", process.peak_bytes);
        self.field("profiler_bytes", process.profiler_bytes);
        self.optional("rss_bytes", process.rss_bytes);
        self.optional("cgroup_limit_bytes", process.cgroup_limit);
        self.optional("cgroup_used_bytes", process.cgroup_used);
        self.push("},\n\"notes\":{");
        self.field("older_frees", notes.older_frees);
        self.field("unrecorded", notes.unrecorded);
        self.field("truncated", notes.truncated);
        self.field("cap_reached_bytes", notes.cap_reached);
        self.push("},\n\"totals\":{");
        self.counts(&snapshot.totals());
        self.push("}");
    }

    fn module(&mut self, module: &Module) {
        self.push("{");
        self.field("path", Quoted(&module.path));
        self.field("build_id", Quoted(&module.build_id));
        self.push("}");
    }

    fn frame(&mut self, frame: &Frame) {
        self.push("{");
        self.optional("module", frame.module);
        self.field("address", frame.address);
        self.push(",\"sources\":[");
        for (i, source) in frame.sources.iter().enumerate() {
            self.push(if i == 0 { "{" } else { ",{" });
            let Source { function, symbol, file, line } = source;
            self.field("function", Quoted(function));
            self.field("symbol", Quoted(symbol));
            self.field("file", Quoted(file));
            self.field("line", line);
            self.push("}");
        }
        self.push("]}");
    }

    fn path(&mut self, path: &CallPath) {
        self.push("{");
        self.optional("parent", path.parent);
        self.field("name", Quoted(&path.label.name));
        self.field("file", Quoted(&path.label.file));
        self.field("line", path.label.line);
        self.push("}");
    }

    fn trace(&mut self, trace: &Trace) {
        self.push("{\"frames\":[");
        for (i, frame) in trace.frames.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(self.text, "{comma}{}", frame.0);
        }
        self.push("]");
        self.optional("path", trace.path);
        self.optional("type", trace.type_id);
        self.field("size_low_bytes", trace.size_class.low());
        self.field("size_high_bytes", trace.size_class.high());
        self.field("first_size_bytes", trace.first_size);
        self.field("align_bytes", trace.align);
        self.counts(&trace.counts);
        self.push("}");
    }

    fn counts(&mut self, counts: &TraceCounts) {
        self.field("live_blocks", counts.live_blocks());
        self.field("live_bytes", counts.live_bytes());
        self.field("allocations", counts.allocations);
        self.field("allocated_bytes", counts.allocated_bytes);
        self.field("frees", counts.frees);
        self.field("freed_bytes", counts.freed_bytes);
        self.field("temporary_blocks", counts.temporary);
        self.field("copied_bytes", counts.copied_bytes);
        self.field("peak_blocks", counts.peak_blocks);
        self.field("peak_bytes", counts.peak_bytes);
        self.field("samples", counts.samples);
        self.field("live_variance_bytes2", Number(counts.variance));
    }
}
