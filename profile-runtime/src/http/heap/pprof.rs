//! `pprof/heap` and `pprof/allocs`, as clients of Go's `net/http/pprof` expect them.

use std::time::{Duration, Instant};

use super::{Asked, Look, in_turn, require_mode, require_recording, text_of};
use crate::heap::{self, PprofOptions, ReportOptions, Snapshot, recording};
use crate::http::endpoints::{Endpoints, State};
use crate::http::parameters::Parameters;
use crate::http::response::{BINARY, Refusal, Response};
use crate::http::work::{Reply, Work};

/// `heap`: what is live is shown first.
pub(in crate::http) fn heap(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    profile(endpoints, parameters, "heap", "inuse_space")
}

/// `allocs`: the same figures; all that was allocated since recording began is shown first.
pub(in crate::http) fn allocs(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    profile(endpoints, parameters, "allocs", "alloc_space")
}

/// `seconds=N` for what happens in that while, `debug=1` for text. `gc=1` asks Go to collect garbage first.
fn profile(
    endpoints: &Endpoints,
    parameters: &Parameters,
    name: &'static str,
    default_type: &'static str,
) -> Result<Reply, Refusal> {
    let is_text = parameters.number("debug", 0..=2, 0)? > 0;
    if parameters.get("seconds").is_some() {
        if is_text {
            return Err(Refusal::new(400, "seconds and debug params are incompatible"));
        }
        return delta(endpoints, parameters, name, default_type);
    }
    let asked = Asked::parse(endpoints, parameters)?;
    in_turn(endpoints, move |state| {
        let snapshot = asked.get();
        require_mode(snapshot.mode)?;
        let look = Look::named(state, snapshot);
        if is_text {
            return text_of(&look, |body| look.snapshot.write_report(body, &ReportOptions::default()));
        }
        file(&look, name, PprofOptions { default_type, is_delta: false })
    })
}

/// What happens in a while: the older snapshot is taken here and now, the newer one when the time is over.
fn delta(
    endpoints: &Endpoints,
    parameters: &Parameters,
    name: &'static str,
    default_type: &'static str,
) -> Result<Reply, Refusal> {
    let state = endpoints.state().clone();
    let longest = state.options.longest_capture.as_secs().max(1);
    let seconds = Duration::from_secs(parameters.number("seconds", 1..=longest, 1)?);
    require_recording()?;
    let now = Instant::now();
    let capturing = state.limits.begin_capture(now, seconds)?;
    state.limits.note_snapshot(now, state.options.snapshot_interval)?;
    let (old, of) = (heap::take_snapshot(), recording::plan().generation());
    Ok(Work::after(seconds, move || {
        let new = heap::take_snapshot();
        let place = state.heap.turns.queue_after_capture(&capturing);
        let _turn = place.turn()?;
        written_delta(&state, &old, new, of, name, default_type)
    }))
}

fn written_delta(
    state: &State,
    old: &Snapshot,
    new: Snapshot,
    of: u32,
    name: &'static str,
    default_type: &'static str,
) -> Result<Response, Refusal> {
    require_mode(new.mode)?;
    if recording::plan().generation() != of || new.duration < old.duration {
        return Err(Refusal::new(409, "the recording began anew meanwhile; ask again"));
    }
    let look = Look::named(state, new.since(old));
    file(&look, name, PprofOptions { default_type, is_delta: true })
}

fn file(look: &Look, name: &str, options: PprofOptions) -> Result<Response, Refusal> {
    let response = Response::written(BINARY, |body| look.snapshot.write_pprof_as(body, options))?;
    Ok(look.in_header(response.with("content-disposition", format!("attachment; filename=\"{name}\""))))
}
