//! Mode `counters` keeps no blocks, and still knows how many there are and how large they are together.

use std::cell::RefCell;
use std::hint::black_box;

use profile_cost_heap::{Judged, judged};
use profile_cost_runtime::heap::{self, Mode};

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

thread_local!(static KEPT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) });

fn work() {
    KEPT.with(|kept| kept.borrow_mut().extend((1..100).map(|size| vec![1; size])));
}

/// A thread of C's: its destructor is registered before ours, so that its blocks are freed when nothing is known of the
/// thread any more.
fn foreign() {
    extern "C" fn begin(_: *mut libc::c_void) -> *mut libc::c_void {
        KEPT.with(|kept| drop(kept.borrow_mut()));
        work();
        std::ptr::null_mut()
    }
    let mut thread = 0;
    // SAFETY: a thread with nothing of ours, which is waited for.
    unsafe {
        assert_eq!(libc::pthread_create(&raw mut thread, std::ptr::null(), begin, std::ptr::null_mut()), 0);
        assert_eq!(libc::pthread_join(thread, std::ptr::null_mut()), 0);
    }
}

fn main() {
    judged::start(Mode::Counters);
    for _ in 0..100 {
        std::thread::spawn(work).join().expect("it does not panic");
        foreign();
        judged::check_counters();
    }
    let mut blocks: Vec<Vec<u8>> = (1..2_000).map(|size| vec![1; size]).collect();
    blocks.iter_mut().for_each(|block| block.reserve(500));
    judged::check_counters();
    std::thread::spawn(move || drop(black_box(blocks))).join().expect("it does not panic");
    judged::check_counters();
    let (live, peak) = heap::get_traced_memory();
    assert!(peak > live + 2_000_000, "{live} now, {peak} at the peak");
    judged::stop();
}
