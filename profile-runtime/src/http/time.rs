//! Where time goes: the report, callers, callees, tree, flamegraph and files of the calls recorded.

use std::time::Duration;

use super::endpoints::Endpoints;
use super::parameters::Parameters;
use super::response::{Refusal, Response, TEXT};
use super::work::{Reply, Work};
use crate::stats::{SortKey, Stats};

/// `stats`: the report.
pub(super) fn stats(_endpoints: &Endpoints, parameters: &Parameters) -> Result<Reply, Refusal> {
    let limit = parameters.number("limit", 1..=100_000, 30)? as usize;
    let keys = sort_keys(parameters)?;
    Ok(Work::after(Duration::ZERO, move || {
        let mut stats = Stats::new(crate::snapshot());
        stats.strip_dirs().sort_stats(keys);
        Response::written(TEXT, |body| stats.print_stats(body, limit).map(drop))
    }))
}

/// `sort=`: pstats' keys, several with commas.
fn sort_keys(parameters: &Parameters) -> Result<Vec<SortKey>, Refusal> {
    let keys = parameters.get("sort").unwrap_or("cumulative");
    keys.split(',').map(|key| key.trim().parse()).collect::<Result<_, _>>().map_err(|_| {
        Refusal::parameter("sort", keys, "use cumulative, tottime, ncalls, name, ... (several with commas)")
    })
}
