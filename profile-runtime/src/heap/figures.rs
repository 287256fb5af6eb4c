//! What memray and scalene tell beside live bytes: temporary blocks, leaks, rates, sizes, copies.

use super::size_class::SizeClass;
use super::snapshot::Snapshot;
use super::statistics::{Amount, Key, KeyType, Measure, Statistic};

/// How fast blocks were allocated, of those that have a key in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// What they have in common.
    pub key: Key,
    /// Bytes allocated in a second of the recording, freed or not.
    pub bytes_per_second: f64,
    /// Blocks allocated in a second.
    pub blocks_per_second: f64,
}

/// Blocks of one size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeRow {
    /// Their sizes.
    pub size_class: SizeClass,
    /// Blocks.
    pub count: u64,
    /// Bytes of them.
    pub size: u64,
}

impl Snapshot {
    /// Blocks that were freed soon after, by key, the most bytes first: memray's temporary allocations. What is temporary
    /// is told by [`super::set_temporary_window`]; bytes are estimated by the mean size on each stack.
    #[must_use]
    pub fn temporary(&self, key_type: KeyType) -> Vec<Statistic> {
        self.statistics_by(key_type, Measure::Temporary, false)
    }

    /// What was not freed, of a snapshot taken at the end: memray's leaks. The same as [`Snapshot::statistics`], which tells
    /// what is in use while the program runs.
    #[must_use]
    pub fn leaks(&self, key_type: KeyType) -> Vec<Statistic> {
        self.statistics(key_type, false)
    }

    /// Bytes that `realloc` copied, by key, the most first: scalene's copy volume.
    #[must_use]
    pub fn copied(&self, key_type: KeyType) -> Vec<Statistic> {
        self.statistics_by(key_type, Measure::Copied, false)
    }

    /// Bytes and blocks allocated in a second, by key, the most bytes first. Empty when the recording took no time.
    #[must_use]
    pub fn rates(&self, key_type: KeyType) -> Vec<Rate> {
        let seconds = self.duration.as_secs_f64();
        if seconds <= 0.0 {
            return Vec::new();
        }
        let rows = self.statistics_by(key_type, Measure::Allocated, false).into_iter();
        rows.map(|row| Rate {
            bytes_per_second: row.size as f64 / seconds,
            blocks_per_second: row.count as f64 / seconds,
            key: row.key,
        })
        .collect()
    }

    /// Blocks by size, the smallest first; between the first and the last, classes without a block are there, too.
    #[must_use]
    pub fn size_histogram(&self, measure: Measure) -> Vec<SizeRow> {
        let mut rows = vec![Amount::default(); 256];
        for trace in &self.traces {
            rows[usize::from(trace.size_class.0)].add(&Amount::of(trace, self.mode, measure));
        }
        let used = |amount: &Amount| amount.count > 0 || amount.size > 0;
        let (Some(first), Some(last)) = (rows.iter().position(used), rows.iter().rposition(used)) else {
            return Vec::new();
        };
        let row = |class: usize| SizeRow {
            size_class: SizeClass(class as u8),
            count: rows[class].count,
            size: rows[class].size,
        };
        (first..=last).map(row).collect()
    }
}
