//! HOT PATH: where the thread's stack ends, so that a walk never reads outside of it.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr;

thread_local! {
    /// Lowest address of the thread's stack, and past its highest; 0 and 0 while not asked for, and while asking.
    static STACK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// Past the highest address up to which the stack that `rsp` is on is known to be mapped: all of the thread's stack.
/// On another stack (a coroutine's, a signal's) the page that `rsp` is in.
#[inline(always)]
pub(super) fn end(rsp: usize) -> usize {
    let (low, high) = STACK.get();
    if (low..high).contains(&rsp) { high } else { end_elsewhere(rsp) }
}

#[cold]
#[inline(never)]
fn end_elsewhere(rsp: usize) -> usize {
    const PAGE: usize = 4096;
    // NOTE: asking may allocate, and so come back here: the walk within it makes do with a page.
    const ASKING: (usize, usize) = (1, 1);
    if STACK.get() == (0, 0) {
        STACK.set(ASKING);
        STACK.set(ask().unwrap_or(ASKING));
        let (low, high) = STACK.get();
        if (low..high).contains(&rsp) {
            return high;
        }
    }
    (rsp | (PAGE - 1)).saturating_add(1)
}

fn ask() -> Option<(usize, usize)> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut low, mut size) = (ptr::null_mut(), 0);
    // SAFETY: initialised by the first call before it is used, and destroyed once.
    let known = unsafe {
        libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) == 0 && {
            let known = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut size) == 0;
            libc::pthread_attr_destroy(attributes.as_mut_ptr());
            known
        }
    };
    known.then(|| (low.addr(), low.addr().saturating_add(size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_where_the_kernels_map_says() {
        let here = 0u8;
        let here = (&raw const here).addr();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let there = 0u8;
                let there = (&raw const there).addr();
                // One more thread's stack may lie right above, so that the map shows them as one.
                assert!(end(there) > there && end(there) <= end_of_mapping(there));
                assert_eq!(end(here), (here | 4095) + 1, "another thread's stack is not known");
            });
        });
        assert!(end(here) > here && end(here) <= end_of_mapping(here));
    }

    fn end_of_mapping(address: usize) -> usize {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let ranges = maps.lines().filter_map(|line| {
            let (start, end) = line.split_once(' ')?.0.split_once('-')?;
            Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
        });
        ranges.into_iter().find(|(start, end)| (*start..*end).contains(&address)).unwrap().1
    }
}
