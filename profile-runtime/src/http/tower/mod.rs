//! The endpoints as a tower service, and a layer that makes each request a call.
//!
//! Depends on no runtime: what takes long is done on threads of its own, see `pool`.

mod answer;
mod body;
mod layer;
mod names;
mod pool;
mod service;

pub use answer::Answer;
pub use body::Body;
pub use layer::{ProfileLayer, Profiled, ProfiledFuture};
