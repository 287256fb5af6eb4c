//! What a reader of a snapshot has to know beside the numbers, as sentences.

use crate::heap::mode::Mode;
use crate::heap::snapshot::{Notes, Snapshot};
use crate::units;

/// True when figures are estimated from samples.
pub(crate) fn is_estimate(snapshot: &Snapshot) -> bool {
    matches!(snapshot.mode, Mode::Sample { .. })
        || snapshot.notes.cap_reached > 0
        || snapshot.traces.iter().any(|trace| trace.counts.samples > 0)
}

/// One sentence a note; none when nothing was lost.
pub(crate) fn sentences(snapshot: &Snapshot) -> Vec<String> {
    let Notes { older_frees, unrecorded, truncated, cap_reached } = snapshot.notes;
    let mut sentences = Vec::new();
    if cap_reached > 0 {
        sentences.push(format!(
            "The profiler's own memory reached its cap of {}: from then on allocations were sampled.",
            units::bytes(cap_reached)
        ));
    }
    if older_frees > 0 {
        let blocks = units::counted(older_frees, "block");
        sentences.push(format!("Frees of {blocks} from before the recording began are not counted."));
    }
    if unrecorded > 0 {
        let allocations = units::counted(unrecorded, "allocation");
        sentences.push(format!(
            "{allocations} not recorded: on threads that had ended, or at addresses that cannot be kept."
        ));
    }
    if truncated > 0 {
        let allocations = units::counted(truncated, "allocation");
        sentences.push(format!("{allocations} without a stack, because there were too many different ones."));
    }
    sentences
}
