//! Switching recordings on and off, and forgetting what was recorded.

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::{Refusal, Response, TEXT};
use super::work::Reply;

/// `control/time/start`.
pub(super) fn start_time(_endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    crate::enable();
    Ok(Reply::Now(Response::new(TEXT, "recording calls\n")))
}
