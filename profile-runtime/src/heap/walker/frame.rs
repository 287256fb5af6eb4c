//! HOT PATH: a frame as a walk has come to it, and the step from there to the one that called it.

use std::ptr;

use super::rule::{self, Rule};
use super::table::Table;

/// Below it nothing is mapped: a return address there is the end that some threads' stacks are given.
const LOWEST_ADDRESS: usize = 4096;
const WORD: usize = size_of::<usize>();

/// What the registers are after the return to `back`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The return address: in this frame's function, behind the call.
    pub(super) back: usize,
    /// Address behind the word that `back` was read from.
    pub(super) rsp: usize,
    pub(super) rbp: usize,
    /// How far below `rsp` rbp was read: `WORD`, which is where `back` was, when it was not.
    below: usize,
}

impl Frame {
    pub(super) const NONE: Self = Self { back: 0, rsp: 0, rbp: 0, below: WORD };

    /// The frame that is returned to first.
    ///
    /// # Safety
    /// `rsp` points to a return address on the thread's stack; `rbp` is the register of the frame that is returned to.
    #[inline(always)]
    pub(super) unsafe fn innermost(rsp: usize, rbp: usize) -> Self {
        // SAFETY: as the caller promised.
        let back = unsafe { read(rsp) };
        Self { back, rsp: rsp + WORD, rbp, below: WORD }
    }

    /// The frame that this one returns to; `None` at the end and where that is not known.
    ///
    /// # Safety
    /// The stack is mapped from `self.rsp` to `end`.
    #[inline(always)]
    pub(super) unsafe fn caller(self, table: &Table, end: usize) -> Option<Self> {
        // NOTE: whatever the tables say, nothing is read but from rsp to the stack's end.
        let rule = table.rule(self.back);
        let from = if rule & rule::FROM == rule::FROM_RSP {
            self.rsp
        } else if rule & rule::FROM == rule::FROM_RBP && self.rbp.wrapping_sub(self.rsp) <= end - self.rsp {
            self.rbp
        } else {
            // SAFETY: as the caller promised.
            return unsafe { self.caller_by_long_rule(table, rule, end) };
        };
        let offset = (rule & rule::OFFSET) as usize;
        let rsp = from + offset;
        if rsp > end {
            return None;
        }
        // SAFETY: it is from `from` to the end, since short rules have an offset of a word at least.
        let back = unsafe { read(from + offset - WORD) };
        let mut caller = Self { back, rsp, rbp: self.rbp, below: WORD };
        let below = rule::saved(rule);
        if below != 0 {
            // SAFETY: short rules are such that it is from `from` to `rsp`.
            caller.rbp = unsafe { read(rsp - below) };
            caller.below = below;
        }
        (back >= LOWEST_ADDRESS).then_some(caller)
    }

    /// # Safety
    /// As for `caller`.
    #[cold]
    #[inline(never)]
    unsafe fn caller_by_long_rule(self, table: &Table, rule: Rule, end: usize) -> Option<Self> {
        let long = table.long_rule(rule)?;
        let from = if long.from_rbp { self.rbp } else { self.rsp };
        let rsp = from.checked_add_signed(long.offset as isize)?;
        if rsp < self.rsp.checked_add(WORD)? || rsp > end {
            return None;
        }
        // SAFETY: from our rsp to the end, by the condition above.
        let back = unsafe { read(rsp - WORD) };
        if back < LOWEST_ADDRESS {
            return None;
        }
        let mut caller = Self { back, rsp, rbp: self.rbp, below: WORD };
        if long.saved != 0 {
            let at = rsp.checked_sub(long.saved as usize)?;
            if at < self.rsp || at > rsp - WORD {
                return None;
            }
            // SAFETY: the same, by the condition above.
            caller.rbp = unsafe { read(at) };
            caller.below = rsp - at;
        }
        Some(caller)
    }

    /// Whether the steps from there are the same, as long as the words that they read are.
    #[inline(always)]
    pub(super) fn has_registers_of(&self, other: &Self) -> bool {
        self.rsp == other.rsp && self.back == other.back && self.rbp == other.rbp
    }

    /// Whether the words that lead here are still the same.
    ///
    /// # Safety
    /// They are on a stack that is mapped.
    #[inline(always)]
    pub(super) unsafe fn is_unchanged(&self) -> bool {
        // SAFETY: as the caller promised.
        let (back, saved) = unsafe { (read(self.rsp - WORD), read(self.rsp - self.below)) };
        let expected = if self.below == WORD { self.back } else { self.rbp };
        (back ^ self.back) | (saved ^ expected) == 0
    }
}

/// # Safety
/// The word at `address` is on a stack that is mapped.
#[inline(always)]
unsafe fn read(address: usize) -> usize {
    // SAFETY: as the caller promised. Wrong tables may have led to an odd address.
    unsafe { ptr::read_unaligned(ptr::with_exposed_provenance(address)) }
}
