//! The report for people: what holds the memory, by line, type and call path, and what came and went.

use std::io::{self, BufWriter, Write};

use super::notes;
use super::rows::{Place, by_line, by_path, by_type, grouped, largest};
use super::table::Table;
use super::traceback;
use crate::heap::interval;
use crate::heap::mode::Mode;
use crate::heap::size_class::SizeClass;
use crate::heap::snapshot::{Snapshot, TraceCounts};
use crate::heap::statistics::rate_of;
use crate::units::{bytes, count, counted, duration, percent};

/// The peak has a table of its own when it was so much higher than what is live, in percent.
const PEAK_PERCENT: u64 = 110;
/// Columns of the widest bar.
const BAR: u64 = 30;

/// Looks up a line of source by file, as the compiler was given it, and number from 1.
pub type SourceLine = fn(&str, u32) -> Option<String>;

/// How a report of a heap snapshot is made. Fill in with `..Default::default()`.
#[derive(Clone, Copy, Debug)]
pub struct ReportOptions {
    /// Rows of each table.
    pub top: usize,
    /// Where lines of source come from, to be printed below theirs; `None` prints none.
    /// [`source_line`](super::super::source_line) reads files.
    pub source_line: Option<SourceLine>,
    /// The process is about to end: what is live then was never freed, and is called so.
    pub at_exit: bool,
}

impl Default for ReportOptions {
    /// Ten rows, no lines of source.
    fn default() -> Self {
        Self { top: 10, source_line: None, at_exit: false }
    }
}

impl Snapshot {
    /// Writes the report for people: the process's memory in words, what a reader has to know, and tables of what is
    /// live by line (and the stacks that hold most), type and call path, of what was live at the peak, what was allocated, what was temporary, what
    /// `realloc` copied, and of sizes. Tables without rows are left out. No line is wider than 120 columns.
    ///
    /// Figures of a sampled recording are estimates; `±` is how far the true value may be from them, in 95 of 100
    /// cases.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_report<W: Write>(&self, writer: W, options: &ReportOptions) -> io::Result<()> {
        let mut out = BufWriter::new(writer);
        let report =
            Report { snapshot: self, totals: self.totals(), options, estimate: notes::is_estimate(self) };
        report.opening(&mut out)?;
        if self.traces.is_empty() {
            writeln!(out, "\n{}", nothing(self))?;
            return out.flush();
        }
        let lines = by_line(self);
        report.live_lines(&lines, &mut out)?;
        traceback::write(self, options.top, &mut out)?;
        report.live("type", by_type(self), &mut out)?;
        if !self.paths.is_empty() {
            report.live("call path", by_path(self), &mut out)?;
        }
        report.peak(&lines, &mut out)?;
        report.allocated(&lines, &mut out)?;
        report.temporary(&lines, &mut out)?;
        report.copied(&lines, &mut out)?;
        report.sizes(&mut out)?;
        out.flush()
    }

    /// Writes what grew since `before`: live bytes by line and by type, those that grew most first, with what there
    /// was and is. Lines are matched by file, line and function.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_growth<W: Write>(
        &self,
        before: &Snapshot,
        writer: W,
        options: &ReportOptions,
    ) -> io::Result<()> {
        let mut out = BufWriter::new(writer);
        let (old, new) = (before.totals(), self.totals());
        let (was, is) = (old.live_bytes(), new.live_bytes());
        let blocks = change(old.live_blocks(), new.live_blocks(), count);
        write!(out, "Heap growth: {} -> {} live, {}", bytes(was), bytes(is), change(was, is, bytes))?;
        write!(out, " ({blocks} blocks)")?;
        let between = self.taken.as_secs_f64() - before.taken.as_secs_f64();
        if between > 0.0 {
            write!(out, " in {}", duration(between))?;
        }
        writeln!(out)?;
        if notes::is_estimate(self) || notes::is_estimate(before) {
            writeln!(
                out,
                "Note: estimated from samples; {}.",
                error_of_difference((&old, before.mode), (&new, self.mode))
            )?;
        }
        let place = |rows: Vec<(Place, TraceCounts)>| rows.into_iter().collect();
        growth(
            "Growth by line",
            "line",
            place(by_line(before)),
            place(by_line(self)),
            Place::text,
            options,
            &mut out,
        )?;
        if self.named && before.named {
            let types = |snapshot| by_type(snapshot).into_iter().collect();
            growth("Growth by type", "type", types(before), types(self), String::clone, options, &mut out)?;
        }
        out.flush()
    }
}

