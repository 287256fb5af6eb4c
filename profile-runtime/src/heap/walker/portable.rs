//! HOT PATH: walks by the crate `backtrace`, which asks the platform's unwinder.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::walked::Walked;

/// Innermost frames that are those of the walk itself, as `prepare` has found them; `UNKNOWN` before.
static OWN_FRAMES: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = usize::MAX;
/// Frames that a walk takes at most by itself.
const MOST_OWN_FRAMES: usize = 16;

/// Gets ready to walk. False when the platform's unwinder says nothing of use.
pub(crate) fn prepare() -> bool {
    if OWN_FRAMES.load(Ordering::Relaxed) != UNKNOWN {
        return true;
    }
    OWN_FRAMES.store(0, Ordering::Relaxed);
    let (mut first, mut second) = ([0; MOST_OWN_FRAMES], [0; MOST_OWN_FRAMES]);
    // Of two walks from one function, all is the same but where in the function they were called.
    let found = walk(black_box(&mut first)).min(black_box(walk(black_box(&mut second))));
    let own = first.iter().zip(&second).take(found).position(|(first, second)| first != second);
    OWN_FRAMES.store(own.unwrap_or(UNKNOWN), Ordering::Relaxed);
    own.is_some()
}

/// As [`walk`]: no stack is known to be the same as another.
#[inline(always)]
pub(crate) fn walk_unless_same(out: &mut [usize]) -> Walked {
    Walked::uncounted(walk(out))
}

/// Never asked for.
pub(crate) fn same(_: Walked, _: &mut [usize]) {}

/// Fills `out` with return addresses, innermost first, beginning with the one in the function that called this; returns
/// how many. 0 before [`prepare`].
#[inline(never)]
fn walk(out: &mut [usize]) -> usize {
    let mut own = OWN_FRAMES.load(Ordering::Relaxed);
    let mut free = out.iter_mut();
    let mut found = 0;
    if own == UNKNOWN {
        return found;
    }
    // SAFETY: the lock that the synchronised form takes is for naming addresses by a Windows library, not for walking.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            if own > 0 {
                own -= 1;
                return true;
            }
            let address = frame.ip().addr();
            // Some unwinders show the end of the stack as a frame.
            match free.next() {
                Some(place) if address != 0 => *place = address,
                _ => return false,
            }
            found += 1;
            true
        });
    }
    found
}
