//! Switching recordings on and off, and forgetting what was recorded.

use super::endpoints::Endpoints;
use super::heap;
use super::json::Json;
use super::parameters::Parameters;
use super::response::{JSON, Refusal, Response, TEXT};
use super::work::{Reply, Work};

/// `control`: what is recorded, since when, until when.
pub(super) fn status(endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    let endpoints = endpoints.clone();
    Ok(Work::now(move || {
        let status = |json: &mut Json| {
            json.within("time", |json| json.field("is_recording", crate::is_enabled()));
            json.within("heap", |json| heap::control::write_status(&endpoints, json));
        };
        Ok(Response::new(JSON, Json::object(status)))
    }))
}

/// `control/time/start`.
pub(super) fn start_time(_endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    crate::enable();
    Ok(Reply::Now(Response::new(TEXT, "recording calls\n")))
}