fn nothing(snapshot: &Snapshot) -> &'static str {
    match snapshot.mode {
        Mode::Off => "Nothing was recorded: switch it on with PROFILE_COST_HEAP=exact:25 or heap::start(25).",
        Mode::Counters => {
            "Mode `counters` keeps no places: PROFILE_COST_HEAP=sample:512KiB tells them at little cost."
        }
        _ => "No block was recorded yet.",
    }
}

/// What is being written of one snapshot.
struct Report<'a> {
    snapshot: &'a Snapshot,
    totals: TraceCounts,
    options: &'a ReportOptions,
    /// Figures are estimates.
    estimate: bool,
}

impl Report<'_> {
    fn opening(&self, out: &mut dyn Write) -> io::Result<()> {
        let Snapshot { mode, duration: since, named, traces, .. } = self.snapshot;
        let at_exit = if self.options.at_exit { " at exit" } else { "" };
        writeln!(out, "Heap{at_exit}, recorded for {} as {mode}", duration(since.as_secs_f64()))?;
        for line in self.snapshot.process.explain() {
            writeln!(out, "  {line}")?;
        }
        if self.estimate {
            let total = bytes(self.totals.live_bytes());
            let samples = counted(self.totals.samples, "sample");
            writeln!(
                out,
                "Note: places are estimated from {samples}: {total} ±{} live (95 %).",
                self.error(&self.totals)
            )?;
        }
        if self.options.at_exit {
            writeln!(out, "Note: what is live at exit was never freed; a leak is what should have been.")?;
        }
        for note in notes::sentences(self.snapshot) {
            writeln!(out, "Note: {note}")?;
        }
        if *mode == Mode::Paths && self.snapshot.paths.is_empty() && !traces.is_empty() {
            writeln!(
                out,
                "Note: mode `paths` tells memory by #[profile_cost] functions, of which none was called while they"
            )?;
            writeln!(
                out,
                "      were counted: PROFILE_COST_HEAP=exact:25 needs none. (In code: profile_cost::enable().)"
            )?;
        }
        if !named && traces.iter().any(|trace| !trace.frames.is_empty()) {
            writeln!(out, "Note: addresses have no names yet. Save the snapshot as .heap and ask")?;
            writeln!(
                out,
                "      `cargo profile-cost heap FILE --binary BINARY`, with the very BINARY as it was built"
            )?;
            writeln!(out, "      with debug = \"line-tables-only\", before it was stripped.")?;
        }
        Ok(())
    }

    /// `12 MiB`, in a sample `12 MiB ±1.5 MiB`.
    fn live_text(&self, counts: &TraceCounts) -> String {
        let live = bytes(counts.live_bytes());
        if self.estimate { format!("{live} ±{}", self.error(counts)) } else { live }
    }

    /// How far off the live bytes may be, in 95 of 100 cases.
    fn error(&self, counts: &TraceCounts) -> String {
        let (live, (low, high)) = live_interval(counts, self.snapshot.mode);
        bytes((high - live).max(live - low))
    }

    /// The line of source at a place.
    fn source(&self, place: &Place) -> Option<String> {
        let look_up = self.options.source_line.filter(|_| place.line > 0)?;
        look_up(&place.file, place.line).filter(|line| !line.trim().is_empty())
    }

    fn live_row(&self, counts: &TraceCounts) -> Vec<String> {
        let total = self.totals.live_bytes();
        vec![
            self.live_text(counts),
            percent(counts.live_bytes() as f64, total as f64),
            count(counts.live_blocks()),
            bytes(counts.allocated_bytes),
        ]
    }

    fn live_lines(&self, lines: &[(Place, TraceCounts)], out: &mut dyn Write) -> io::Result<()> {
        let (rows, rest) = largest(lines.to_vec(), self.options.top, TraceCounts::live_bytes);
        let mut table = Table::new(&["live", "%", "blocks", "allocated", "line"]);
        for (place, counts) in &rows {
            table.row(self.live_row(counts), &place.text(), self.source(place));
        }
        section(&self.live_by("line"), "line", rows.len(), rest, &table, out)
    }

    fn live(
        &self,
        noun: &'static str,
        rows: Vec<(String, TraceCounts)>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        // A table with nothing but what is not known tells nothing.
        if noun == "type" && self.snapshot.types.is_empty() {
            return Ok(());
        }
        let (rows, rest) = largest(rows, self.options.top, TraceCounts::live_bytes);
        let mut table = Table::new(&["live", "%", "blocks", "allocated", noun]);
        for (name, counts) in &rows {
            table.row(self.live_row(counts), name, None);
        }
        section(&self.live_by(noun), noun, rows.len(), rest, &table, out)
    }

    fn live_by(&self, noun: &str) -> String {
        if self.options.at_exit { format!("Live at exit, by {noun}") } else { format!("Live by {noun}") }
    }

    fn peak(&self, lines: &[(Place, TraceCounts)], out: &mut dyn Write) -> io::Result<()> {
        let (peak, live) = (self.totals.peak_bytes, self.totals.live_bytes());
        if u128::from(peak) * 100 < u128::from(live) * u128::from(PEAK_PERCENT) {
            return Ok(());
        }
        let (rows, rest) = largest(lines.to_vec(), self.options.top, |counts| counts.peak_bytes);
        let mut table = Table::new(&["at peak", "%", "blocks", "live now", "line"]);
        for (place, counts) in &rows {
            let share = percent(counts.peak_bytes as f64, peak as f64);
            let numbers =
                vec![bytes(counts.peak_bytes), share, count(counts.peak_blocks), bytes(counts.live_bytes())];
            table.row(numbers, &place.text(), None);
        }
        section(&format!("At the peak of {}", bytes(peak)), "line", rows.len(), rest, &table, out)
    }

    fn allocated(&self, lines: &[(Place, TraceCounts)], out: &mut dyn Write) -> io::Result<()> {
        let (rows, rest) = largest(lines.to_vec(), self.options.top, |counts| counts.allocated_bytes);
        let seconds = self.snapshot.duration.as_secs_f64();
        let mut table = Table::new(&["allocated", "%", "per second", "blocks", "line"]);
        for (place, counts) in &rows {
            let allocated = counts.allocated_bytes;
            let share = percent(allocated as f64, self.totals.allocated_bytes as f64);
            let rate =
                if seconds > 0.0 { bytes((allocated as f64 / seconds) as u64) } else { "-".to_owned() };
            table.row(vec![bytes(allocated), share, rate, count(counts.allocations)], &place.text(), None);
        }
        let title = format!("Allocated: {} in all", bytes(self.totals.allocated_bytes));
        section(&title, "line", rows.len(), rest, &table, out)
    }

    fn temporary(&self, lines: &[(Place, TraceCounts)], out: &mut dyn Write) -> io::Result<()> {
        let (rows, rest) = largest(lines.to_vec(), self.options.top, |counts| counts.temporary);
        let mut table = Table::new(&["temporary", "of its blocks", "line"]);
        for (place, counts) in &rows {
            let share = percent(counts.temporary as f64, counts.allocations as f64);
            table.row(vec![count(counts.temporary), share], &place.text(), None);
        }
        section(
            "Temporary blocks, freed soon after by the same thread",
            "line",
            rows.len(),
            rest,
            &table,
            out,
        )
    }

    fn copied(&self, lines: &[(Place, TraceCounts)], out: &mut dyn Write) -> io::Result<()> {
        let (rows, rest) = largest(lines.to_vec(), self.options.top, |counts| counts.copied_bytes);
        let mut table = Table::new(&["copied", "per byte allocated", "line"]);
        for (place, counts) in &rows {
            let ratio = match counts.allocated_bytes {
                // What was copied into it was sampled, and none of its own blocks.
                0 => "-".to_owned(),
                allocated => format!("{:.2}", counts.copied_bytes as f64 / allocated as f64),
            };
            table.row(vec![bytes(counts.copied_bytes), ratio], &place.text(), None);
        }
        section("Copied by realloc: give such buffers a capacity", "line", rows.len(), rest, &table, out)
    }

    fn sizes(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut rows: Vec<(SizeClass, TraceCounts)> = grouped(self.snapshot, |trace| trace.size_class);
        rows.retain(|(_, counts)| counts.allocations > 0);
        rows.sort_by_key(|(class, _)| *class);
        let most = rows.iter().map(|(_, counts)| counts.live_bytes()).max().unwrap_or(0).max(1);
        let mut table = Table::new(&["size up to", "allocations", "live blocks", "live", "live bytes"]);
        for (class, counts) in &rows {
            let live = counts.live_bytes();
            // Something is never nothing.
            let columns = (u128::from(live) * u128::from(BAR)).div_ceil(u128::from(most)) as usize;
            let bar = if live > 0 { "█".repeat(columns) } else { "-".to_owned() };
            let numbers = vec![
                bytes(class.high()),
                count(counts.allocations),
                count(counts.live_blocks()),
                bytes(live),
            ];
            table.row(numbers, &bar, None);
        }
        section("Sizes", "size", rows.len(), 0, &table, out)
    }
}

