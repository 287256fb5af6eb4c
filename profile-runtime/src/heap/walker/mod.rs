//! Stack walking: the return addresses of the calling thread, innermost first. HOT PATH: neither allocates nor locks.
//!
//! On x86-64 Linux `table` has the unwind tables of all loaded modules in a compact form. Elsewhere, and with
//! `--cfg profile_cost_portable`, stacks are not walked yet: modes that need them say so.

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
mod table;

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
pub(crate) use table::{prepare, walk};

/// False: stacks cannot be walked here.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable))))]
pub(crate) fn prepare() -> bool {
    false
}

/// No frames.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable))))]
pub(crate) fn walk(_out: &mut [usize]) -> usize {
    0
}
