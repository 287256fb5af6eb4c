//! `tracemalloc`: the rows that hold most, in the shape that the services of a Python team answered with, as numbers, and
//! as the text of tracemalloc's recipe.

use super::rows::{formatted, key_name, write_key, write_numbers};
use super::{Asked, Form, Look, in_turn, key_type, limit, require_mode, text_of};
use crate::heap::{KeyType, Measure, SourceLines, Statistic, kib};
use crate::http::endpoints::Endpoints;
use crate::http::json::Json;
use crate::http::parameters::Parameters;
use crate::http::response::{JSON, Refusal, Response};
use crate::http::work::Reply;

/// `tracemalloc`: `key_type`, `limit`, `cumulative`, `id` (a kept snapshot), `format`.
pub(in crate::http) fn tracemalloc(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let (key_type, limit, form) =
        (key_type(parameters)?, limit(parameters)?, Form::parse(parameters, Form::Json)?);
    let cumulative = parameters.flag("cumulative")?;
    let asked = Asked::parse(endpoints, parameters)?;
    in_turn(endpoints, move |state| {
        let snapshot = asked.get();
        require_mode(snapshot.mode)?;
        let look = Look::named(state, snapshot);
        match form {
            Form::Json => Ok(Response::new(JSON, answer(&look, key_type, cumulative, limit))),
            // The recipe has no rows that share their blocks.
            Form::Text if cumulative => {
                text_of(&look, |body| look.snapshot.write_statistics(body, key_type, true, limit))
            }
            Form::Text => text_of(&look, |body| look.snapshot.display_top(body, key_type, limit)),
        }
    })
}

fn answer(look: &Look, key_type: KeyType, cumulative: bool, limit: usize) -> Vec<u8> {
    let snapshot = &look.snapshot;
    let rows = snapshot.statistics(key_type, cumulative);
    let (top, other) = rows.split_at(limit.min(rows.len()));
    let sum = |of: fn(&Statistic) -> u64| other.iter().fold(0u64, |sum, row| sum.saturating_add(of(row)));
    let (other_bytes, other_blocks) = (sum(|row| row.size), sum(|row| row.count));
    let total = snapshot.total(Measure::Live);
    let mut sources = SourceLines::at_hand();
    Json::object(|json| {
        json.list("top_result", (1..).zip(top), |json, (number, row): (usize, _)| {
            json.text("desc", &format!("#{number}: {}: {}", row.key, kib(row.size)));
            json.texts("traceback", formatted(row.traceback(), &mut sources));
        });
        json.text("other_result", &format!("Total {}, other: {}", other.len(), kib(other_bytes)));
        json.text("total_size", &kib(total.size));
        json.text("key_type", &key_name(key_type));
        json.field("cumulative", cumulative);
        json.text("mode", &snapshot.mode.to_string());
        json.field("taken_unix_ns", snapshot.taken.as_nanos());
        json.optional_text("unnamed", look.unnamed.as_deref());
        json.list("rows", top, |json, row| {
            write_key(json, &row.key);
            write_numbers(json, row);
        });
        json.within("other", |json| {
            json.field("rows", other.len());
            // Cumulative rows share their blocks.
            json.optional("bytes", (!cumulative).then_some(other_bytes));
            json.optional("blocks", (!cumulative).then_some(other_blocks));
        });
        json.within("total", |json| write_numbers(json, &total));
    })
}
