//! Children that name snapshots, and misbehave.

use std::io::{self, Write};
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

/// [`Snapshot::in_child`], likewise.
///
/// # Errors
/// Those of [`Snapshot::in_child`].
pub fn in_such_child(
    snapshot: &Snapshot,
    request: &str,
    behaviour: &str,
    limit: Duration,
    out: &mut dyn Write,
) -> io::Result<()> {
    snapshot.in_such_child(request, behaviour, limit, out)
}
