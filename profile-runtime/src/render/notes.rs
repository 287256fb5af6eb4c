//! What a reader has to know beside the numbers, as sentences for formats that carry comments.

use crate::profile::{Notes, Profile};

/// One sentence a note; none when nothing was lost.
pub(super) fn sentences(profile: &Profile) -> Vec<String> {
    let Notes { truncated_calls, late_events, clock_backsteps, unisolated_reports, .. } = profile.notes;
    [
        ("calls counted as [truncated], because the cap on paths was reached", truncated_calls),
        ("events that came too late to be counted, on threads that were ending", late_events),
        ("backward steps of the clock, counted as no time", clock_backsteps),
        ("calls without a report of their own, because too many were being reported", unisolated_reports),
    ]
    .into_iter()
    .filter(|&(_, count)| count > 0)
    .map(|(what, count)| format!("{what}: {count}"))
    .collect()
}
