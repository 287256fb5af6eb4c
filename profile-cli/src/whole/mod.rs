//! The whole program profiled, with no edits: its sources are mirrored, and each function's body gets a call.

#[allow(dead_code, reason = "nobody calls it yet")]
pub(crate) mod splice;
