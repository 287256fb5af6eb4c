//! tracemalloc's own text of statistics and tracebacks.

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

fn kib(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}

fn amount(row: &Statistic) -> String {
    let size = kib(row.size);
    if !row.is_estimate() {
        return size;
    }
    let (low, high) = row.interval();
    let bound = |bytes: u64| format_size(bytes as f64, false);
    format!("{size} (estimate, 95 %: {} to {})", bound(low), bound(high))
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
