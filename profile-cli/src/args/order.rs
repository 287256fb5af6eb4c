//! Order and names of rows, and which of them are shown.

use clap::Args;
use profile_cost_runtime::{Restriction, SortKey};

use crate::input::restriction;

/// Order and names, in tables.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// Sort keys, the most significant first: calls, cumulative, filename, line, name, nfl, pcalls, stdname, time; of
    /// the heap allocs, heap, live, cumallocs, cumheap, cumlive; or a unique beginning; several by commas or repeated. A list starts with -s "" in the order of first call.
    #[arg(short, long, value_name = "KEYS", value_parser = sort_keys)]
    pub(crate) sort: Vec<Keys>,
    /// Turn the order round.
    #[arg(long)]
    pub(crate) reverse: bool,
    /// File names without their directories.
    #[arg(long, overrides_with = "full_paths")]
    pub(crate) strip_dirs: bool,
    /// File names as they were recorded (the default).
    #[arg(long, overrides_with = "strip_dirs")]
    pub(crate) full_paths: bool,
    /// A number of lines, a fraction of them (0.5) or a pattern; several apply in turn, as in pstats.
    #[arg(short, long, value_name = "RESTRICTION", value_parser = parse_restriction, allow_hyphen_values = true)]
    pub(crate) restrict: Vec<Restriction>,
}

/// The keys of one `--sort`.
#[derive(Clone, Debug)]
pub(crate) struct Keys(pub(crate) Vec<SortKey>);

impl Order {
    /// The keys; `default` where none was asked for.
    pub(crate) fn keys(&self, default: SortKey) -> Vec<SortKey> {
        if self.sort.is_empty() {
            return vec![default];
        }
        self.sort.iter().flat_map(|keys| keys.0.iter().copied()).collect()
    }
}

pub(super) fn sort_keys(text: &str) -> Result<Keys, String> {
    if text.is_empty() {
        return Ok(Keys(Vec::new()));
    }
    SortKey::parse_list(text).map(Keys).map_err(|error| error.to_string())
}

pub(super) fn parse_restriction(text: &str) -> Result<Restriction, String> {
    restriction(text).map_err(|failure| failure.to_string())
}
