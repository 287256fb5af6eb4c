//! What Go's `net/http/pprof` serves, under the same names: profile, heap, allocs, cmdline, and `wall` beside them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::capture;
use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::{BINARY, Refusal, Response, TEXT};
use super::time;
use super::work::Reply;
use crate::render::pprof::{Content, PprofOptions};

/// How long is looked, if not said otherwise: as Go.
const SECONDS: u64 = 30;

/// `profile`: calls and busy time in the next seconds.
///
/// Parca, Alloy and Pyroscope take what is served here for the process's CPU time, which nothing here measures. Busy time
/// is the nearest: what was suspended is not in it, what blocked its thread is. It is called `busy`, not `cpu`, so that
/// nobody compares it with another process's CPU time.
pub(super) fn profile(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    capture(endpoints, parameters, Content::Busy, "profile")
}

/// `wall`: calls, wall time (shown first), and its parts busy and await in the next seconds.
pub(super) fn wall(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    capture(endpoints, parameters, Content::Times, "wall")
}

/// `seconds` from 1, and 30 for none or 0, as Go takes it; but at most what the options allow. Always a capture: both are
/// collected as deltas, and calls are recorded while it lasts, also where they are not otherwise.
///
/// The heap's columns are left out: `heap` and `allocs` have them, and their live bytes may shrink.
fn capture(
    endpoints: &Endpoints,
    parameters: &Parameters,
    content: Content,
    name: &'static str,
) -> Result<Reply, Refusal> {
    let as_text = is_text(parameters)?;
    let seconds = capture::seconds(endpoints, parameters)?
        .unwrap_or(Duration::from_secs(SECONDS).min(endpoints.options().longest_capture));
    let taken = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    capture::of(endpoints, Some(seconds), move |profile| {
        if as_text {
            return time::report(profile);
        }
        let options = PprofOptions { content, taken };
        let file = Response::written(BINARY, |body| profile.write_pprof_as(body, options))?;
        Ok(file.with("content-disposition", format!("attachment; filename=\"{name}\"")))
    })
}

/// `debug=`: text for people from 1 on. Go tells 1 from 2.
pub(super) fn is_text(parameters: &Parameters) -> Result<bool, Refusal> {
    Ok(parameters.number("debug", 0..=2, 0)? > 0)
}

/// `cmdline`: as Go answers it, arguments with NUL between them.
pub(super) fn cmdline(endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    if !endpoints.options().cmdline {
        return Err(Refusal::new(403, "the command line is not shown: the options' `cmdline` is off"));
    }
    let arguments: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    Ok(Reply::Now(Response::new(TEXT, arguments.join("\0"))))
}
