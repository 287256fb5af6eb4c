//! `report`, `callers`, `callees`: the tables of pstats.

use profile_cost_runtime::{SortKey, Stats};

use super::limited;
use crate::args::Report;
use crate::failure::Failure;
use crate::terminal::Screen;
use crate::{input, json, output};

/// Which table.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Stats,
    Callers,
    Callees,
}

pub(crate) fn run(asked: &Report, kind: Kind, screen: &Screen) -> Result<(), Failure> {
    let (files, mut restrictions) = input::files_and_restrictions(&asked.words)?;
    restrictions.extend(asked.order.restrict.iter().cloned());
    let restrictions = limited(restrictions, asked.top, asked.output.as_ref());
    let mut stats: Stats = input::stats(&files)?;
    if asked.order.strip_dirs {
        stats.strip_dirs();
    }
    stats.sort_stats(asked.order.keys(SortKey::Cumulative)).style(asked.style.into());
    if asked.order.reverse {
        stats.reverse_order();
    }
    let to_file = asked.output.is_some();
    stats.look(if to_file { screen.look_of_file() } else { screen.look() });
    let as_json = asked.json
        || asked.output.as_ref().is_some_and(|path| path.extension().is_some_and(|end| end == "json"));
    output::to(asked.output.as_deref(), |out| {
        if as_json {
            stats.calc_callees();
            let rows = stats.rows(&restrictions);
            let table = match kind {
                Kind::Stats => json::report(&stats, &rows),
                Kind::Callers => json::edges(&stats, &rows, "callers"),
                Kind::Callees => json::edges(&stats, &rows, "callees"),
            };
            return json::write(out, &table);
        }
        match kind {
            Kind::Stats => stats.print_stats(out, &restrictions),
            Kind::Callers => stats.print_callers(out, &restrictions),
            Kind::Callees => stats.print_callees(out, &restrictions),
        }
        .map(|_| ())
    })
}
