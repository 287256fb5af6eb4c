//! What a reader has to know beside the numbers, as sentences for formats that carry comments.

use crate::profile::{Notes, Profile};

/// One sentence a note; none when nothing was lost.
pub(super) fn sentences(profile: &Profile) -> Vec<String> {
    let Notes { truncated_calls, late_events, clock_backsteps, unisolated_reports, .. } = profile.notes;
    [
        (truncated_calls, "calls went to [truncated]: the cap on paths was reached"),
        (late_events, "events came too late to be counted, on threads that were ending"),
        (clock_backsteps, "times the clock stepped backwards"),
        (unisolated_reports, "calls had no report of their own: too many were being reported"),
    ]
    .into_iter()
    .filter(|&(count, _)| count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect()
}
