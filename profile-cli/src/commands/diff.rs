//! `diff`: what changed between two profiles, as a table, as a picture, and as an exit status.

use std::io::Write;
use std::process::ExitCode;

use profile_cost_runtime::stats::{Change, DiffRow};
use profile_cost_runtime::{Diff, FlamegraphOptions, Format, Restriction, SortKey};
use profile_cost_runtime::{DiffOptions, Stats};

use super::limited;
use crate::args::{self, FailOn};
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::terminal::Screen;
use crate::{json, output};

pub(crate) fn run(asked: &args::Diff, screen: &Screen) -> Result<ExitCode, Failure> {
    let format = output::format(asked.output.as_ref(), Format::Text)?;
    if !matches!(format, Format::Text | Format::Json | Format::Flamegraph) {
        return Err(Failure::new("a difference is .svg, .json or .txt; use `convert` for other formats"));
    }
    let files = input::files(&[asked.before.clone(), asked.after.clone()])?;
    let [before, after] = &files[..] else {
        return Err(Failure::new("a pattern that matches several files; name the two to compare"));
    };
    let (before, after) = (Input::read(before)?, Input::read(after)?);
    let diff = compared(asked, before.recording.stats(), after.recording.stats());
    let mut restrictions = asked.restrictions.clone();
    restrictions.extend(asked.order.restrict.iter().cloned());
    let failed = failed(asked, &diff, &restrictions);
    let restrictions = limited(restrictions, asked.top, asked.output.as_ref());

    let target = asked.output.as_deref();
    if format == Format::Flamegraph {
        let (before, after) = (before.into_profile(), after.into_profile());
        let options = DiffOptions {
            flamegraph: FlamegraphOptions::new(asked.metric.into()),
            normalize: asked.normalize,
        };
        output::to(target, |out| after.write_diff_flamegraph(&before, out, &options))?;
    } else {
        let mut diff = diff;
        diff.look(if target.is_some() { screen.look_of_file() } else { screen.look() });
        output::to(target, |out| {
            if asked.json || format == Format::Json {
                json::write(out, &json::diff(&diff.rows(&restrictions)))
            } else {
                diff.print(out, &restrictions)
            }
        })?;
    }
    match failed {
        Some(message) => {
            let _ = writeln!(std::io::stderr(), "failed: {message}");
            Ok(ExitCode::FAILURE)
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

fn compared(asked: &args::Diff, mut before: Stats, mut after: Stats) -> Diff {
    if asked.order.strip_dirs {
        before.strip_dirs();
        after.strip_dirs();
    }
    let mut diff = Diff::new(&before, &after);
    if asked.normalize {
        diff.normalize();
    }
    diff.sort(asked.order.keys(SortKey::Time));
    if asked.order.reverse {
        diff.reverse_order();
    }
    diff
}

/// Which function grew by more than is allowed, the worst first. Limits on lines are of the table alone.
fn failed(asked: &args::Diff, diff: &Diff, restrictions: &[Restriction]) -> Option<String> {
    let limit = asked.fail_over?;
    let patterns: Vec<Restriction> =
        restrictions.iter().filter(|r| matches!(r, Restriction::Regex(_))).cloned().collect();
    let change = |row: &DiffRow| -> Option<Change> {
        match asked.fail_on {
            FailOn::PerCall => row.per_call(),
            FailOn::Own => Some(row.total()),
            FailOn::Cumulative => Some(row.cumulative()),
            FailOn::Calls => Some(row.calls()),
        }
    };
    let rows = diff.rows(patterns);
    let mut grown: Vec<(&DiffRow, Change, f64)> = (rows.into_iter())
        .filter(|row| row.before.is_some() && row.after.is_some_and(|f| f.cumulative >= asked.fail_min))
        .filter_map(|row| {
            let change = change(row)?;
            // A share cannot be told where there was nothing; any growth is more than any limit then.
            let share = change.relative().unwrap_or(if change.after > 0.0 { f64::INFINITY } else { 0.0 });
            Some((row, change, 100.0 * share))
        })
        .filter(|(.., percent)| *percent > limit)
        .collect();
    grown.sort_by(|(_, _, a), (_, _, b)| b.total_cmp(a));
    let (row, change, percent) = grown.first()?;
    let what = match asked.fail_on {
        FailOn::PerCall => "time per call",
        FailOn::Own => "time of its own",
        FailOn::Cumulative => "cumulative time",
        FailOn::Calls => "calls",
    };
    let amount = |value: f64| match asked.fail_on {
        FailOn::Calls => format!("{value:.0}"),
        _ => format!("{:.3}ms", value * 1e3),
    };
    let others = match grown.len() - 1 {
        0 => String::new(),
        n => format!("; and {n} more function{}", if n == 1 { "" } else { "s" }),
    };
    let name: String = row.label.name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let file: String = row.label.file.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    Some(format!(
        "{what} of {name} ({file}:{}) grew by {percent:.1}%, from {} to {}; the limit is {limit}%{others}",
        row.label.line,
        amount(change.before),
        amount(change.after),
    ))
}
