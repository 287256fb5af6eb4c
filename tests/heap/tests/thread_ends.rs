//! Threads that end: what they free and allocate while their thread-locals are destroyed, before ours and after it.

use std::cell::RefCell;

use profile_cost_heap::{Judged, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

/// Frees, allocates, grows, and leaves something behind.
struct Late(Vec<u8>);

impl Drop for Late {
    fn drop(&mut self) {
        self.0.reserve_exact(900);
        drop(std::mem::take(&mut self.0));
        drop(std::hint::black_box(vec![0u8; 48]));
        let mut grows = vec![1u8; 10];
        grows.extend(std::hint::black_box(1..200u8));
        grows.shrink_to_fit();
        std::mem::forget(vec![0u8; 24]);
    }
}

thread_local! {
    static EARLY: RefCell<Late> = const { RefCell::new(Late(Vec::new())) };
    static LATER: RefCell<Late> = const { RefCell::new(Late(Vec::new())) };
}

fn fill(late: &RefCell<Late>) {
    late.borrow_mut().0 = vec![1; 100];
}

/// Its destructors run in the other order of those that were registered: `EARLY`'s last.
fn work(number: usize) {
    if number.is_multiple_of(2) {
        // Before anything is recorded of this thread, if the thread itself has not allocated yet.
        EARLY.with(|late| drop(late.borrow_mut()));
    }
    EARLY.with(fill);
    drop(std::hint::black_box(vec![0u8; 500]));
    LATER.with(fill);
}

/// A thread of C's, of which Rust has allocated nothing: its destructor is registered before ours.
fn foreign(number: usize) {
    extern "C" fn begin(number: *mut libc::c_void) -> *mut libc::c_void {
        EARLY.with(|late| drop(late.borrow_mut()));
        work(number.addr());
        std::ptr::null_mut()
    }
    let mut thread = 0;
    let argument = std::ptr::without_provenance_mut(number);
    // SAFETY: a thread with nothing of ours, which is waited for.
    unsafe {
        assert_eq!(libc::pthread_create(&raw mut thread, std::ptr::null(), begin, argument), 0);
        assert_eq!(libc::pthread_join(thread, std::ptr::null_mut()), 0);
    }
}

fn main() {
    for mode in [Mode::Exact { frames: 25 }, Mode::Paths] {
        judged::start(mode);
        for number in 0..100 {
            std::thread::spawn(move || work(number)).join().expect("it does not panic");
            foreign(number);
        }
        let snapshot = judged::check();
        assert!(snapshot.notes.truncated > 0, "some come when nothing is known of the thread any more");
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|number| scope.spawn(move || (0..50).for_each(|_| foreign(number)))).collect();
            // A scope ends before its threads have: not before their destructors are through, when they are joined.
            threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
        });
        let _ = judged::check();
        judged::stop();
    }
}
