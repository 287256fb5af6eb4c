//! tracemalloc's own text of statistics and tracebacks.

use std::fmt;
use std::io::{self, Write};

use super::snapshot::Snapshot;
use super::source_lines::SourceLines;
use super::statistics::{Key, KeyType, Measure, Statistic};
use super::traceback::{Line, Shown, Traceback};

/// tracemalloc's `_format_size`: `4096 B`, `12.3 KiB`, and with a sign `+12.3 KiB`.
pub(super) fn format_size(bytes: f64, sign: bool) -> String {
    let mut size = bytes;
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    for (at, unit) in units.into_iter().enumerate() {
        let decimals = usize::from(size.abs() < 100.0 && at > 0);
        if decimals == 1 || size.abs() < 10.0 * 1024.0 || at == units.len() - 1 {
            return if sign {
                format!("{size:+.decimals$} {unit}")
            } else {
                format!("{size:.decimals$} {unit}")
            };
        }
        size /= 1024.0;
    }
    String::new()
}

impl Traceback {
    /// The lines as text, each with its source below when that is at hand: tracemalloc's `Traceback.format`.
    ///
    /// A `limit` above 0 keeps that many of the most recent lines; one below leaves that many of them out; 0 keeps none.
    #[must_use]
    pub fn format(
        &self,
        limit: Option<i64>,
        most_recent_first: bool,
        sources: &mut SourceLines,
    ) -> Vec<String> {
        let all = self.lines();
        let count = |limit: i64| usize::try_from(limit.unsigned_abs()).unwrap_or(usize::MAX);
        let kept = match limit {
            None => all,
            Some(limit @ 1..) => &all[all.len().saturating_sub(count(limit))..],
            Some(0) => &[],
            Some(limit) => &all[..all.len().saturating_sub(count(limit))],
        };
        let mut out = Vec::new();
        let mut push = |line: &Line| {
            out.push(match line.line {
                Some(number) => format!("  File \"{}\", line {number}", Shown(&line.file)),
                None => format!("  {}", Shown(&line.file)),
            });
            let source = sources.get(&line.file, line.line.unwrap_or(0));
            if !source.is_empty() {
                out.push(format!("    {}", Shown(source)));
            }
        };
        if most_recent_first {
            kept.iter().rev().for_each(&mut push);
        } else {
            kept.iter().for_each(&mut push);
        }
        out
    }
}

/// How [`Snapshot::display_top_with`] prints.
#[derive(Clone, Copy, Debug)]
pub struct TopOptions {
    /// Rows; the others are summed up in one line.
    pub limit: usize,
    /// Files without their directories.
    pub strip_dirs: bool,
    /// The line of source below its row, when the file is at hand.
    pub sources: bool,
}

impl Default for TopOptions {
    /// Ten rows, whole paths, with sources.
    fn default() -> Self {
        Self { limit: 10, strip_dirs: false, sources: true }
    }
}

impl Snapshot {
    /// Prints the `limit` largest rows of live blocks, their sources and the total, as `display_top` of tracemalloc's
    /// documentation does. In a sample, each size is followed by what the true one is between
    /// ([`Statistic::interval`]).
    ///
    /// # Errors
    /// Those of the writer.
    pub fn display_top(&self, writer: &mut dyn Write, key_type: KeyType, limit: usize) -> io::Result<()> {
        self.display_top_with(writer, key_type, &TopOptions { limit, ..TopOptions::default() })
    }

    /// [`Snapshot::display_top`], with a say in how.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn display_top_with(
        &self,
        writer: &mut dyn Write,
        key_type: KeyType,
        options: &TopOptions,
    ) -> io::Result<()> {
        let mut sources = if options.sources { SourceLines::at_hand() } else { SourceLines::none() };
        let rows = self.statistics(key_type, false);
        let (top, other) = rows.split_at(options.limit.min(rows.len()));
        writeln!(writer, "Top {} {}", options.limit, noun(key_type))?;
        for (number, row) in (1..).zip(top) {
            let name = match row.traceback().and_then(|traceback| traceback.lines().first()) {
                Some(line) if options.strip_dirs => {
                    Line { file: base_name(&line.file).into(), ..line.clone() }.to_string()
                }
                _ => row.key.to_string(),
            };
            writeln!(writer, "#{number}: {name}: {}", amount(row))?;
            if let Key::Traceback(traceback) = &row.key
                && let [line, ..] = traceback.lines()
            {
                let source = sources.get(&line.file, line.line.unwrap_or(0));
                if !source.is_empty() {
                    writeln!(writer, "    {}", Shown(source))?;
                }
            }
        }
        if !other.is_empty() {
            let size = other.iter().fold(0u64, |sum, row| sum.saturating_add(row.size));
            writeln!(writer, "{} other: {}", other.len(), kib(size))?;
        }
        writeln!(writer, "Total allocated size: {}", amount(&self.total(Measure::Live)))
    }
}

