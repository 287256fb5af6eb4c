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
    /// How far below `rsp` rbp was read: `WORD`, which is where `back` was, when it was not, or does not matter.
    below: u32,
    /// Some step from here outwards goes by this rbp, before it is read anew. Before [`settle`]: the next one does.
    needs_rbp: bool,
}

/// `WORD` of a `below`.
const NOT_READ: u32 = WORD as u32;

impl Frame {
    pub(super) const NONE: Self = Self { back: 0, rsp: 0, rbp: 0, below: NOT_READ, needs_rbp: true };

    /// The frame that is returned to first.
    ///
    /// # Safety
    /// `rsp` points to a return address on the thread's stack; `rbp` is the register of the frame that is returned to.
    #[inline(always)]
    pub(super) unsafe fn innermost(rsp: usize, rbp: usize) -> Self {
        // SAFETY: as the caller promised.
        let back = unsafe { read(rsp) };
        Self { back, rsp: rsp + WORD, rbp, below: NOT_READ, needs_rbp: true }
    }

    /// The frame that this one returns to; `None` at the end and where that is not known. Says in `self` whether its rbp
    /// was needed.
    ///
    /// # Safety
    /// The stack is mapped from `self.rsp` to `end`.
    #[inline(always)]
    pub(super) unsafe fn caller(&mut self, table: &Table, end: usize) -> Option<Self> {
        // NOTE: whatever the tables say, nothing is read but from rsp to the stack's end.
        let rule = table.rule(self.back);
        self.needs_rbp = true;
        let (rsp, below) = if rule & rule::FROM == rule::FROM_RSP {
            self.needs_rbp = false;
            (self.rsp + (rule & rule::OFFSET) as usize, rule::saved(rule))
        } else if rule & rule::FROM == rule::FROM_RBP && self.rbp.wrapping_sub(self.rsp) <= end - self.rsp {
            (self.rbp + (rule & rule::OFFSET) as usize, rule::saved(rule))
        } else {
            by_long_rule(table, rule, self.rsp, self.rbp)
        };
        // Rules have an offset of a word at least, and a saved register that is not below rsp.
        if rsp > end || rsp == 0 {
            return None;
        }
        // SAFETY: from our rsp to `end`, as just said.
        let back = unsafe { read(rsp - WORD) };
        let (mut rbp, mut read_at) = (self.rbp, NOT_READ);
        if below != 0 {
            // SAFETY: as above.
            rbp = unsafe { read(rsp - below) };
            read_at = below as u32;
        }
        (back >= LOWEST_ADDRESS).then_some(Self { back, rsp, rbp, below: read_at, needs_rbp: true })
    }

    /// Whether the steps from `other` are the same, as long as the words that they read are; `self` is settled.
    #[inline(always)]
    pub(super) fn has_registers_of(&self, other: &Self) -> bool {
        self.rsp == other.rsp && self.back == other.back && (self.rbp == other.rbp || !self.needs_rbp)
    }

    /// Frames of one walk, innermost first: which of them need their rbp, when it is known of the outermost. What was
    /// read for those that do not need not be looked at again.
    #[inline(always)]
    pub(super) fn settle(frames: &mut [Self], outermost: bool) {
        let Some((last, inner)) = frames.split_last_mut() else { return };
        last.needs_rbp = outermost;
        let mut outer = last;
        for frame in inner.iter_mut().rev() {
            let is_kept = outer.below == NOT_READ;
            frame.needs_rbp |= is_kept && outer.needs_rbp;
            if !outer.needs_rbp {
                outer.below = NOT_READ;
            }
            outer = frame;
        }
        if !outer.needs_rbp {
            outer.below = NOT_READ;
        }
    }

    #[inline(always)]
    pub(super) fn needs_rbp(&self) -> bool {
        self.needs_rbp
    }

