//! The calls recorded as files: what `PROFILE_COST_OUT` writes, asked for while the service runs.

use super::capture;
use super::endpoints::Endpoints;
use super::parameters::Parameters;
#[cfg(feature = "flamegraph")]
use super::response::SVG;
use super::response::{BINARY, HTML, JSON, Refusal, Response, TEXT};
use super::time::metric;
use super::work::Reply;
#[cfg(feature = "flamegraph")]
use crate::render::FlamegraphOptions;

/// `flamegraph.svg`.
#[cfg(feature = "flamegraph")]
pub(super) fn flamegraph(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let options = FlamegraphOptions::new(metric(parameters)?);
    let seconds = capture::seconds(endpoints, parameters)?;
    capture::of(endpoints, seconds, move |profile| {
        let picture = Response::written(SVG, |body| profile.write_flamegraph(body, &options))?;
        // The picture has a script and handlers of its own; it asks for nothing.
        let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
        Ok(picture.with("content-security-policy", policy))
    })
}

/// `flamegraph.svg`, where it cannot be drawn.
#[cfg(not(feature = "flamegraph"))]
pub(super) fn flamegraph(_endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    Err(Refusal::new(
        404,
        "built without the feature `flamegraph` of profile-cost; `folded` and `html` are there",
    ))
}

/// `folded`: a line a path.
pub(super) fn folded(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let metric = metric(parameters)?;
    let seconds = capture::seconds(endpoints, parameters)?;
    capture::of(endpoints, seconds, move |profile| {
        Response::written(TEXT, |body| profile.write_folded(body, metric))
    })
}

/// `pstats`: what Python's cProfile dumps.
pub(super) fn pstats(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let seconds = capture::seconds(endpoints, parameters)?;
    capture::of(endpoints, seconds, |profile| {
        let dump = Response::written(BINARY, |body| profile.write_pstats(body))?;
        Ok(dump.with("content-disposition", r#"attachment; filename="profile.pstats""#))
    })
}

/// `json`: the native form, for `cargo profile-cost`.
pub(super) fn json(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let seconds = capture::seconds(endpoints, parameters)?;
    capture::of(endpoints, seconds, |profile| Response::written(JSON, |body| profile.write_json(body)))
}

/// `html`: one page, as it is now. It has a policy of its own in it.
pub(super) fn html(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let seconds = capture::seconds(endpoints, parameters)?;
    capture::of(endpoints, seconds, |profile| Response::written(HTML, |body| profile.write_html(body)))
}
