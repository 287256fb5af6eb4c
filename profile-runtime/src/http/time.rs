//! Where time goes: the reports of the calls recorded, as text for people, as pstats prints them, and as data.

use super::capture;
use super::endpoints::Endpoints;
use super::form::Form;
use super::json::Json;
use super::parameters::Parameters;
use super::response::{JSON, Refusal, Response, TEXT};
use super::rows::{self, Table};
use super::work::Reply;
use crate::profile::Profile;
use crate::render::{Metric, TreeOptions};
use crate::stats::{Look, Restriction, SortKey, Stats, Style};

/// Rows, if not asked for otherwise.
const ROWS: u64 = 30;
/// The most rows that can be asked for.
const MOST_ROWS: u64 = 100_000;
/// The deepest level of a tree that can be asked for.
const DEEPEST: u64 = 10_000;

/// In place of an empty report.
const NOTHING: &str = "Nothing is recorded: POST /debug/profile-cost/control/time/start begins, `?seconds=5` records for that long.\n";

/// `stats`: a line a function.
pub(super) fn stats(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    table(endpoints, parameters, Table::Stats)
}

/// `callers`: for each function who called it.
pub(super) fn callers(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    table(endpoints, parameters, Table::Callers)
}

/// `callees`: for each function whom it called.
pub(super) fn callees(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    table(endpoints, parameters, Table::Callees)
}

fn table(endpoints: &Endpoints, parameters: &Parameters, table: Table) -> Result<Reply, Refusal> {
    let order = Order::parse(parameters)?;
    let style = parameters.one_of("style", &[("default", Style::Default), ("pstats", Style::Pstats)])?;
    let form = Form::parse(parameters, Form::Text)?;
    if form == Form::Json && parameters.get("style").is_some() {
        return Err(Refusal::new(400, "style goes with format=text"));
    }
    let seconds = capture::seconds(endpoints, parameters)?;
    capture::of(endpoints, seconds, move |profile| {
        let mut stats = order.sorted(profile);
        stats.style(style);
        let restrictions = order.restrictions;
        if form == Form::Json {
            let write = |json: &mut Json| rows::functions(json, &mut stats, table, &restrictions);
            return Ok(Response::new(JSON, Json::object(write)));
        }
        // After a timed capture an empty report is the answer.
        if seconds.is_none() && style == Style::Default && profile.is_empty() && !crate::is_enabled() {
            return Ok(Response::new(TEXT, NOTHING));
        }
        Response::written(TEXT, |body| {
            match table {
                Table::Stats => stats.print_stats(body, restrictions),
                Table::Callers => stats.print_callers(body, restrictions),
                Table::Callees => stats.print_callees(body, restrictions),
            }
            .map(drop)
        })
    })
}

/// `tree`: the call tree.
pub(super) fn tree(endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let order = Order::parse(parameters)?;
    let (metric, form) = (metric(parameters)?, Form::parse(parameters, Form::Text)?);
    let max_depth = parameters.number("depth", 1..=DEEPEST, TreeOptions::default().max_depth.into())? as u32;
    let seconds = capture::seconds(endpoints, parameters)?;
    capture::of(endpoints, seconds, move |profile| {
        let mut tree = profile.call_tree(&TreeOptions {
            metric,
            sort: order.keys.first().copied().unwrap_or(SortKey::Cumulative),
            reverse: order.reverse,
            max_depth,
            restrictions: order.restrictions,
            ..TreeOptions::default()
        });
        if order.strip {
            for row in &mut tree.rows {
                row.label.file = row.label.file.rsplit('/').next().unwrap_or_default().to_owned();
            }
        }
        if form == Form::Json {
            return Ok(Response::new(JSON, Json::object(|json| rows::tree(json, &tree))));
        }
        Response::written(TEXT, |body| tree.print(body, Look::default()))
    })
}

/// The report as it is printed to the log.
pub(super) fn report(profile: &Profile) -> Result<Response, Refusal> {
    Response::written(TEXT, |body| crate::report::write(profile, &[SortKey::Cumulative], ROWS as usize, body))
}

/// Which rows are shown, in what order.
#[derive(Clone, Debug)]
struct Order {
    keys: Vec<SortKey>,
    reverse: bool,
    strip: bool,
    restrictions: Vec<Restriction>,
}

impl Order {
    /// `sort`, `reverse`, `strip`, `restrict` and `limit`. The latter holds after all of the former.
    fn parse(parameters: &Parameters) -> Result<Self, Refusal> {
        let sort = parameters.get("sort").unwrap_or("cumulative");
        let keys = SortKey::parse_list(sort)
            .map_err(|error| Refusal::parameter("sort", sort, &error.to_string()))?;
        let mut restrictions = restrictions(parameters)?;
        let limit = parameters.number("limit", 0..=MOST_ROWS, ROWS)?;
        if limit > 0 {
            restrictions.push((limit as usize).into());
        }
        let strip = parameters.get("strip").is_none() || parameters.flag("strip")?;
        Ok(Self { keys, reverse: parameters.flag("reverse")?, strip, restrictions })
    }

    fn sorted(&self, profile: &Profile) -> Stats {
        let mut stats = Stats::new(profile);
        if self.strip {
            stats.strip_dirs();
        }
        stats.sort_stats(self.keys.iter().copied());
        if self.reverse {
            stats.reverse_order();
        }
        stats
    }
}

/// `restrict=`: a number of lines, a fraction, a pattern; several with commas, each applied to what the last one left. A
/// comma of a pattern's own is written `\x2c`.
fn restrictions(parameters: &Parameters) -> Result<Vec<Restriction>, Refusal> {
    let words = parameters.get("restrict").unwrap_or_default().split(',').filter(|word| !word.is_empty());
    words
        .map(|word| {
            let restriction: Restriction =
                word.parse().map_err(|error: String| Refusal::parameter("restrict", word, &error))?;
            restriction.check().map_err(|error| Refusal::parameter("restrict", word, &error))?;
            Ok(restriction)
        })
        .collect()
}

/// `metric=`: what shares and widths are of.
pub(super) fn metric(parameters: &Parameters) -> Result<Metric, Refusal> {
    let words = [
        ("time", Metric::Task),
        ("busy", Metric::Busy),
        ("await", Metric::Await),
        ("calls", Metric::Calls),
        ("live", Metric::Live),
    ];
    parameters.one_of("metric", &words)
}
