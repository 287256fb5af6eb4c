//! The heap: which source lines, call paths and types hold the memory.
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: profile_cost_runtime::heap::Tracker = profile_cost_runtime::heap::Tracker::system();
//! ```
//!
//! Linux on x86-64 is where stacks are walked at little cost; elsewhere the platform's unwinder does it, which modes
//! `exact` and `sample` pay dearly for, and addresses stay without modules.
//!
//! With `PROFILE_COST_HEAP=exact:25` in the environment it records from before `main` on (`before_main`) and reports what
//! is live at exit (`at_exit`); [`start`], [`set_mode`] and [`stop`] switch it while the program runs.
//!
//! Data flows one way here too: `tracker` (HOT PATH) writes `tallies` and `live`; `take` reads them into a
//! [`Snapshot`], an inert value; `dump` and `load` keep it in a file; `place`, `statistics`, `filter` and `compare` group it;
//! `text`, `summary`, `growth` and `figures` show it as tracemalloc, pympler, objgraph, memray and scalene do. `naming` gives
//! its addresses names (until then rows are `module+0x1234`, or call paths); `render` writes it to files.

pub(crate) mod at_exit;
pub(crate) mod before_main;
mod bucket;
pub(crate) mod captured;
mod compare;
#[cfg(feature = "http")]
mod delta;
mod dump;
mod figures;
mod filter;
mod format;
mod frame;
mod frames;
mod growth;
mod hooks;
mod interval;
mod live;
mod load;
pub(crate) mod local;
pub(crate) mod making;
#[cfg_attr(not(all(feature = "recorder", unix)), path = "unmapped.rs")]
pub(crate) mod mapped;
pub(crate) mod memory;
mod mode;
pub(crate) mod modules;
#[cfg(feature = "symbols")]
mod naming;
mod nursery;
pub(crate) mod origin;
mod pattern;
mod place;
mod process;
mod quick;
pub(crate) mod recording;
pub(crate) mod records;
mod render;
mod sampler;
mod size_class;
mod snapshot;
mod source_line;
mod source_lines;
mod spin;
mod statistics;
mod summary;
mod take;
pub(crate) mod tallies;
pub(crate) mod tally;
mod text;
mod traceback;
mod tracker;
#[cfg_attr(
    not(any(feature = "symbols", feature = "testing")),
    allow(dead_code, reason = "types are told from names")
)]
pub(crate) mod types;
pub(crate) mod walker;

pub use compare::StatisticDiff;
pub use figures::{Rate, SizeRow};
pub use filter::Filter;
pub use format::Format;
pub use frame::{CallPath, Frame, FrameId, Module, Source};
pub use growth::{Growth, GrowthRow};
pub use load::LoadError;
pub use mode::Mode;
pub(crate) use mode::bytes;
#[cfg(feature = "http")]
pub(crate) use naming::NameCache;
#[cfg(feature = "symbols")]
pub use naming::Unnamed;
pub use process::ProcessMemory;
#[cfg(feature = "recorder")]
pub(crate) use process::SystemMemory;
pub use recording::{
    StartError, clear_traces, get_traceback_limit, get_traced_memory, get_tracemalloc_memory, is_tracing,
    mode, reset_peak, set_memory_limit, set_mode, set_temporary_window, start, stop,
};
#[cfg(feature = "http")]
pub(crate) use render::PprofOptions;
pub use render::{ReportOptions, SourceLine, StackOptions};
pub use size_class::SizeClass;
pub use snapshot::{Notes, Snapshot, Trace, TraceCounts};
pub use source_line::source_line;
pub use source_lines::SourceLines;
pub use statistics::{Key, KeyType, Measure, Statistic};
pub use summary::{Summary, SummaryRow, TypeCount, show_most_common_types};
pub use take::take_snapshot;
pub(crate) use take::{PROCESS, counts_by_path};
pub use text::TopOptions;
#[cfg(feature = "http")]
pub(crate) use text::kib;
pub use traceback::{Line, Traceback};
pub use tracker::Tracker;