    /// Whether the words that lead here are still the same.
    ///
    /// # Safety
    /// They are on a stack that is mapped.
    #[inline(always)]
    pub(super) unsafe fn is_unchanged(&self) -> bool {
        // SAFETY: as the caller promised.
        unsafe {
            look_at(self.rsp - WORD) == self.back
                && (self.below == NOT_READ || look_at(self.rsp - self.below as usize) == self.rbp)
        }
    }
}

/// The caller's rsp, and how far below it rbp was saved, 0 when it was not; 0 and 0 where there is no rule. PERF: two
/// numbers, so that all of a [`Frame`] stays in registers.
#[cold]
#[inline(never)]
fn by_long_rule(table: &Table, rule: Rule, rsp: usize, rbp: usize) -> (usize, usize) {
    let place = || {
        let long = if rule & rule::FROM == rule::FROM_LIST { table.long_rule(rule)? } else { return None };
        let from = if long.from_rbp { rbp } else { rsp };
        let caller = from.checked_add_signed(long.offset as isize)?;
        let is_outwards = caller >= rsp.checked_add(WORD)?;
        let is_in_frame =
            long.saved == 0 || (WORD as i64..=caller.wrapping_sub(rsp) as i64).contains(&long.saved);
        (is_outwards && is_in_frame).then_some((caller, long.saved as usize))
    };
    place().unwrap_or((0, 0))
}

/// Not by Rust's own reads: what stands there may not be initialised, or not be there for this code (sanitizers).
///
/// # Safety
/// The word at `address` is mapped.
#[inline(always)]
unsafe fn look_at(address: usize) -> usize {
    let word;
    // SAFETY: as the caller promised.
    unsafe {
        std::arch::asm!(
            "mov {word}, qword ptr [{address}]",
            address = in(reg) address,
            word = lateout(reg) word,
            options(pure, readonly, nostack, preserves_flags),
        );
    }
    word
}

/// # Safety
/// The word at `address` is on a stack that is mapped.
#[inline(always)]
unsafe fn read(address: usize) -> usize {
    // SAFETY: as the caller promised. Wrong tables may have led to an odd address.
    unsafe { ptr::read_unaligned(ptr::with_exposed_provenance(address)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(below: u32, needs_rbp: bool) -> Frame {
        Frame { back: 0x1_0000, rsp: 0x100, rbp: 1, below, needs_rbp }
    }

    /// Innermost first: the second frame's step goes by rbp, and so the first one's rbp, which is kept, matters; the
    /// third's is read anew, and does not.
    #[test]
    fn rbp_matters_where_a_step_outwards_goes_by_it_before_it_is_read_anew() {
        let mut frames = [frame(NOT_READ, false), frame(NOT_READ, true), frame(16, false), frame(24, false)];
        Frame::settle(&mut frames, false);
        assert_eq!(frames.map(|frame| frame.needs_rbp), [true, true, false, false]);
        // What was read for frames that do not need it is not looked at again.
        assert_eq!(frames.map(|frame| frame.below), [NOT_READ; 4]);
    }

    #[test]
    fn what_the_outermost_frame_needs_is_needed_as_far_in_as_it_is_kept() {
        let mut frames = [frame(NOT_READ, false), frame(32, false), frame(NOT_READ, false)];
        Frame::settle(&mut frames, true);
        assert_eq!(frames.map(|frame| frame.needs_rbp), [false, true, true]);
        assert_eq!(frames.map(|frame| frame.below), [NOT_READ, 32, NOT_READ]);
    }

    #[test]
    fn another_rbp_is_another_frame_only_where_it_is_needed() {
        let (kept, other) = (frame(NOT_READ, true), Frame { rbp: 2, ..frame(NOT_READ, true) });
        assert!(!kept.has_registers_of(&other));
        assert!(frame(NOT_READ, false).has_registers_of(&other));
        assert!(!frame(NOT_READ, false).has_registers_of(&Frame { rsp: 0x108, ..other }));
    }
}
