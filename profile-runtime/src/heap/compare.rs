//! What changed between two snapshots.

use std::fmt;

use super::interval;
use super::snapshot::Snapshot;
use super::statistics::{Amount, Key, KeyType, Measure, group, write_average};
use super::text::format_size;
use super::traceback::Traceback;

/// A row of a comparison: tracemalloc's `StatisticDiff`, and printed as that is.
#[derive(Clone, Debug, PartialEq)]
pub struct StatisticDiff {
    /// What its blocks have in common.
    pub key: Key,
    /// Bytes in the new snapshot.
    pub size: u64,
    /// Bytes more than in the old one.
    pub size_diff: i64,
    /// Blocks in the new snapshot.
    pub count: u64,
    /// Blocks more than in the old one.
    pub count_diff: i64,
    interval: (i64, i64),
}

impl StatisticDiff {
    fn new(key: Key, old: &Amount, new: &Amount) -> Self {
        let part = |amount: &Amount| (amount.size, amount.interval());
        Self {
            key,
            size: new.size,
            size_diff: difference(new.size, old.size),
            count: new.count,
            count_diff: difference(new.count, old.count),
            interval: interval::of_difference(part(new), part(old)),
        }
    }

    /// The line, file or stack; `None` of rows that are grouped by something else.
    #[must_use]
    pub fn traceback(&self) -> Option<&Traceback> {
        if let Key::Traceback(traceback) = &self.key { Some(traceback) } else { None }
    }

    /// What the true `size_diff` is between, in bytes, as [`super::Statistic::interval`] has it for a size; the same twice
    /// when every block was recorded.
    #[must_use]
    pub fn interval(&self) -> (i64, i64) {
        self.interval
    }
}

/// At most the largest number there is.
pub(super) fn difference(new: u64, old: u64) -> i64 {
    i64::try_from(i128::from(new) - i128::from(old)).unwrap_or(if new > old { i64::MAX } else { i64::MIN })
}

impl fmt::Display for StatisticDiff {
    /// `a.rs:4: size=4096 B (+1024 B), count=4 (+1), average=1024 B`, as tracemalloc's `str(diff)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, size_diff) =
            (format_size(self.size as f64, false), format_size(self.size_diff as f64, true));
        write!(f, "{}: size={size} ({size_diff}), count={} ({:+})", self.key, self.count, self.count_diff)?;
        write_average(f, self.size, self.count)
    }
}

impl Snapshot {
    /// What changed since an older snapshot, the largest change first: tracemalloc's `Snapshot.compare_to`. Rows without a
    /// change are there, too.
    ///
    /// Rows are told by their names, so that snapshots of two runs can be compared. `cumulative` as in
    /// [`Snapshot::statistics`].
    #[must_use]
    pub fn compare_to(&self, old: &Snapshot, key_type: KeyType, cumulative: bool) -> Vec<StatisticDiff> {
        let mut before = group(old, key_type, Measure::Live, cumulative);
        let mut rows = Vec::new();
        for (key, new) in group(self, key_type, Measure::Live, cumulative) {
            let old = before.remove(&key).unwrap_or_default();
            rows.push(StatisticDiff::new(key, &old, &new));
        }
        rows.extend(before.into_iter().map(|(key, old)| StatisticDiff::new(key, &old, &Amount::default())));
        let key = |row: &StatisticDiff| {
            (row.size_diff.unsigned_abs(), row.size, row.count_diff.unsigned_abs(), row.count)
        };
        rows.sort_unstable_by(|a, b| key(b).cmp(&key(a)).then_with(|| b.key.cmp(&a.key)));
        rows
    }
}