/// A title, the table, and how many rows are not shown; nothing of a table without rows.
fn section(
    title: &str,
    noun: &str,
    rows: usize,
    rest: usize,
    table: &Table,
    out: &mut dyn Write,
) -> io::Result<()> {
    if rows == 0 {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    table.write(out)?;
    if rest > 0 {
        writeln!(out, "  and {}", counted(rest as u64, &format!("more {noun}")))?;
    }
    Ok(())
}

/// Live bytes, and what the true ones are between.
fn live_interval(counts: &TraceCounts, mode: Mode) -> (u64, (u64, u64)) {
    let live = counts.live_bytes();
    (live, interval::of(live, counts.variance, rate_of(counts, mode)))
}

/// Errors of two samples that know nothing of each other.
fn error_of_difference(old: (&TraceCounts, Mode), new: (&TraceCounts, Mode)) -> String {
    let (low, high) = interval::of_difference(live_interval(new.0, new.1), live_interval(old.0, old.1));
    let signed = |difference: i64| match difference {
        0.. => change(0, difference.unsigned_abs(), bytes),
        _ => change(difference.unsigned_abs(), 0, bytes),
    };
    format!("the growth in all is between {} and {} (95 %)", signed(low), signed(high))
}

/// `+1.5 MiB`, `-3 B`, `0 B`.
fn change(old: u64, new: u64, text: fn(u64) -> String) -> String {
    match new.cmp(&old) {
        std::cmp::Ordering::Greater => format!("+{}", text(new - old)),
        std::cmp::Ordering::Less => format!("-{}", text(old - new)),
        std::cmp::Ordering::Equal => text(0),
    }
}

type Rows<K> = std::collections::BTreeMap<K, TraceCounts>;

/// A table of what grew, the most first.
fn growth<K: Ord + Clone>(
    title: &str,
    noun: &'static str,
    old: Rows<K>,
    new: Rows<K>,
    name: impl Fn(&K) -> String,
    options: &ReportOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows: Vec<(K, (TraceCounts, TraceCounts))> = (new.into_iter())
        .map(|(key, new)| {
            let old = old.get(&key).copied().unwrap_or_default();
            (key, (old, new))
        })
        .collect();
    let grown = |(old, new): &(TraceCounts, TraceCounts)| new.live_bytes().saturating_sub(old.live_bytes());
    let (rows, rest) = largest(rows, options.top, grown);
    let mut table = Table::new(&["growth", "before", "now", "blocks", noun]);
    for (key, (old, new)) in &rows {
        let (was, is) = (old.live_bytes(), new.live_bytes());
        let blocks = change(old.live_blocks(), new.live_blocks(), count);
        table.row(vec![change(was, is, bytes), bytes(was), bytes(is), blocks], &name(key), None);
    }
    if rows.is_empty() {
        return writeln!(out, "\n{title}: none grew.");
    }
    section(title, noun, rows.len(), rest, &table, out)
}
