//! Whether the program runs under valgrind.

/// Asks by the instructions that valgrind looks for (`RUNNING_ON_VALGRIND` of its `valgrind.h`), which do nothing elsewhere.
pub(super) fn is_here() -> bool {
    const RUNNING_ON_VALGRIND: usize = 0x1001;
    let question = [RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0];
    let mut answer = 0usize;
    // SAFETY: rotated by 128 bits in all, and exchanged with itself, the registers are as before. valgrind answers in
    // rdx, and only reads the question.
    unsafe {
        std::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            inout("rdx") answer,
            in("rax") question.as_ptr(),
            options(nostack),
        );
    }
    answer != 0
}
