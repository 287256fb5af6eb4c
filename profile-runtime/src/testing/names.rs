//! Children that name snapshots, and misbehave.

use std::io;
use std::time::Duration;

use crate::heap::Snapshot;

/// [`Snapshot::name`] with so much patience and a child that does as it is told: `1` its work, `hang` nothing, `deaf`
/// does not even read, `die`, `panic`, `babble` says something else, `half` gives half an answer.
///
/// # Errors
/// Those of [`Snapshot::name`].
pub fn name_by_child(snapshot: &mut Snapshot, behaviour: &str, limit: Duration) -> io::Result<()> {
    snapshot.name_by_child(behaviour, limit)
}
