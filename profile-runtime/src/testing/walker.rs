//! The heap's stack walker, for the tests that hold it against the compiler's own.

use crate::heap::walker;

/// Gets ready to walk; again after libraries were loaded. False when stacks cannot be walked here.
#[must_use]
pub fn prepare() -> bool {
    walker::prepare()
}

/// Fills `out` with return addresses, innermost first, beginning with the one in the function that called this.
#[inline(always)]
#[must_use]
pub fn walk(out: &mut [usize]) -> usize {
    let walked = walker::walk_unless_same(out);
    if walked.is_same() {
        walker::same(walked, out);
    }
    walked.len()
}
