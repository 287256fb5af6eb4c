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
mod format;
mod frame;
mod mode;
mod modules;
mod naming;
mod origin;
mod process;
mod render;
mod size_class;
mod snapshot;
mod statistics;
mod text;
mod types;
mod walker;

pub use compare::StatisticDiff;
pub use filter::Filter;
pub use format::Format;
pub use frame::{CallPath, Frame, FrameId, Module, Source};
pub use mode::Mode;
pub use process::ProcessMemory;
pub use render::StackOptions;
pub use size_class::SizeClass;
pub use snapshot::{Notes, Snapshot, Trace, TraceCounts};
pub use statistics::{KeyType, Measure, Statistic};
