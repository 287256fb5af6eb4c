//! The heap: which source lines, call paths and types hold the memory.
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: profile_cost_runtime::heap::Tracker = profile_cost_runtime::heap::Tracker::system();
//! ```
//!
//! Data flows one way here too: `tracker` (HOT PATH) writes `tallies` and `live`; `take` reads them into a
//! [`Snapshot`], an inert value; `naming` gives its addresses names; `statistics` groups it; `render` prints it.

mod compare;
mod dump;
mod filter;
mod frame;
mod hooks;
mod live;
mod local;
mod memory;
mod mode;
mod modules;
mod naming;
mod origin;
mod process;
mod recording;
mod records;
mod render;
mod sampler;
mod size_class;
mod snapshot;
mod spin;
mod statistics;
mod take;
mod tallies;
mod text;
mod tracker;
mod types;
mod walker;

pub use compare::StatisticDiff;
pub use filter::Filter;
pub use frame::{CallPath, Frame, FrameId, Module, Source};
pub use mode::Mode;
pub use process::ProcessMemory;
pub use recording::{
    StartError, clear_traces, get_traceback_limit, get_traced_memory, get_tracemalloc_memory, is_tracing,
    mode, reset_peak, set_memory_limit, set_mode, set_temporary_window, start, stop,
};
pub use size_class::SizeClass;
pub use snapshot::{Notes, Snapshot, Trace, TraceCounts};
pub use statistics::{KeyType, Measure, Statistic};
pub use take::take_snapshot;
pub use tracker::Tracker;
