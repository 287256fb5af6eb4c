//! The environment asked before `main`: `PROFILE_COST_HEAP` alone records, in a program without an annotated function
//! as well. Before any lock, thread or static of the program: the C library calls the hook.
//!
//! Recording is off until then, so that the allocator has one word to look at from the first instruction on.

/// The variable that asks for it.
pub(crate) const VARIABLE: &str = "PROFILE_COST_HEAP";
/// Files at exit, which ask for it as well.
pub(crate) const FILES: &str = "PROFILE_COST_HEAP_OUT";

#[cfg(unix)]
// SAFETY: functions of this section are called once, before `main`, by the C library, with the environment in place; on
// Linux those with a number, from 101 on for programs, before those without. One later than the hook that makes a
// process the child that names snapshots, which never records. It does not unwind.
#[used]
#[cfg_attr(any(target_os = "linux", target_os = "android"), unsafe(link_section = ".init_array.00102"))]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(
    not(any(target_os = "linux", target_os = "android", target_vendor = "apple")),
    unsafe(link_section = ".init_array")
)]
static HOOK: extern "C" fn() = hook;

#[cfg(unix)]
extern "C" fn hook() {
    // NOTE: this is called from C; a panic must not get there, nor one of what was thrown.
    let decided = std::panic::catch_unwind(|| {
        let is_set = |name: &str| std::env::var_os(name).is_some();
        #[cfg(feature = "server")]
        let listens = is_set(crate::http::server::VARIABLE);
        #[cfg(not(feature = "server"))]
        let listens = false;
        #[cfg(feature = "recorder")]
        if is_set(crate::environment::RECORD) {
            crate::recorder::before_main(crate::control::decide);
        }
        if is_set(VARIABLE) || is_set(FILES) || listens {
            crate::control::decide();
        }
    });
    if let Err(thrown) = decided {
        std::mem::forget(thrown);
    }
}

/// Referred to by the allocator, so that every program that has it has the hook as well, whatever a linker leaves out.
#[inline(never)]
pub(crate) fn keep() {
    #[cfg(unix)]
    std::hint::black_box(&raw const HOOK);
}
