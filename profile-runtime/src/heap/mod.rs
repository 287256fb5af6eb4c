//! The heap: which source lines, call paths and types hold the memory.
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: profile_cost_runtime::heap::Tracker = profile_cost_runtime::heap::Tracker::system();
//! ```
//!
//! Linux on x86-64 is where stacks can be walked; elsewhere modes `exact` and `sample` say that they cannot begin, and
//! `paths` and `counters` work.
//!
//! Data flows one way here too: `tracker` (HOT PATH) writes `tallies` and `live`; `take` reads them into a
//! [`Snapshot`], an inert value; `render` writes that to files. Naming its addresses is to come.

mod format;
mod frame;
mod hooks;
mod live;
mod local;
mod memory;
mod mode;
mod modules;
mod origin;
mod process;
mod recording;
mod records;
mod render;
mod sampler;
mod size_class;
mod snapshot;
mod source_line;
mod spin;
mod statistics;
mod take;
mod tallies;
mod tracker;
mod walker;

pub use format::Format;
pub use frame::{CallPath, Frame, FrameId, Module, Source};
pub use mode::Mode;
pub use process::ProcessMemory;
pub use recording::{
    StartError, clear_traces, get_traceback_limit, get_traced_memory, get_tracemalloc_memory, is_tracing,
    mode, reset_peak, set_memory_limit, set_mode, set_temporary_window, start, stop,
};
pub use render::{ReportOptions, SourceLine, StackOptions};
pub use size_class::SizeClass;
pub use snapshot::{Notes, Snapshot, Trace, TraceCounts};
pub use source_line::source_line;
pub use statistics::Measure;
pub(crate) use take::counts_by_path;
pub use take::take_snapshot;
pub use tracker::Tracker;
