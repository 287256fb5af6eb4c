//! Texts of a profile: tables, its tree, the browser.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use profile_cost_runtime::Style;

use super::{Measure, Order};

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Profiles, which are added up; then restrictions: a number of lines, a fraction, a pattern.
    #[arg(required = true, value_name = "FILE|RESTRICTION", allow_negative_numbers = true)]
    pub(crate) words: Vec<OsString>,
    #[command(flatten)]
    pub(crate) order: Order,
    /// Lines to show after all restrictions; 0 for all [default: 30 on a terminal, all elsewhere].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// How it looks.
    #[arg(long, value_enum, default_value_t = Looks::Default)]
    pub(crate) style: Looks,
    /// The table as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Into this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// Profiles, which are merged; then restrictions: a number of lines, a fraction, a pattern.
    #[arg(required = true, value_name = "FILE|RESTRICTION", allow_negative_numbers = true)]
    pub(crate) words: Vec<OsString>,
    #[command(flatten)]
    pub(crate) order: Order,
    /// What shares are taken of.
    #[arg(long, value_enum, default_value_t = Measure::Task)]
    pub(crate) metric: Measure,
    /// Smallest share that is shown, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.1)]
    pub(crate) min_percent: f64,
    /// Levels that are shown.
    #[arg(long, value_name = "LEVELS", default_value_t = 64)]
    pub(crate) depth: u32,
    /// Lines to show; 0 for all.
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The tree as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Into this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Browse {
    /// Profiles to begin with, which are added up.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How reports look.
    #[arg(long, value_enum, default_value_t = Looks::Default)]
    pub(crate) style: Looks,
}

/// How a report looks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Looks {
    /// For people.
    Default,
    /// Byte for byte as Python's pstats.
    Pstats,
}

impl From<Looks> for Style {
    fn from(looks: Looks) -> Self {
        match looks {
            Looks::Default => Self::Default,
            Looks::Pstats => Self::Pstats,
        }
    }
}
