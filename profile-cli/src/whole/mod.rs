//! Whole programs: every function of a workspace measured, with no line of it edited.
//!
//! `plan` says what; `mirror` holds the sources with calls spliced in by `splice`; cargo builds as always, with the tool
//! as `wrapper` around rustc, which compiles the mirror, and as `runner` around the program.

pub(crate) mod advice;
pub(crate) mod build;
mod condition;
pub(crate) mod coverage;
pub(crate) mod defaults;
mod embedded;
mod excerpt;
mod hash;
mod home;
pub(crate) mod interrupt;
pub(crate) mod linked;
mod mirror;
pub(crate) mod others_runner;
pub(crate) mod plan;
pub(crate) mod runner;
pub(crate) mod runtime_library;
mod sources;
mod splice;
pub(crate) mod toolchain;
mod unit;
pub(crate) mod workspace;
pub(crate) mod wrapper;

pub(crate) use build::Build;
