//! HOT PATH: where a walk begins: at the registers of the function that asked for it.

use super::frame::Frame;
use super::walked::Walked;
use super::{memo, stack, table};

/// Fills `out` with return addresses, innermost first, beginning with the one in the function that called this; returns
/// how many. 0 before [`prepare`](super::prepare). Whoever calls it as the last thing that it does has no frame any more.
///
/// Ends where it does not know for sure how to go on: in code without unwind tables or loaded after
/// [`prepare`](super::prepare), in frames whose rule is an expression (signal trampolines, C functions with a realigned
/// stack), and, on a stack that is not the thread's own (a coroutine's), at the end of the page.
///
/// Where the stack is that of the thread's walk before, nothing is filled in: [`memo::same`] does.
#[inline(always)]
pub(crate) fn walk_unless_same(out: &mut [usize]) -> Walked {
    // SAFETY: room for that many, and nobody else's.
    unsafe { walk_from_here(out.as_mut_ptr(), out.len()) }
}

/// Has no frame of its own: what is at rsp is the return address into the caller, whose rbp is untouched.
///
/// # Safety
/// `out` has room for `most`.
#[unsafe(naked)]
unsafe extern "sysv64" fn walk_from_here(out: *mut usize, most: usize) -> Walked {
    std::arch::naked_asm!(
        "mov rdx, rsp",
        "mov rcx, rbp",
        "jmp {walk_from}",
        walk_from = sym walk_from,
    )
}

/// # Safety
/// `out` has room for `most`. `rsp` points to a return address on the stack that the thread is on, and `rbp` is the
/// register in the frame that is returned to.
unsafe extern "sysv64" fn walk_from(out: *mut usize, most: usize, rsp: usize, rbp: usize) -> Walked {
    let Some(table) = table::current() else { return Walked::uncounted(0) };
    if most == 0 {
        return Walked::uncounted(0);
    }
    let end = stack::end(rsp);
    if most <= memo::FRAMES && table.may_look_anywhere {
        // SAFETY: as the caller promised; the stack is mapped from rsp to `end`.
        if let Some(found) = unsafe { memo::walk(out, most, Frame::innermost(rsp, rbp), table, end) } {
            return found;
        }
    }
    // SAFETY: as above.
    Walked::uncounted(unsafe { walk_plainly(out, most, rsp, rbp, table, end) })
}

/// # Safety
/// As for [`walk_from`]. `most` is not 0, and the stack is mapped from `rsp` to `end`.
#[inline(never)]
unsafe fn walk_plainly(
    out: *mut usize,
    most: usize,
    rsp: usize,
    rbp: usize,
    table: &table::Table,
    end: usize,
) -> usize {
    // SAFETY: as the caller promised.
    let mut frame = unsafe { Frame::innermost(rsp, rbp) };
    let mut found = 0;
    loop {
        // SAFETY: fewer than `most`.
        unsafe { *out.add(found) = frame.back };
        found += 1;
        if found == most {
            return found;
        }
        // SAFETY: as the caller promised; steps lead outwards.
        match unsafe { frame.caller(table, end) } {
            Some(caller) => frame = caller,
            None => return found,
        }
    }
}