impl Snapshot {
    /// Prints the `top` largest rows of [`Snapshot::statistics`], 0 for all, as tracemalloc's `str(statistic)` has them; of
    /// tracebacks all lines.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_statistics(
        &self,
        writer: &mut dyn Write,
        key_type: KeyType,
        cumulative: bool,
        top: usize,
    ) -> io::Result<()> {
        self.write_statistics_by(writer, key_type, Measure::Live, cumulative, top)
    }

    /// [`Snapshot::write_statistics`] of other blocks than the live ones: those of [`Snapshot::statistics_by`].
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_statistics_by(
        &self,
        writer: &mut dyn Write,
        key_type: KeyType,
        measure: Measure,
        cumulative: bool,
        top: usize,
    ) -> io::Result<()> {
        let rows = self.statistics_by(key_type, measure, cumulative);
        let (shown, other) = rows.split_at(if top == 0 { rows.len() } else { top.min(rows.len()) });
        let mut sources = SourceLines::at_hand();
        for row in shown {
            writeln!(writer, "{row}{}", Between(row.is_estimate().then(|| row.interval())))?;
            write_stack(writer, key_type, row.traceback(), &mut sources)?;
        }
        // A cumulative row holds what is in others as well.
        match other.iter().fold(0u64, |sum, row| sum.saturating_add(row.size)) {
            _ if other.is_empty() => Ok(()),
            size if !cumulative => writeln!(writer, "{} other: {}", other.len(), kib(size)),
            _ => writeln!(writer, "{} other", other.len()),
        }
    }

    /// Prints the `top` largest changes since an older snapshot, 0 for all, of [`Snapshot::compare_to`], as tracemalloc's
    /// `str(diff)` has them; of tracebacks all lines. Rows without a change are left out.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_comparison(
        &self,
        old: &Snapshot,
        writer: &mut dyn Write,
        key_type: KeyType,
        cumulative: bool,
        top: usize,
    ) -> io::Result<()> {
        let mut rows = self.compare_to(old, key_type, cumulative);
        rows.retain(|row| row.size_diff != 0 || row.count_diff != 0);
        let (shown, other) = rows.split_at(if top == 0 { rows.len() } else { top.min(rows.len()) });
        let mut sources = SourceLines::at_hand();
        for row in shown {
            let (low, high) = row.interval();
            writeln!(writer, "{row}{}", Between((low != high).then_some((low, high))))?;
            write_stack(writer, key_type, row.traceback(), &mut sources)?;
        }
        if other.is_empty() { Ok(()) } else { writeln!(writer, "{} other", other.len()) }
    }
}

/// The lines of a row that stands for a whole stack.
fn write_stack(
    writer: &mut dyn Write,
    key_type: KeyType,
    traceback: Option<&Traceback>,
    sources: &mut SourceLines,
) -> io::Result<()> {
    let traceback = traceback.filter(|_| key_type == KeyType::Traceback);
    let lines = traceback.map(|traceback| traceback.format(None, true, sources));
    lines.into_iter().flatten().try_for_each(|line| writeln!(writer, "{line}"))
}

/// What an estimate is between, bytes; nothing of what is none.
struct Between<T>(Option<(T, T)>);

impl fmt::Display for Between<u64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((low, high)) = self.0 else { return Ok(()) };
        let bound = |bytes: u64| format_size(bytes as f64, false);
        write!(f, " (estimate, 95 %: {} to {})", bound(low), bound(high))
    }
}

impl fmt::Display for Between<i64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((low, high)) = self.0 else { return Ok(()) };
        let bound = |bytes: i64| format_size(bytes as f64, true);
        write!(f, " (estimate, 95 %: {} to {})", bound(low), bound(high))
    }
}

/// As tracemalloc's recipe prints sizes.
pub(crate) fn kib(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}

fn amount(row: &Statistic) -> String {
    format!("{}{}", kib(row.size), Between(row.is_estimate().then(|| row.interval())))
}

/// tracemalloc's recipe says `lines` of all that it has.
fn noun(key_type: KeyType) -> &'static str {
    match key_type {
        KeyType::Lineno | KeyType::Filename | KeyType::Traceback => "lines",
        KeyType::Function => "functions",
        KeyType::Crate => "crates",
        KeyType::CallPath => "call paths",
        KeyType::Type => "types",
        KeyType::SizeClass => "sizes",
    }
}

fn base_name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}
