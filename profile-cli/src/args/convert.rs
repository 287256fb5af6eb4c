//! Profiles in other formats, or many in one.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use profile_cost_runtime::Format;

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// Profiles; wildcards in quotes are expanded as well.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Into this file, in the format of its extension.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The format, whatever the extension [default without a file: JSON, or a dump of dumps].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<To>,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// The profile.
    pub(crate) input: PathBuf,
    /// The file to write, in the format of its extension.
    #[arg(value_name = "OUTPUT", conflicts_with = "output")]
    pub(crate) target: Option<PathBuf>,
    /// The same.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The format, whatever the extension.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<To>,
}

/// A format to write.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum To {
    Json,
    Pstats,
    Folded,
    Svg,
    #[value(alias = "text")]
    Txt,
    Pprof,
    Callgrind,
    Speedscope,
    Html,
}

impl From<To> for Format {
    fn from(to: To) -> Self {
        match to {
            To::Json => Self::Json,
            To::Pstats => Self::Pstats,
            To::Folded => Self::Folded,
            To::Svg => Self::Flamegraph,
            To::Txt => Self::Text,
            To::Pprof => Self::Pprof,
            To::Callgrind => Self::Callgrind,
            To::Speedscope => Self::Speedscope,
            To::Html => Self::Html,
        }
    }
}
