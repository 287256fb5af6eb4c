//! HOT PATH: steps from frame to frame by the table of call-frame rules.

use std::ptr;

use super::rule::{self, Rule};
use super::{stack, table};

/// Below it nothing is mapped: a return address there is the end that some threads' stacks are given.
const LOWEST_ADDRESS: usize = 4096;

/// Fills `out` with return addresses, innermost first, beginning with the one in the function that called this; returns
/// how many. 0 before [`prepare`](super::prepare).
///
/// Ends where it does not know for sure how to go on: in code without unwind tables or loaded after
/// [`prepare`](super::prepare), in frames whose rule is an expression (signal trampolines, C functions with a realigned
/// stack), and, on a stack that is not the thread's own (a coroutine's), at the end of the page.
#[inline(always)]
pub(crate) fn walk(out: &mut [usize]) -> usize {
    // SAFETY: room for that many, and nobody else's.
    unsafe { walk_from_here(out.as_mut_ptr(), out.len()) }
}

/// Has no frame of its own: what is at rsp is the return address into the caller, whose rbp is untouched.
///
/// # Safety
/// As for [`steps`].
#[unsafe(naked)]
unsafe extern "sysv64" fn walk_from_here(out: *mut usize, len: usize) -> usize {
    std::arch::naked_asm!(
        "mov rdx, rsp",
        "mov rcx, rbp",
        "jmp {steps}",
        steps = sym steps,
    )
}

/// # Safety
/// `out` has room for `len`. `rsp` points to a return address on the stack that the thread is on, and `rbp` is the
/// register in the frame that is returned to.
unsafe extern "sysv64" fn steps(out: *mut usize, len: usize, rsp: *const usize, mut rbp: usize) -> usize {
    let Some(table) = table::current() else { return 0 };
    if len == 0 {
        return 0;
    }
    // SAFETY: as the caller promised.
    let mut back = unsafe { *rsp };
    let end = stack::end(rsp.addr());
    let mut rsp = rsp.addr() + size_of::<usize>();
    let mut found = 0;
    loop {
        // SAFETY: fewer than `len` so far.
        unsafe { *out.add(found) = back };
        found += 1;
        if found == len {
            return found;
        }
        // Within the call: what follows it may belong to another function.
        let rule = table.rule(back - 1);
        let from = match rule & rule::FROM {
            rule::FROM_RSP => rsp,
            // Whatever the tables say, nothing is read but from rsp to the stack's end.
            rule::FROM_RBP if rbp.wrapping_sub(rsp) <= end - rsp => rbp,
            rule::FROM_LIST => match long_step(table, rule, rsp, rbp, end) {
                Some((cfa, saved)) => {
                    (rsp, rbp) = (cfa, saved);
                    // SAFETY: `long_step` has looked that the word below the CFA is in the stack.
                    back = unsafe { read(cfa - size_of::<usize>()) };
                    if back < LOWEST_ADDRESS {
                        return found;
                    }
                    continue;
                }
                None => return found,
            },
            _ => return found,
        };
        let cfa = from + (rule & rule::OFFSET) as usize;
        if cfa > end {
            return found;
        }
        let saved = rule::saved(rule);
        if saved != 0 {
            // SAFETY: short rules are such that it is from the register to the CFA, and those are from rsp to the end.
            rbp = unsafe { read(cfa - saved) };
        }
        // SAFETY: the CFA is at least a word above the register.
        back = unsafe { read(cfa - size_of::<usize>()) };
        if back < LOWEST_ADDRESS {
            return found;
        }
        rsp = cfa;
    }
}

/// # Safety
/// The word at `address` is on the thread's stack.
#[inline(always)]
unsafe fn read(address: usize) -> usize {
    // SAFETY: as the caller promised. Wrong tables may have led to an odd address.
    unsafe { ptr::read_unaligned(ptr::with_exposed_provenance(address)) }
}

/// The CFA by a rule of large numbers, and the caller's rbp; both words that are read are from `rsp` to `end`.
#[cold]
#[inline(never)]
fn long_step(table: &table::Table, rule: Rule, rsp: usize, rbp: usize, end: usize) -> Option<(usize, usize)> {
    const WORD: usize = size_of::<usize>();
    let long = table.long_rule(rule)?;
    let from = if long.from_rbp { rbp } else { rsp };
    let cfa = from.checked_add_signed(long.offset as isize)?;
    if cfa < rsp + WORD || cfa > end {
        return None;
    }
    if long.saved == 0 {
        return Some((cfa, rbp));
    }
    let at = cfa.checked_sub(long.saved as usize)?;
    // SAFETY: it is on the stack, as the condition says; a saved register is below the CFA by a word at least.
    (at >= rsp && at + WORD <= cfa).then(|| (cfa, unsafe { read(at) }))
}
