//! cProfile for Rust services.
pub use profile_cost_macros::profile_cost;
pub use profile_cost_runtime::*;
