//! Unwind tables that lie, and stacks that are not the thread's: a walk may end early, and must not fault.

#![cfg(all(target_os = "linux", target_arch = "x86_64", not(profile_cost_portable)))]

use std::ptr;

use profile_cost_runtime::testing::walker;

extern "C" fn walk_here(stack: *mut [usize; 60]) -> usize {
    // SAFETY: what the tests below give.
    let found = walker::walk(unsafe { &mut *stack });
    // Not the last that it does: it would have no frame.
    std::hint::black_box(found)
}

type Liar = unsafe extern "C" fn(extern "C" fn(*mut [usize; 60]) -> usize, *mut [usize; 60]) -> usize;

/// Functions that call their first argument with their second, each with a wrong rbp and a wrong word about where its
/// frame is.
macro_rules! liars {
    ($(($name:ident, $rbp:literal, $lie:literal),)+) => {
        $(std::arch::global_asm!(
            concat!(".globl ", stringify!($name)),
            concat!(stringify!($name), ":"),
            ".cfi_startproc",
            "push rbp",
            ".cfi_def_cfa_offset 16",
            ".cfi_offset rbp, -16",
            concat!("mov rbp, ", $rbp),
            "mov rax, rdi",
            "mov rdi, rsi",
            $lie,
            "call rax",
            "nop",
            "pop rbp",
            "ret",
            ".cfi_endproc",
        );)+
        unsafe extern "C" {
            $(fn $name(walk: extern "C" fn(*mut [usize; 60]) -> usize, stack: *mut [usize; 60]) -> usize;)+
        }
        const LIARS: &[(&str, Liar)] = &[$((stringify!($name), $name)),+];
    };
}

liars! {
    (walker_liar_far, "5", ".cfi_def_cfa_offset 0x7fff0"),
    (walker_liar_farther, "5", ".cfi_def_cfa_offset 0x7ffffff0"),
    (walker_liar_back, "5", ".cfi_def_cfa_offset -0x40"),
    (walker_liar_nowhere, "5", ".cfi_def_cfa_offset 0"),
    (walker_liar_small_rbp, "5", ".cfi_def_cfa rbp, 16"),
    (walker_liar_odd_rbp, "rsp; add rbp, 3", ".cfi_def_cfa rbp, 16"),
    (walker_liar_huge_rbp, "-16", ".cfi_def_cfa rbp, 16"),
    (walker_liar_huge_rbp_far, "-1", ".cfi_def_cfa rbp, 0x40000000"),
    (walker_liar_inner_rbp, "rsp; sub rbp, 64", ".cfi_def_cfa rbp, 80"),
    (walker_liar_saved_below, "5", ".cfi_offset rbp, -0x7000"),
    (walker_liar_saved_far_below, "5", ".cfi_offset rbp, -0x7fffff00"),
    (walker_liar_saved_above, "5", ".cfi_offset rbp, 0x700000"),
    (walker_liar_other_register, "5", ".cfi_def_cfa rax, 16"),
    (walker_liar_return_elsewhere, "5", ".cfi_offset rip, -0x700000"),
}

#[test]
fn tables_that_lie_lead_nowhere_else() {
    assert!(walker::prepare());
    for &(name, liar) in LIARS {
        let mut stack = [0; 60];
        // SAFETY: it calls what it is given, and comes back as it should.
        let found = unsafe { liar(walk_here, &raw mut stack) };
        // Into `walk_here`, into the liar; then perhaps to somewhere on the stack, but never outside of it.
        assert!(found >= 2 && stack[1] - liar as usize <= 64, "{name}: {found} frames, {stack:x?}");
    }
}

/// Calls its first argument with its second, on the stack whose end is the third.
#[unsafe(naked)]
unsafe extern "sysv64" fn on_stack(
    walk: extern "C" fn(*mut [usize; 60]) -> usize,
    stack: *mut [usize; 60],
    end: *mut u8,
) -> usize {
    std::arch::naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "mov rsp, rdx",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "mov rsp, rbp",
        "pop rbp",
        "ret",
        ".cfi_endproc",
    )
}

#[test]
fn on_a_stack_that_is_not_the_threads_only_what_is_sure_is_answered() {
    const PAGES: usize = 16 * 4096;
    assert!(walker::prepare());
    // SAFETY: a new mapping, whose second half nobody may touch.
    let memory = unsafe {
        let memory = libc::mmap(
            ptr::null_mut(),
            2 * PAGES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        assert_ne!(memory, libc::MAP_FAILED);
        assert_eq!(libc::mprotect(memory.byte_add(PAGES), PAGES, libc::PROT_NONE), 0);
        memory.cast::<u8>()
    };
    for _ in 0..3 {
        let mut stack = [0; 60];
        // SAFETY: there is room for what `walk_here` needs.
        let found = unsafe { on_stack(walk_here, &raw mut stack, memory.add(PAGES)) };
        assert_eq!(found, 2, "{stack:x?}");
        assert!(stack[1] - on_stack as *const () as usize <= 64);
        // And then on the thread's own again.
        assert!(walk_here(&raw mut stack) > 5);
    }
    // SAFETY: nobody is on it any more.
    unsafe { libc::munmap(memory.cast(), 2 * PAGES) };
}
