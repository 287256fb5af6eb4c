//! Live blocks by the type that owns them: pympler's summaries and objgraph's most common types.

use std::collections::HashMap;
use std::io::{self, Write};

use super::compare::difference;
use super::snapshot::Snapshot;
use super::statistics::{Key, KeyType, Measure, Statistic, group};
use super::traceback::Shown;

/// One type of a [`Summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// Its name; `unknown` for blocks whose type cannot be told.
    pub type_name: String,
    /// Blocks. Of a container that is its buffers, not its elements.
    pub count: i64,
    /// Bytes of them.
    pub size: i64,
}

/// Blocks and bytes of each type, the largest first; or, as a difference, how they have changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    rows: Vec<SummaryRow>,
}

impl Summary {
    fn of(mut rows: Vec<SummaryRow>) -> Self {
        rows.sort_unstable_by(|a, b| {
            (b.size, b.count).cmp(&(a.size, a.count)).then_with(|| a.type_name.cmp(&b.type_name))
        });
        Self { rows }
    }

    /// The rows, the largest first.
    #[must_use]
    pub fn rows(&self) -> &[SummaryRow] {
        &self.rows
    }

    /// What has changed since an older summary: pympler's `get_diff(old, new)`. Types that have not changed are there with
    /// zeros; those that are gone have negative numbers.
    #[must_use]
    pub fn diff(&self, old: &Summary) -> Summary {
        let mut before: HashMap<&str, &SummaryRow> =
            old.rows.iter().map(|row| (row.type_name.as_str(), row)).collect();
        let mut rows: Vec<SummaryRow> = Vec::new();
        for row in &self.rows {
            let (count, size) =
                before.remove(row.type_name.as_str()).map_or((0, 0), |old| (old.count, old.size));
            rows.push(SummaryRow {
                type_name: row.type_name.clone(),
                count: row.count.saturating_sub(count),
                size: row.size.saturating_sub(size),
            });
        }
        rows.extend(before.into_values().map(|old| SummaryRow {
            type_name: old.type_name.clone(),
            count: old.count.saturating_neg(),
            size: old.size.saturating_neg(),
        }));
        Self::of(rows)
    }

    /// Prints the first `limit` rows in the layout of pympler's `summary.print_`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print(&self, writer: &mut dyn Write, limit: usize) -> io::Result<()> {
        let title = ["types", "# objects", "total size"].map(str::to_owned);
        let rows = self.rows.iter().take(limit);
        let rows =
            rows.map(|row| [Shown(&row.type_name).to_string(), row.count.to_string(), scaled(row.size)]);
        let table: Vec<[String; 3]> = std::iter::once(title).chain(rows).collect();
        let width =
            |column: usize| table.iter().map(|row| row[column].chars().count() + 2).max().unwrap_or(0);
        let widths = [0, 1, 2].map(width);
        for (at, [name, count, size]) in table.iter().enumerate() {
            let [first, second, third] = widths;
            writeln!(writer, "{name:>first$} | {count:>second$} | {size:>third$}")?;
            if at == 0 {
                writeln!(writer, "{}", widths.map(|width| "=".repeat(width)).join(" | "))?;
            }
        }
        Ok(())
    }
}

/// pympler's `stringutils.pp`: `  12     B`, `  12.34 KB`, in powers of 1,024. (pympler prints EB
/// for PB, and nothing above.)
fn scaled(bytes: i64) -> String {
    let mut size = bytes as f64;
    let mut units = ["KB", "MB", "GB", "TB", "PB", "EB"].into_iter();
    let mut unit = None;
    while size > 1024.0 {
        let Some(larger) = units.next() else { break };
        size /= 1024.0;
        unit = Some(larger);
    }
    match unit {
        Some(unit) => format!("{size:7.2} {unit}"),
        None => format!("{bytes:4}     B"),
    }
}

/// A type and how many of its blocks there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeCount {
    /// Its name.
    pub type_name: String,
    /// Blocks.
    pub count: u64,
}

/// Prints types in the layout of objgraph's `show_most_common_types`.
///
/// # Errors
/// Those of the writer.
pub fn show_most_common_types(rows: &[TypeCount], writer: &mut dyn Write) -> io::Result<()> {
    let names: Vec<String> = rows.iter().map(|row| Shown(&row.type_name).to_string()).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    names.iter().zip(rows).try_for_each(|(name, row)| writeln!(writer, "{name:<width$} {}", row.count))
}

impl Snapshot {
    /// Live blocks and bytes of each type: pympler's `summarize`.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let row = |(key, count, size): (String, u64, u64)| SummaryRow {
            type_name: key,
            count: difference(count, 0),
            size: difference(size, 0),
        };
        Summary::of(self.types_live().map(row).collect())
    }

    /// The types with the most live blocks, `limit` of them (0: all): objgraph's `most_common_types`. Types with as many
    /// blocks stand in the order of their names.
    #[must_use]
    pub fn most_common_types(&self, limit: usize) -> Vec<TypeCount> {
        let mut rows: Vec<TypeCount> =
            self.types_live().map(|(type_name, count, _)| TypeCount { type_name, count }).collect();
        rows.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.type_name.cmp(&b.type_name)));
        rows.truncate(if limit == 0 { usize::MAX } else { limit });
        rows
    }

    /// The lines that allocated the live blocks of a type, the largest first.
    #[must_use]
    pub fn lines_of_type(&self, type_name: &str) -> Vec<Statistic> {
        let traces = self.traces.iter().filter(|trace| self.type_of(trace) == type_name).cloned().collect();
        self.with_traces(traces).statistics(KeyType::Lineno, false)
    }

    /// Name, blocks, bytes.
    pub(super) fn types_live(&self) -> impl Iterator<Item = (String, u64, u64)> {
        group(self, KeyType::Type, Measure::Live, false).into_iter().filter_map(|(key, amount)| match key {
            Key::Name(name) => Some((name, amount.count, amount.size)),
            _ => None,
        })
    }
}
