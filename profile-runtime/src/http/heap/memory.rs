//! `memory`: which types hold the heap and how they have changed since this was last asked, the largest blocks, and why the
//! process takes more than that.

use std::io::{self, Write};

use super::rows::{write_key, write_numbers};
use super::{Asked, Form, Look, START, in_turn, limit, lock, text_of};
use crate::heap::{
    Growth, GrowthRow, KeyType, Measure, Mode, ProcessMemory, SizeRow, Snapshot, Statistic, Summary,
};
use crate::http::endpoints::Endpoints;
use crate::http::json::Json;
use crate::http::parameters::Parameters;
use crate::http::response::{JSON, Refusal, Response};
use crate::http::work::Reply;

/// Most types that are remembered; past it all are forgotten.
const MOST_TYPES: usize = 20_000;

/// What there was when this was last asked.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Of which recording.
    recording: u32,
    types: Option<Summary>,
    growth: Growth,
}

/// What has changed since.
#[derive(Debug)]
struct Change {
    types: Summary,
    grown: Vec<GrowthRow>,
}

impl Before {
    /// Takes note of a snapshot with names; what has changed since the last one of the same recording.
    fn update(
        &mut self,
        snapshot: &Snapshot,
        types: &Summary,
        recording: u32,
        limit: usize,
    ) -> Option<Change> {
        let is_known = self.types.is_some() && self.recording == recording;
        if !is_known || self.growth.len() + types.rows().len() > MOST_TYPES {
            *self = Self { recording, ..Self::default() };
        }
        let grown = self.growth.update(snapshot, limit);
        let before = self.types.replace(types.clone());
        before.map(|before| Change { types: types.diff(&before), grown })
    }
}

/// `memory`: `limit`, `id` (a kept snapshot, of which nothing has changed), `format`.
pub(in crate::http) fn memory(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let (limit, form) = (limit(parameters)?, Form::parse(parameters, Form::Json)?);
    // The process's memory is told also while nothing is recorded.
    let asked = match parameters.get("id") {
        None | Some("now") => Asked::now(endpoints)?,
        Some(_) => Asked::parse(endpoints, parameters)?,
    };
    in_turn(endpoints, move |state| {
        let look = Look::named(state, asked.get());
        let types = look.snapshot.summary();
        let is_told =
            matches!(asked, Asked::Now) && look.unnamed.is_none() && look.snapshot.mode != Mode::Off;
        let recording = crate::heap::recording::plan().generation();
        let change = is_told
            .then(|| lock(&state.heap.growth).update(&look.snapshot, &types, recording, limit))
            .flatten();
        let answer = Answer { largest: largest(&look.snapshot, limit), look, types, change, limit };
        match form {
            Form::Json => Ok(Response::new(JSON, answer.json())),
            Form::Text => text_of(&answer.look, |body| answer.text(body)),
        }
    })
}

struct Answer {
    look: Look,
    types: Summary,
    /// `None` when this was not asked before.
    change: Option<Change>,
    largest: Vec<(SizeRow, Statistic)>,
    limit: usize,
}

/// Lines of the largest blocks: of the largest size class first, and of a class the most bytes first.
fn largest(snapshot: &Snapshot, limit: usize) -> Vec<(SizeRow, Statistic)> {
    let mut rows = Vec::new();
    for class in snapshot.size_histogram(Measure::Live).into_iter().rev().filter(|row| row.count > 0) {
        let traces = snapshot.traces.iter().filter(|trace| trace.size_class == class.size_class);
        let lines = snapshot.with_traces(traces.cloned().collect()).statistics(KeyType::Lineno, false);
        rows.extend(lines.into_iter().take(limit - rows.len()).map(|line| (class, line)));
        if rows.len() >= limit {
            break;
        }
    }
    rows
}

impl Answer {
    fn json(&self) -> Vec<u8> {
        let Self { look, types, change, largest, limit } = self;
        let snapshot = &look.snapshot;
        Json::object(|json| {
            json.text("mode", &snapshot.mode.to_string());
            json.field("taken_unix_ns", snapshot.taken.as_nanos());
            json.optional_text("unnamed", look.unnamed.as_deref());
            json.optional_text("remedy", (snapshot.mode == Mode::Off).then_some(START));
            json.field("types_total", types.rows().len());
            json.list("types", types.rows().iter().take(*limit), |json, row| {
                json.text("type", &row.type_name);
                json.field("blocks", row.count);
                json.field("bytes", row.size);
                let diff = change.as_ref().and_then(|change| {
                    change.types.rows().iter().find(|other| other.type_name == row.type_name)
                });
                json.optional("blocks_diff", diff.map(|diff| diff.count));
                json.optional("bytes_diff", diff.map(|diff| diff.size));
            });
            json.field("has_growth", change.is_some());
            let (changed, grown) = match change {
                Some(change) => (change.types.rows(), &change.grown[..]),
                None => (&[][..], &[][..]),
            };
            let mut changed: Vec<_> = changed.iter().filter(|row| row.count != 0 || row.size != 0).collect();
            changed.sort_by_key(|row| std::cmp::Reverse(row.size.unsigned_abs()));
            json.list("changes", changed.into_iter().take(*limit), |json, row| {
                json.text("type", &row.type_name);
                json.field("blocks_diff", row.count);
                json.field("bytes_diff", row.size);
            });
            json.list("growth", grown, |json, row| {
                json.text("type", &row.type_name);
                json.field("blocks", row.count);
                json.field("blocks_above_highest", row.delta);
            });
            json.list("largest", largest, |json, (class, line)| {
                json.field("size_low_bytes", class.size_class.low());
                json.field("size_high_bytes", class.size_class.high());
                write_key(json, &line.key);
                write_numbers(json, line);
            });
            json.list("sizes", snapshot.size_histogram(Measure::Live), |json, row| {
                json.field("size_low_bytes", row.size_class.low());
                json.field("size_high_bytes", row.size_class.high());
                json.field("blocks", row.count);
                json.field("bytes", row.size);
            });
            json.within("process", |json| write_process(json, &snapshot.process));
        })
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { look, types, change, largest, limit } = self;
        let snapshot = &look.snapshot;
        snapshot.process.explain().iter().try_for_each(|line| writeln!(out, "{line}"))?;
        match snapshot.mode {
            Mode::Off => return writeln!(out, "\n{START}"),
            Mode::Counters => return writeln!(out, "\nmode counters knows nothing of types"),
            _ => {}
        }
        writeln!(out, "\nLive blocks by type")?;
        types.print(out, *limit)?;
        match change {
            None => writeln!(out, "\nWhat has changed is told when this is asked again")?,
            Some(change) => {
                writeln!(out, "\nChanged since last asked")?;
                change.types.print(out, *limit)?;
                writeln!(out, "\nMore blocks than ever when last asked")?;
                Growth::show(&change.grown, out)?;
            }
        }
        writeln!(out, "\nLargest blocks")?;
        largest.iter().try_for_each(|(class, line)| writeln!(out, "{}: {line}", class.size_class))
    }
}

/// The process's memory, in numbers and in words.
fn write_process(json: &mut Json, process: &ProcessMemory) {
    json.field("live_bytes", process.live_bytes);
    json.field("live_blocks", process.live_blocks);
    json.field("peak_bytes", process.peak_bytes);
    json.field("profiler_bytes", process.profiler_bytes);
    json.optional("rss_bytes", process.rss_bytes);
    json.optional("cgroup_limit_bytes", process.cgroup_limit);
    json.optional("cgroup_used_bytes", process.cgroup_used);
    json.texts("explanation", process.explain());
}
