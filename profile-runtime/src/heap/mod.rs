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
//! [`Snapshot`], an inert value. Naming its addresses, grouping and printing it are to come.

mod frame;
mod hooks;
mod live;
mod local;
mod memory;
mod mode;
mod modules;
#[cfg(feature = "symbols")]
mod naming;
#[cfg(any(feature = "symbols", feature = "testing"))]
pub(crate) mod origin;
mod process;
mod recording;
mod records;
mod sampler;
mod size_class;
mod snapshot;
mod spin;
mod take;
mod tallies;
mod tracker;
#[cfg(any(feature = "symbols", feature = "testing"))]
pub(crate) mod types;
mod walker;

pub use frame::{CallPath, Frame, FrameId, Module, Source};
pub use mode::Mode;
#[cfg(feature = "symbols")]
pub use naming::Unnamed;
pub use process::ProcessMemory;
pub use recording::{
    StartError, clear_traces, get_traceback_limit, get_traced_memory, get_tracemalloc_memory, is_tracing,
    mode, reset_peak, set_memory_limit, set_mode, set_temporary_window, start, stop,
};
pub use size_class::SizeClass;
pub use snapshot::{Notes, Snapshot, Trace, TraceCounts};
pub(crate) use take::counts_by_path;
pub use take::take_snapshot;
pub use tracker::Tracker;
