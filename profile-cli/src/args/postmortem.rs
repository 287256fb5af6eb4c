//! What became of a process.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Postmortem {
    /// A flight recorder's file, or the folder of them, whose newest is taken.
    #[arg(value_name = "FILE|DIR")]
    pub(crate) file: PathBuf,
    /// Functions to show; 0 for all [default: 30].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The build that was running, before it was stripped: names for what held the heap.
    #[arg(long = "binary", value_name = "PATH")]
    pub(crate) binaries: Vec<PathBuf>,
    /// All of it as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// The profile as a page for a browser.
    #[arg(long, conflicts_with = "json")]
    pub(crate) html: bool,
    /// Into this file; .json and .html ask for those.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
