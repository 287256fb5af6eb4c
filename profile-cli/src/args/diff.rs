//! Two profiles compared.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use profile_cost_runtime::Restriction;

use super::order::parse_restriction;
use super::{Measure, Order};

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The profile to compare with.
    pub(crate) before: PathBuf,
    /// The profile that is compared.
    pub(crate) after: PathBuf,
    /// Restrictions: a number of lines, a fraction, a pattern.
    #[arg(value_name = "RESTRICTION", value_parser = parse_restriction, allow_negative_numbers = true)]
    pub(crate) restrictions: Vec<Restriction>,
    #[command(flatten)]
    pub(crate) order: Order,
    /// Compare shares of the whole: for profiles of unequal length.
    #[arg(long)]
    pub(crate) normalize: bool,
    /// Exit with status 1 when a function grew by more than so many percent.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) fail_over: Option<f64>,
    /// What --fail-over looks at.
    #[arg(long, value_enum, default_value_t = FailOn::PerCall)]
    pub(crate) fail_on: FailOn,
    /// --fail-over ignores functions that take less cumulative time than this in the second profile: 500us, 1ms, 2s.
    #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "0s")]
    pub(crate) fail_min: f64,
    /// Lines to show; 0 for all [default: 30 on a terminal, all elsewhere].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The table as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Into this file: .svg for a differential flamegraph, .json or .txt for the table.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What widths of the flamegraph stand for.
    #[arg(long, value_enum, default_value_t = Measure::Task)]
    pub(crate) metric: Measure,
}

/// A figure that must not grow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FailOn {
    /// Cumulative time per call: slower, however often it is called.
    PerCall,
    /// Time in the function itself.
    #[value(name = "self")]
    Own,
    /// Time with all that it calls.
    Cumulative,
    /// Calls.
    Calls,
}

/// `10%` or `10`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>();
    number.ok().filter(|n| n.is_finite() && *n >= 0.0).ok_or_else(|| "not a percentage; write 10%".to_owned())
}

/// `500us`, `1ms`, `2s`, in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = match &text[digits.len()..] {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err("no unit; write 500us, 1ms or 2s".to_owned()),
    };
    let number = digits.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    number.map(|n| n * unit).ok_or_else(|| "not a duration; write 500us, 1ms or 2s".to_owned())
}
