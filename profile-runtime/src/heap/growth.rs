//! Which types have more live blocks than they ever had when last asked: objgraph's `growth`.

use std::collections::HashMap;
use std::io::{self, Write};

use super::snapshot::Snapshot;
use super::traceback::Shown;

/// A type that has grown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrowthRow {
    /// Its name; `unknown` for blocks whose type cannot be told.
    pub type_name: String,
    /// Live blocks now.
    pub count: u64,
    /// How many more than at its highest before.
    pub delta: u64,
}

/// The most live blocks that each type has had; empty at first, so that the first answer is all there is.
///
/// In a sample the counts are estimates, and growth of a few samples may be chance.
///
/// ```
/// # use profile_cost_runtime::heap::{Growth, Snapshot};
/// # let (before, after) = (Snapshot::new(), Snapshot::new());
/// let mut growth = Growth::new();
/// growth.update(&before, 0);
/// let rows = growth.update(&after, 10);
/// Growth::show(&rows, &mut std::io::stdout())?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Growth {
    peaks: HashMap<String, u64>,
}

impl Growth {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The types with more live blocks than at any time before, `limit` of them (0: all), those that grew most first.
    #[must_use = "the growth is told once"]
    pub fn update(&mut self, snapshot: &Snapshot, limit: usize) -> Vec<GrowthRow> {
        let mut rows = Vec::new();
        for (type_name, count, _) in snapshot.types_live() {
            let peak = self.peaks.get(&type_name).copied().unwrap_or(0);
            if count > peak {
                self.peaks.insert(type_name.clone(), count);
                rows.push(GrowthRow { type_name, count, delta: count - peak });
            }
        }
        rows.sort_unstable_by(|a, b| b.delta.cmp(&a.delta).then_with(|| a.type_name.cmp(&b.type_name)));
        rows.truncate(if limit == 0 { usize::MAX } else { limit });
        rows
    }

    /// How many types it has seen.
    #[cfg(feature = "http")]
    pub(crate) fn len(&self) -> usize {
        self.peaks.len()
    }

    /// Prints rows in the layout of objgraph's `show_growth`.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn show(rows: &[GrowthRow], writer: &mut dyn Write) -> io::Result<()> {
        let names: Vec<String> = rows.iter().map(|row| Shown(&row.type_name).to_string()).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        names.iter().zip(rows).try_for_each(|(name, GrowthRow { count, delta, .. })| {
            writeln!(writer, "{name:<width$}{count:>9} {:>+9}", i128::from(*delta))
        })
    }
}
