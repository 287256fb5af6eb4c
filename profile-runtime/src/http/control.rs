//! Switching recordings on and off, and forgetting what was recorded.

use std::time::Duration;

use super::endpoints::Endpoints;
use super::form::Form;
use super::heap;
use super::json::Json;
use super::parameters::Parameters;
use super::recording;
use super::response::{JSON, Refusal, Response, TEXT};
use super::work::{Reply, Work};
use crate::units;

/// The longest `duration`, seconds: a day.
const LONGEST: u64 = 24 * 60 * 60;

/// `control`: what is recorded, since when, until when.
pub(super) fn status(_endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    Ok(Work::now(|| {
        let status = |json: &mut Json| {
            json.within("time", write_time_status);
            json.within("heap", heap::control::write_status);
        };
        Ok(Response::new(JSON, Json::object(status)))
    }))
}

/// `control/time/start`: records calls, with `duration` until then. See `recording` for who may end it.
pub(super) fn start_time(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let duration = match parameters.get("duration") {
        None => None,
        Some(_) => Some(Duration::from_secs(parameters.number("duration", 1..=LONGEST, 1)?)),
    };
    let form = form(parameters)?;
    recording::start(duration).map_err(|error| {
        Refusal::new(503, format!("no thread can be started that would end the recording: {error}"))
    })?;
    Ok(form())
}

/// `control/time/stop`.
pub(super) fn stop_time(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let form = form(parameters)?;
    recording::stop();
    Ok(form())
}

/// `control/time/reset`: forgets what was recorded, and goes on until the time that it would have ended.
pub(super) fn reset_time(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let form = form(parameters)?;
    crate::reset();
    Ok(form())
}

/// How to say what is recorded now: JSON, or a sentence.
fn form(parameters: &Parameters) -> Result<fn() -> Reply, Refusal> {
    Ok(match Form::parse(parameters, Form::Json)? {
        Form::Json => || Reply::Now(Response::new(JSON, Json::object(write_time_status))),
        Form::Text => || Reply::Now(Response::new(TEXT, sentence())),
    })
}

/// What is recorded of calls, for the status of all recordings.
pub(super) fn write_time_status(json: &mut Json) {
    let status = recording::status();
    json.field("is_recording", status.is_recording);
    json.field("by_program", status.by_program);
    json.field("by_request", status.by_request);
    json.optional("ends_in_ns", status.left.map(|left| left.as_nanos()));
}

fn sentence() -> String {
    let status = recording::status();
    let left = || status.left.map(|left| units::duration(left.as_secs_f64()));
    match (status.is_recording, left()) {
        (false, _) => "calls are not being recorded\n".to_owned(),
        (true, Some(left)) if status.by_program => {
            format!("recording calls; a request's recording ends in {left}, the program's goes on\n")
        }
        (true, Some(left)) => format!("recording calls, for another {left}\n"),
        (true, None) => "recording calls\n".to_owned(),
    }
}
