//! Pictures and pages of a profile.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use profile_cost_runtime::Metric;

#[derive(Debug, Args)]
pub(crate) struct Flamegraph {
    /// Profiles, which are merged.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Into this file: .svg or .folded [default: SVG to stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What widths stand for.
    #[arg(long, value_enum, default_value_t = Measure::Task)]
    pub(crate) metric: Measure,
    /// Heading.
    #[arg(long, default_value = "")]
    pub(crate) title: String,
    /// Narrower frames are drawn as part of their callers, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.02)]
    pub(crate) min_percent: f64,
}

#[derive(Debug, Args)]
pub(crate) struct Html {
    /// Profiles, which are merged.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Into this file [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Measure {
    /// Time running, or blocking a thread.
    Busy,
    /// Time suspended at an await.
    Await,
    /// Both.
    Task,
    /// Calls.
    Calls,
}

impl From<Measure> for Metric {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::Busy => Self::Busy,
            Measure::Await => Self::Await,
            Measure::Task => Self::Task,
            Measure::Calls => Self::Calls,
        }
    }
}
