//! The profile that an endpoint shows: all that was recorded, or what happens in the next seconds.

use std::time::{Duration, Instant};

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::{Refusal, Response};
use super::work::{Reply, Work};
use crate::control;
use crate::profile::Profile;
use crate::snapshot::snapshot_and_epoch;

/// `seconds=`: how long to look; none, or 0, for all that was recorded so far.
pub(super) fn seconds(endpoints: &Endpoints, parameters: &Parameters) -> Result<Option<Duration>, Refusal> {
    let longest = endpoints.options().longest_capture.as_secs();
    let seconds = parameters.number("seconds", 0..=longest, 0)?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

/// Answers with what `render` makes of the profile.
///
/// In a timed capture calls are recorded, whether that was on or off; where it was off, it is off again at its end, also
/// when nobody waits for the answer any more. What was recorded stays in the reports.
pub(super) fn of(
    endpoints: &Endpoints,
    seconds: Option<Duration>,
    render: impl FnOnce(&Profile) -> Result<Response, Refusal> + Send + 'static,
) -> Result<Reply, Refusal> {
    let Some(seconds) = seconds else { return Ok(Work::now(move || render(&crate::snapshot()))) };
    let capturing = endpoints.state().limits.begin_capture(Instant::now(), seconds)?;
    let recording = control::Request::new(true);
    let (start, (before, epoch)) = (Instant::now(), snapshot_and_epoch());
    Ok(Work::after(seconds, move || {
        let (after, epoch_after) = snapshot_and_epoch();
        let elapsed = start.elapsed();
        drop((recording, capturing));
        let mut profile = after;
        // After a reset all of it is of this capture.
        if epoch_after == epoch {
            profile = profile.since(&before);
            profile.duration = elapsed;
        }
        render(&profile)
    }))
}
