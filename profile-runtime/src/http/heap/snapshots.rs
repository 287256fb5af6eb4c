//! `snapshots`: taken and kept, listed, compared, and fetched as files.

use super::kept::One;
use super::rows::{formatted, key_name, write_change, write_key};
use super::{Asked, Form, Look, in_turn, key_type, limit, lock, require_mode, require_recording, text_of};
use crate::heap::{self, Format, SourceLines};
use crate::http::endpoints::Endpoints;
use crate::http::json::Json;
use crate::http::parameters::Parameters;
use crate::http::response::{BINARY, JSON, Refusal, Response, SVG, TEXT};
use crate::http::work::Reply;

/// `POST snapshots`: takes one.
pub(in crate::http) fn take(endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    require_recording()?;
    Asked::now(endpoints)?;
    in_turn(endpoints, |state| {
        let snapshot = heap::take_snapshot();
        require_mode(snapshot.mode)?;
        let one = lock(&state.heap.kept).add(snapshot, state.options.kept_snapshots)?;
        Ok(Response::new(JSON, Json::object(|json| write_one(json, &one))))
    })
}

/// `snapshots`: those that are kept, the oldest first.
pub(in crate::http) fn list(endpoints: &Endpoints, _parameters: &Parameters) -> Result<Reply, Refusal> {
    in_turn(endpoints, |state| {
        let kept = lock(&state.heap.kept).all();
        Ok(Response::new(
            JSON,
            Json::object(|json| {
                json.field("most", state.options.kept_snapshots);
                json.list("snapshots", &kept, write_one);
            }),
        ))
    })
}

fn write_one(json: &mut Json, one: &One) {
    let snapshot = &one.snapshot;
    let totals = snapshot.totals();
    json.field("id", one.id);
    json.field("taken_unix_ns", snapshot.taken.as_nanos());
    json.field("recorded_ns", snapshot.duration.as_nanos());
    json.text("mode", &snapshot.mode.to_string());
    json.field("live_bytes", totals.live_bytes());
    json.field("live_blocks", totals.live_blocks());
    json.field("traces", snapshot.traces.len());
    json.field("kept_in_bytes", one.size);
}

/// `snapshots/compare`: what has changed from `old` to `new`, each the number of a kept one; `new` may be `now`.
pub(in crate::http) fn compare(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let (key_type, limit, form) =
        (key_type(parameters)?, limit(parameters)?, Form::parse(parameters, Form::Json)?);
    let cumulative = parameters.flag("cumulative")?;
    let Some(old_id) = parameters.get("old") else {
        return Err(Refusal::new(
            400,
            "old=ID is missing: /debug/profile-cost/snapshots lists those that are kept",
        ));
    };
    let old = lock(&endpoints.state().heap.kept).find(old_id)?;
    let new = Asked::named(endpoints, parameters.get("new").unwrap_or("now"))?;
    in_turn(endpoints, move |state| {
        let new = new.get();
        require_mode(new.mode)?;
        let (new, old) = (Look::named(state, new), Look::named(state, (*old).clone()));
        if form == Form::Text {
            return text_of(&new, |body| {
                new.snapshot.write_comparison(&old.snapshot, body, key_type, cumulative, limit)
            });
        }
        let mut rows = new.snapshot.compare_to(&old.snapshot, key_type, cumulative);
        rows.retain(|row| row.size_diff != 0 || row.count_diff != 0);
        let mut sources = SourceLines::at_hand();
        Ok(Response::new(
            JSON,
            Json::object(|json| {
                json.text("key_type", &key_name(key_type));
                json.field("cumulative", cumulative);
                json.field("old_taken_unix_ns", old.snapshot.taken.as_nanos());
                json.field("new_taken_unix_ns", new.snapshot.taken.as_nanos());
                json.optional_text("unnamed", new.unnamed.as_deref().or(old.unnamed.as_deref()));
                json.field("rows_total", rows.len());
                json.list("rows", rows.iter().take(limit), |json, row| {
                    json.text("text", &row.to_string());
                    write_key(json, &row.key);
                    write_change(json, row);
                    json.texts("traceback", formatted(row.traceback(), &mut sources));
                });
            }),
        ))
    })
}

/// A file of a snapshot: its format, its content type, and the name to save it by where it is not to be shown.
type File = (Format, &'static str, Option<&'static str>);

const FORMATS: &[(&str, File)] = &[
    ("txt", (Format::Text, TEXT, None)),
    ("text", (Format::Text, TEXT, None)),
    ("json", (Format::Json, JSON, None)),
    ("folded", (Format::Folded, TEXT, None)),
    #[cfg(feature = "flamegraph")]
    ("svg", (Format::Flamegraph, SVG, None)),
    ("pb.gz", (Format::Pprof, BINARY, Some("heap.pb.gz"))),
    ("pprof", (Format::Pprof, BINARY, Some("heap.pb.gz"))),
    ("dhat", (Format::Dhat, JSON, Some("heap.dhat.json"))),
    ("heap", (Format::Dump, BINARY, Some("live.heap"))),
];

/// `snapshots/get`: the file of a kept one, or of one taken now, in a format. `heap` is the snapshot itself, without names:
/// `cargo profile-cost heap` gives it names elsewhere.
pub(in crate::http) fn get(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    if parameters.get("format") == Some("svg") && cfg!(not(feature = "flamegraph")) {
        return Err(Refusal::parameter("format", "svg", "built without the feature `flamegraph`"));
    }
    let (format, content_type, file) = parameters.one_of("format", FORMATS)?;
    let asked = Asked::parse(endpoints, parameters)?;
    in_turn(endpoints, move |state| {
        let snapshot = asked.get();
        require_mode(snapshot.mode)?;
        let look = match format {
            Format::Dump => Look { snapshot, unnamed: None },
            _ => Look::named(state, snapshot),
        };
        let write = |body: &mut Vec<u8>| look.snapshot.write(format, body);
        let mut response = match format {
            Format::Text => text_of(&look, write)?,
            _ => look.in_header(Response::written(content_type, write)?),
        };
        if content_type == SVG {
            // Its own script and style, and nothing from elsewhere.
            let policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'";
            response = response.with("content-security-policy", policy);
        }
        if let Some(file) = file {
            response = response.with("content-disposition", format!("attachment; filename=\"{file}\""));
        }
        Ok(response)
    })
}
