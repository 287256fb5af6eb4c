//! Models of what threads write while snapshots read, explored by loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p profile-cost-loom --release --target-dir target/loom`.
//!
//! The sources of the engine are compiled here against [loom's] atomics, with a switch that weakens
//! them: each model must hold as it is, and fail with each weakness that it is there to notice.
//!
//! [loom's]: https://docs.rs/loom

#![cfg(all(loom, test))]

#[allow(dead_code)]
#[path = "../../../profile-runtime/src/counters.rs"]
mod counters;
mod models;
#[allow(dead_code)]
#[path = "../../../profile-runtime/src/position.rs"]
mod position;
#[allow(dead_code)]
#[path = "../../../profile-runtime/src/ring.rs"]
mod ring;
mod sync;
