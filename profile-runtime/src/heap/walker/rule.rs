//! How to come from a frame to its caller, in 31 bits: one row of a call-frame table (DWARF 5, section 6.4).

use gimli::{CfaRule, ReaderOffset, Register, RegisterRule, X86_64};

/// The canonical frame address (CFA) is a register plus an offset; the return address is the word below it.
///
/// Bits 0 and 1 say which register, or [`FROM_LIST`]. 3 to 18: the offset in bytes, which is a multiple of 8 from 8. 19 to
/// 30: how many words below the CFA the caller's rbp is, 0 when rbp still is the caller's. That word is never below the
/// register, so that it is within the frame. All bits 0 when there is no caller, or nothing is known.
pub(super) type Rule = u32;

/// Bits of a [`Rule`].
pub(super) const BITS: u32 = 31;
pub(super) const NONE: Rule = 0;
pub(super) const FROM: Rule = 3;
pub(super) const FROM_RSP: Rule = 1;
pub(super) const FROM_RBP: Rule = 2;
/// The bits from 3 are the index of a [`LongRule`].
pub(super) const FROM_LIST: Rule = 3;
pub(super) const OFFSET: Rule = 0x7_fff8;
const MOST_SAVED: u32 = 0xfff;
const SAVED_SHIFT: u32 = 19;

/// A rule whose numbers have no room in a [`Rule`]: frames of 512 KiB and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LongRule {
    pub(super) from_rbp: bool,
    /// Bytes from the register to the CFA.
    pub(super) offset: i64,
    /// Bytes from the CFA down to the caller's rbp, 0 when rbp still is the caller's.
    pub(super) saved: i64,
}

impl LongRule {
    /// `None` where there is no caller, and for what is not a register and an offset: the expressions of PLT entries and
    /// signal trampolines, registers other than rsp and rbp.
    pub(super) fn new<T: ReaderOffset>(
        cfa: &CfaRule<T>,
        register: impl Fn(Register) -> Option<RegisterRule<T>>,
    ) -> Option<Self> {
        let CfaRule::RegisterAndOffset { register: from, offset } = *cfa else { return None };
        let from_rbp = match from {
            X86_64::RSP => false,
            X86_64::RBP => true,
            _ => return None,
        };
        if !matches!(register(X86_64::RA), Some(RegisterRule::Offset(-8))) {
            return None;
        }
        let saved = match register(X86_64::RBP) {
            None | Some(RegisterRule::SameValue) => 0,
            Some(RegisterRule::Offset(at)) if at < 0 => at.checked_neg()?,
            Some(_) => return None,
        };
        (offset % 8 == 0 && saved % 8 == 0).then_some(Self { from_rbp, offset, saved })
    }

    /// In short, where there is room.
    pub(super) fn short(self) -> Option<Rule> {
        let (offset, saved) = (u32::try_from(self.offset).ok()?, u32::try_from(self.saved).ok()?);
        let is_short = (8..=OFFSET).contains(&offset) && saved <= offset && saved / 8 <= MOST_SAVED;
        let from = if self.from_rbp { FROM_RBP } else { FROM_RSP };
        is_short.then_some(from | offset | (saved / 8) << SAVED_SHIFT)
    }
}

/// Bytes from the CFA down to the caller's rbp.
#[inline(always)]
pub(super) fn saved(rule: Rule) -> usize {
    (rule >> SAVED_SHIFT) as usize * 8
}

/// The rule that is found in the list of long ones.
pub(super) fn in_list(index: usize) -> Rule {
    u32::try_from(index).map_or(NONE, |index| if index < 1 << 28 { (index << 3) | FROM_LIST } else { NONE })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(from: Register, offset: i64, rbp: Option<RegisterRule<usize>>) -> Option<LongRule> {
        let cfa = CfaRule::<usize>::RegisterAndOffset { register: from, offset };
        LongRule::new(&cfa, |register| match register {
            X86_64::RA => Some(RegisterRule::Offset(-8)),
            X86_64::RBP => rbp.clone(),
            _ => None,
        })
    }

    #[test]
    fn short_rules_say_what_the_long_ones_do() {
        for from_rbp in [false, true] {
            let from = if from_rbp { X86_64::RBP } else { X86_64::RSP };
            for (offset, below) in
                [(8, 0), (16, 16), (1 << 10, 48), (OFFSET.into(), 0), (OFFSET.into(), 32_760)]
            {
                let rbp = (below != 0).then_some(RegisterRule::Offset(-below));
                let short = rule(from, offset, rbp).unwrap().short().unwrap();
                assert!(short < 1 << BITS);
                assert_eq!(short & FROM, if from_rbp { FROM_RBP } else { FROM_RSP });
                assert_eq!(i64::from(short & OFFSET), offset);
                assert_eq!(saved(short) as i64, below);
            }
        }
    }

    #[test]
    fn what_would_be_outside_of_the_frame_has_no_short_rule() {
        for (offset, below) in [(0, 0), (-16, 0), (1 << 19, 0), (16, 24), (1 << 18, 32_768)] {
            let long = rule(X86_64::RSP, offset, Some(RegisterRule::Offset(-below - 8)));
            assert_eq!(long.and_then(LongRule::short), None, "{offset} {below}");
        }
    }

    #[test]
    fn unsure_rules_are_none() {
        assert_eq!(rule(X86_64::RBX, 16, None), None);
        assert_eq!(rule(X86_64::RSP, 12, None), None);
        assert_eq!(rule(X86_64::RSP, 16, Some(RegisterRule::Undefined)), None);
        assert_eq!(rule(X86_64::RSP, 16, Some(RegisterRule::Register(X86_64::RAX))), None);
        let cfa = CfaRule::<usize>::RegisterAndOffset { register: X86_64::RSP, offset: 8 };
        assert_eq!(LongRule::new(&cfa, |_| Some(RegisterRule::Undefined)), None);
    }
}
