//! Forks under load: children go on recording, and know what their parent had; handlers of others may allocate.
//!
//! `HEAP_FORKS` sets how many: 250, and not optimised fewer.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use profile_cost_heap::random;
use profile_cost_runtime::heap::{self, Mode, SizeClass, Tracker};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// Nobody else has blocks as large.
const LARGE: usize = 5_000_000;
/// Children that hang end by it.
const SECONDS: u32 = 20;

static HANDLED: AtomicU64 = AtomicU64::new(0);

/// Runs while a fork is under way.
extern "C" fn handler() {
    drop(black_box(vec![0u8; 100]));
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

fn large() -> (u64, u64) {
    let class = SizeClass::of(LARGE as u64);
    let snapshot = heap::take_snapshot();
    let of_class = snapshot.traces.iter().filter(|trace| trace.size_class == class);
    of_class
        .fold((0, 0), |sum, trace| (sum.0 + trace.counts.live_blocks(), sum.1 + trace.counts.live_bytes()))
}

fn some(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|_| black_box(Vec::with_capacity(LARGE))).collect()
}

/// A thread that makes two blocks. Not the standard library's: that one takes a lock at its beginning which a thread of the
/// parent's may have held at the fork.
fn begin_thread() -> libc::pthread_t {
    extern "C" fn body(_: *mut libc::c_void) -> *mut libc::c_void {
        Box::into_raw(Box::new(some(2))).cast()
    }
    let mut thread = 0;
    // SAFETY: the body takes nothing, and does not unwind.
    let error =
        unsafe { libc::pthread_create(&raw mut thread, std::ptr::null(), body, std::ptr::null_mut()) };
    assert_eq!(error, 0, "a thread");
    thread
}

fn end_thread(thread: libc::pthread_t) -> Vec<Vec<u8>> {
    let mut made = std::ptr::null_mut();
    // SAFETY: the thread is joined once, and what it returns is its box.
    unsafe {
        assert_eq!(libc::pthread_join(thread, &raw mut made), 0);
        *Box::from_raw(made.cast::<Vec<Vec<u8>>>())
    }
}

/// In the child; the number of what is wrong, or 0.
fn child(kept: Vec<Vec<u8>>) -> i32 {
    if large() != (10, 10 * LARGE as u64) {
        return 1;
    }
    let more = some(7);
    let before = heap::get_traced_memory().0;
    let block: Vec<u8> = black_box(Vec::with_capacity(1_000));
    if heap::get_traced_memory().0 != before + 1_000 {
        return 2;
    }
    drop(block);
    drop(kept);
    if large() != (7, 7 * LARGE as u64) {
        return 3;
    }
    // Takes over the state of a thread that is not there any more.
    let blocks = [(); 4].map(|()| begin_thread()).map(end_thread);
    if large() != (15, 15 * LARGE as u64) {
        return 4;
    }
    drop((blocks, more));
    if large() != (0, 0) {
        return 5;
    }
    // Nobody is taken for busy who is gone.
    match heap::clear_traces() {
        Ok(()) if large() == (0, 0) => 0,
        _ => 6,
    }
}

fn main() {
    // Before the tracker's: so it runs when the tracker's locks are held.
    // SAFETY: the handler may run at any fork.
    unsafe { libc::pthread_atfork(Some(handler), Some(handler), Some(handler)) };
    heap::set_mode(Mode::Exact { frames: 25 }).expect("a mode");
    let kept = some(10);
    let stop = AtomicBool::new(false);
    let is_on = || !stop.load(Ordering::Relaxed);
    let is_on = &is_on;
    let ended_badly = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while is_on() {
                    let blocks: Vec<Vec<u8>> = (1..20).map(|size| black_box(vec![1; size * 10])).collect();
                    drop(black_box(blocks));
                }
            });
        }
        // Its threads end all the time, with what they have counted.
        scope.spawn(|| {
            while is_on() {
                std::thread::spawn(|| drop(black_box(vec![0u8; 300]))).join().expect("it does not panic");
            }
        });
        scope.spawn(|| {
            while is_on() {
                drop(heap::take_snapshot());
            }
        });
        let mut forks =
            0..random::from_environment("HEAP_FORKS", if cfg!(debug_assertions) { 40 } else { 250 });
        let ended_badly = forks.find_map(|number| {
            // SAFETY: the child does only what is asked of it here, and leaves by `_exit`.
            let id = unsafe { libc::fork() };
            if id == 0 {
                // SAFETY: ends a child that hangs; ends the child. Its copy of the blocks is its own.
                unsafe {
                    libc::alarm(SECONDS);
                    libc::_exit(child(std::ptr::read(&raw const kept)));
                }
            }
            let mut status = 0;
            // SAFETY: waits for that child.
            unsafe { libc::waitpid(id, &raw mut status, 0) };
            (status != 0).then_some((number, status >> 8, status & 0x7f))
        });
        stop.store(true, Ordering::Relaxed);
        ended_badly
    });
    assert_eq!(ended_badly, None, "the number, exit status and signal of a child");
    assert!(HANDLED.load(Ordering::Relaxed) > 0);
    assert_eq!(large(), (10, 10 * LARGE as u64));
    drop(kept);
    assert_eq!(large(), (0, 0));
    heap::stop();
}
