//! What annotated functions ask of the heap, in their own report: right across threads, frees elsewhere, and tasks that
//! move between threads.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};

use profile_cost::heap::{self, Mode};
use profile_cost::{HeapCounts, Profile, Stats, profile_cost};

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

#[profile_cost]
fn keep(blocks: &mut Vec<Vec<u8>>, size: usize) {
    blocks.push(Vec::with_capacity(size));
    inner(size);
}

#[profile_cost]
fn inner(size: usize) {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(size * 2)));
}

#[profile_cost]
async fn task() -> Box<[u8; 1000]> {
    let first = Box::new([1; 1000]);
    let mut polled = false;
    std::future::poll_fn(
        |_| {
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        },
    )
    .await;
    let second = Box::new([2; 1000]);
    drop(first);
    second
}

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    profile_cost::enable();
    heap::stop();
    heap::set_mode(Mode::Paths).unwrap();
    profile_cost::reset();
    guard
}

fn of(profile: &Profile, name: &str) -> HeapCounts {
    let mut found = profile
        .paths()
        .iter()
        .filter(|path| profile.functions()[path.function.0 as usize].label.name.ends_with(name))
        .map(|path| path.counts.heap);
    let counts = found.next().unwrap_or_default();
    assert_eq!(found.next(), None, "on one path only");
    counts
}

#[test]
fn blocks_belong_to_the_function_that_allocated_them_whoever_frees_them() {
    let _alone = alone();
    let mut blocks = Vec::with_capacity(10);
    // The profiler's own first look at the paths is not to be counted.
    keep(&mut blocks, 100);
    blocks.clear();
    profile_cost::reset();
    for _ in 0..10 {
        keep(&mut blocks, 100);
    }
    let profile = profile_cost::snapshot();
    let counts = HeapCounts { allocations: 10, allocated_bytes: 1_000, frees: 0, freed_bytes: 0, samples: 0 };
    assert_eq!(of(&profile, "keep"), counts);
    let counts =
        HeapCounts { allocations: 10, allocated_bytes: 2_000, frees: 10, freed_bytes: 2_000, samples: 0 };
    assert_eq!(of(&profile, "inner"), counts);
    let mut report = Vec::new();
    Stats::new(&profile).print_stats(&mut report, "keep").unwrap();
    let report = String::from_utf8(report).unwrap();
    assert!(report.contains("self heap") && report.contains("1000 B"), "{report}");
    std::thread::spawn(move || drop(blocks)).join().unwrap();
    let counts =
        HeapCounts { allocations: 10, allocated_bytes: 1_000, frees: 10, freed_bytes: 1_000, samples: 0 };
    assert_eq!(of(&profile_cost::snapshot(), "keep"), counts);
    heap::stop();
}

#[test]
fn a_task_that_moves_to_another_thread() {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let _alone = alone();
    for round in 0..2 {
        let mut future = Box::pin(task());
        let waker = Waker::from(Arc::new(Nobody));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let kept = std::thread::spawn(move || {
            let waker = Waker::from(Arc::new(Nobody));
            match pin!(future).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(kept) => kept,
                Poll::Pending => panic!("ready at the second poll"),
            }
        })
        .join()
        .unwrap();
        if round == 0 {
            profile_cost::reset();
            drop(kept);
            continue;
        }
        let counts = of(&profile_cost::snapshot(), "task");
        assert_eq!((counts.live_blocks(), counts.live_bytes()), (1, 1000));
        drop(kept);
        assert_eq!(of(&profile_cost::snapshot(), "task").live_blocks(), 0);
    }
    heap::stop();
}
