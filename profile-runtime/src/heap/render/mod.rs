//! Snapshots as text and files: one file a format. Nothing here touches a global, a clock or a file, so that the same
//! snapshot always gives the same bytes.

mod dhat;
#[cfg(feature = "flamegraph")]
mod flamegraph;
mod folded;
mod graph;
mod json;
mod notes;
mod places;
#[cfg(feature = "pprof")]
mod pprof;
mod rows;
mod table;
mod text;
mod traceback;

pub use graph::StackOptions;
#[cfg(feature = "http")]
pub(crate) use pprof::PprofOptions;
pub use text::{ReportOptions, SourceLine};
