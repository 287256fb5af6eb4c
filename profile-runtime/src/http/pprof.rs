//! What Go's `net/http/pprof` serves, under the same names: profile, heap, allocs, cmdline, and `wall` beside them.

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::{Refusal, Response, TEXT};
use super::work::Reply;

/// `cmdline`: as Go answers it, arguments with NUL between them.
pub(super) fn cmdline(endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    if !endpoints.options().cmdline {
        return Err(Refusal::new(403, "the command line is not shown: the options' `cmdline` is off"));
    }
    let arguments: Vec<String> = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    Ok(Reply::Now(Response::new(TEXT, arguments.join("\0"))))
}
