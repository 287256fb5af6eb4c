//! `run`, `test`, `bench`: a program to build, run and measure.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Cargo;
use super::order::{Keys, sort_keys};

/// A program to build, run and measure.
#[derive(Debug, Args)]
pub(crate) struct Whole {
    /// Measure all that the workspace depends on, too: everything is compiled anew.
    #[arg(long)]
    pub(crate) deps: bool,
    /// Measure this dependency, too; may be repeated.
    #[arg(long = "crate", value_name = "NAME")]
    pub(crate) crates: Vec<String>,
    /// Leave functions alone that have fewer tokens than this, no loop and no `.await`; 0 for none [default: 40].
    #[arg(long, value_name = "TOKENS")]
    pub(crate) min_size: Option<usize>,
    /// Measure only functions whose name or file's path matches; may be repeated.
    #[arg(long, value_name = "REGEX")]
    pub(crate) include: Vec<String>,
    /// Leave those alone whose name or file's path matches; may be repeated.
    #[arg(long, value_name = "REGEX")]
    pub(crate) exclude: Vec<String>,
    /// Sort keys of the report, as for `report` [default: cumulative].
    #[arg(short, long, value_name = "KEYS", value_parser = sort_keys)]
    pub(crate) sort: Vec<Keys>,
    /// Rows of the report; 0 for all [default: 30].
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The report byte for byte as Python's pstats prints it.
    #[arg(long)]
    pub(crate) pstats: bool,
    /// The profile also into this file, in the format of its extension; may be repeated.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// List the functions that are not measured, and why.
    #[arg(long)]
    pub(crate) show_skipped: bool,
    // NOTE: on a line of its own each, as cargo has it; explanations of values would take it apart.
    /// Print help.
    #[arg(short, long, action = clap::ArgAction::HelpShort)]
    help: Option<bool>,
    /// Name of the tests or benches to run.
    #[arg(value_name = "NAME")]
    pub(crate) filter: Option<OsString>,
    /// The program's arguments.
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub(crate) arguments: Vec<OsString>,
    // Last: what follows a heading stands below it.
    #[command(flatten)]
    pub(crate) cargo: Cargo,
}
