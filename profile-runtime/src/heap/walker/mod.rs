//! Stack walking: the return addresses of the calling thread, innermost first. HOT PATH: neither allocates nor locks.
//!
//! On x86-64 Linux `native` steps from frame to frame by `table`: the unwind tables (`.eh_frame`) of all loaded modules
//! in a compact form of `rule`s, with a cache by address, and never reads outside of the thread's own `stack`. No frame
//! pointers, debug information or compiler flags are needed.
//!
//! Elsewhere, and with `--cfg profile_cost_portable`, the crate `backtrace` walks. What differs: a walk costs fifty
//! times as much; it may take the loader's lock, or on Windows one of its own, so that a thread which is stopped while
//! it holds that stops all who allocate; and modules are not known, so that addresses stay as they are in the process.

mod walked;

pub(crate) use walked::UNCOUNTED;

#[cfg(any(not(all(target_arch = "x86_64", target_os = "linux")), profile_cost_portable))]
mod portable;
#[cfg(any(not(all(target_arch = "x86_64", target_os = "linux")), profile_cost_portable))]
pub(crate) use portable::{prepare, same, walk_unless_same};

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
mod frame;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
mod memo;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
mod native;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
mod rule;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
mod stack;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
mod table;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
mod valgrind;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
pub(crate) use {memo::same, native::walk_unless_same, table::prepare};
