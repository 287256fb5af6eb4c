//! The native form: JSON that loses nothing. `docs/json.md` explains it to those who read it in other languages.

use std::fmt::{Display, Write as _};
use std::io::{self, Write};

use super::json_text::{Number, Quoted};
use crate::elapsed::Elapsed;
use crate::native::{COLUMNS, PROCESS_HEAP, Unit, VERSION, VERSION_KEY};
use crate::profile::{Counts, Function, HeapCounts, Notes, Path, PathId, Profile, ThreadCounts};

/// How much is gathered before it is handed to the writer, bytes.
const CHUNK: usize = 64 * 1024;

impl Profile {
    /// Writes the native JSON form, which loses nothing: `Profile::read_json` (feature `read`) reads it back.
    ///
    /// One record a line; functions and paths are referred to by their index. Numbers have their unit in the
    /// key, and most are left out where they are 0. `docs/json.md` in the repository explains the keys. Safe
    /// inside `<script>`.
    ///
    /// # Errors
    /// Those of the writer; [`io::ErrorKind::InvalidInput`] when [`Profile::seconds_per_tick`] is not a number
    /// above zero.
    pub fn write_json<W: Write>(&self, writer: W) -> io::Result<()> {
        if !(self.seconds_per_tick.is_finite() && self.seconds_per_tick > 0.0) {
            let message =
                format!("seconds_per_tick is {}; set it to what a tick takes", self.seconds_per_tick);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let unit = Unit::of(self.seconds_per_tick);
        let mut out = Text { text: String::with_capacity(2 * CHUNK), unit, writer };
        out.header(self);
        out.list(",\n\"functions\":[", self.functions(), Text::function, "]")?;
        out.list(",\n\"paths\":[", self.paths(), Text::path, "]")?;
        if !self.by_thread().is_empty() {
            out.list(",\n\"by_thread\":[", self.by_thread(), Text::thread, "]")?;
        }
        out.push("\n}\n");
        out.writer.write_all(out.text.as_bytes())
    }
}

/// What has been written, and not yet handed on.
struct Text<W> {
    text: String,
    unit: Unit,
    writer: W,
}

impl<W: Write> Text<W> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// `"key":value`, after a comma where one is due.
    fn field(&mut self, key: &str, unit: &str, value: impl Display) {
        if !self.text.ends_with('{') {
            self.push(",");
        }
        // NOTE: a string takes whatever is written to it.
        let _ = write!(self.text, "\"{key}{unit}\":{value}");
    }

    /// One record a line.
    fn list<T>(
        &mut self,
        begin: &str,
        items: &[T],
        mut each: impl FnMut(&mut Self, &T) -> io::Result<()>,
        end: &str,
    ) -> io::Result<()> {
        self.push(begin);
        for (i, item) in items.iter().enumerate() {
            self.push(if i == 0 { "\n" } else { ",\n" });
            each(self, item)?;
            if self.text.len() >= CHUNK {
                self.writer.write_all(self.text.as_bytes())?;
                self.text.clear();
            }
        }
        self.push(if items.is_empty() { "" } else { "\n" });
        self.push(end);
        Ok(())
    }

    fn header(&mut self, profile: &Profile) {
        let Profile { seconds_per_tick, duration, threads, .. } = *profile;
        self.push("{");
        self.field(VERSION_KEY, "", VERSION);
        if self.unit == Unit::Ticks {
            self.field("seconds_per_tick", "", Number(seconds_per_tick));
        }
        // Up to 584 years.
        self.field("duration", "_ns", u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        self.field("threads", "", threads);
        self.push(",\n\"notes\":{");
        let unit = self.unit.suffix();
        let Notes {
            truncated_calls, late_events, clock_backsteps, unisolated_reports, untimed_after, ..
        } = profile.notes;
        let losses = [
            ("truncated_calls", truncated_calls),
            ("late_events", late_events),
            ("clock_backsteps", clock_backsteps),
            ("unisolated_reports", unisolated_reports),
            ("untimed_after", untimed_after),
        ];
        for (key, count) in losses.into_iter().filter(|(_, count)| *count > 0) {
            self.field(key, "", count);
        }
        let HeapCounts { allocations, allocated_bytes, frees, freed_bytes, samples } = profile.notes.heap;
        let heap = [allocations, allocated_bytes, frees, freed_bytes, samples];
        for (key, count) in PROCESS_HEAP.into_iter().zip(heap).filter(|(_, count)| *count > 0) {
            self.field(key, "", count);
        }
        let Notes { ticks_per_call, ticks_inside_call, ticks_per_untimed_call, ticks_per_poll, .. } =
            profile.notes;
        let costs = [
            ("cost_per_call", ticks_per_call),
            ("cost_inside_call", ticks_inside_call),
            ("cost_per_untimed_call", ticks_per_untimed_call),
            ("cost_per_poll", ticks_per_poll),
        ];
        for (key, cost) in costs.into_iter().filter(|(_, cost)| *cost != 0.0 && cost.is_finite()) {
            self.field(key, unit, Number(cost));
        }
        self.push("}");
    }

    fn function(&mut self, Function { label, elapsed }: &Function) -> io::Result<()> {
        self.push("{");
        self.field("name", "", Quoted(&label.name));
        self.field("file", "", Quoted(&label.file));
        self.field("line", "", label.line);
        if let Some(elapsed) = elapsed {
            self.elapsed(elapsed);
        }
        self.push("}");
        Ok(())
    }

    fn elapsed(&mut self, elapsed: &Elapsed) {
        let unit = self.unit.suffix();
        let _ = write!(self.text, ",\"elapsed{unit}\":{{");
        self.field("significant_digits", "", elapsed.significant_digits());
        if elapsed.lowest() != 1 {
            self.field("lowest", "", elapsed.lowest());
        }
        self.push(",\"counts\":[");
        for (i, (value, calls)) in elapsed.counts().iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let _ = write!(self.text, "{comma}[{value},{calls}]");
        }
        self.push("]}");
    }

    fn path(&mut self, path: &Path) -> io::Result<()> {
        self.push("{");
        if let Some(PathId(parent)) = path.parent {
            self.field("parent", "", parent);
        }
        self.field("function", "", path.function.0);
        self.counts(&path.counts);
        self.push("}");
        Ok(())
    }

    fn thread(&mut self, thread: &ThreadCounts) -> io::Result<()> {
        self.push("{");
        self.field("name", "", Quoted(&thread.name));
        let part = |out: &mut Self, (path, counts): &(PathId, Counts)| {
            out.push("{");
            out.field("path", "", path.0);
            out.counts(counts);
            out.push("}");
            Ok(())
        };
        self.list(",\"paths\":[", &thread.counts, part, "]}")
    }

    fn counts(&mut self, counts: &Counts) {
        for column in &COLUMNS {
            let value = (column.get)(counts);
            if value > 0 {
                let unit = if column.is_time { self.unit.suffix() } else { "" };
                self.field(column.key, unit, value);
            }
        }
    }
}
