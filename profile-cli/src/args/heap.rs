//! Snapshots of the heap.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use profile_cost_runtime::heap::{self, KeyType};

#[derive(Debug, Args)]
pub(crate) struct Heap {
    /// A snapshot that `Snapshot::dump` or `Snapshot::save` wrote (service.heap); - is stdin.
    pub(crate) file: PathBuf,
    /// The program or library as it was built, before it was stripped, or the file that its debug information was moved
    /// to; may be repeated.
    #[arg(short, long = "binary", value_name = "FILE")]
    pub(crate) binaries: Vec<PathBuf>,
    /// Rows by lineno, filename, traceback, function, crate, call-path, type or size, in place of the report.
    #[arg(short, long, value_name = "KEY", value_parser = heap_key)]
    pub(crate) key: Option<KeyType>,
    /// Blocks count on every line (function, ..) of their stack, not only on the one that allocated them.
    #[arg(long, requires = "key")]
    pub(crate) cumulative: bool,
    /// Rows of each table; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
    /// An older snapshot: what changed since.
    #[arg(long, value_name = "OLD")]
    pub(crate) compare: Option<PathBuf>,
    /// What rows, widths of flamegraphs and values of folded stacks stand for; of rows that are compared, always live.
    #[arg(long, value_enum, default_value_t = HeapMeasure::Live)]
    pub(crate) measure: HeapMeasure,
    /// Into this file, in the format of its extension: .txt, .json, .folded, .svg, .pb.gz, .dhat.json, .heap.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The format, whatever the extension: text, json, folded, svg, pprof, dhat, dump.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Option<heap::Format>,
}

/// Which blocks of a heap count.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum HeapMeasure {
    /// Bytes not freed.
    Live,
    /// Bytes of all that were allocated.
    Allocated,
    /// Bytes that were live at the peak.
    Peak,
    /// Blocks that were freed soon after.
    Temporary,
    /// Bytes that realloc copied.
    Copied,
}

impl From<HeapMeasure> for heap::Measure {
    fn from(measure: HeapMeasure) -> Self {
        match measure {
            HeapMeasure::Live => Self::Live,
            HeapMeasure::Allocated => Self::Allocated,
            HeapMeasure::Peak => Self::Peak,
            HeapMeasure::Temporary => Self::Temporary,
            HeapMeasure::Copied => Self::Copied,
        }
    }
}

fn heap_key(text: &str) -> Result<KeyType, String> {
    if text == "path" { Ok(KeyType::CallPath) } else { text.parse() }
}
