//! What changed between two snapshots.

/// Placeholder of the scaffold.
#[derive(Clone, Debug)]
pub struct StatisticDiff {}
