//! What tasks ask of the heap under tokio's threads: in the common report, and in one of their own, wherever they ran
//! and whoever freed it.

// The other tests know a recorder by this name; here it is what users have.
extern crate real as profile_cost;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::task::Poll;

use profile_cost::heap::{self, Mode};
use profile_cost::{HeapCounts, Profile, profile_cost, runcall_async};

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

/// To whichever thread takes the task next. (tokio's `yield_now` allocates now and then, on the caller's path.)
async fn again() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await
}

#[profile_cost]
async fn fetch(bytes: usize, turns: usize) -> Vec<u8> {
    let block = Vec::with_capacity(bytes);
    for _ in 0..turns {
        again().await;
    }
    drop(std::hint::black_box(Box::new([7_u8; 64])));
    block
}

#[profile_cost]
async fn handle(bytes: usize, turns: usize) -> [Vec<u8>; 2] {
    let first = fetch(bytes, turns).await;
    again().await;
    [first, parse(bytes * 2)]
}

#[profile_cost]
fn parse(bytes: usize) -> Vec<u8> {
    Vec::with_capacity(bytes)
}

fn of(profile: &Profile) -> BTreeMap<String, HeapCounts> {
    let mut sums: BTreeMap<String, HeapCounts> = BTreeMap::new();
    for path in profile.paths() {
        let name = profile.function(path.function).label.name.rsplit("::").next().unwrap_or_default();
        let sum = sums.entry(name.to_owned()).or_default();
        assert_eq!(*sum, HeapCounts::default(), "one path a function");
        *sum = path.counts.heap;
    }
    sums
}

fn counts(blocks: u64, bytes: u64, frees: u64, freed_bytes: u64) -> HeapCounts {
    let mut counts = HeapCounts::default();
    (counts.allocations, counts.allocated_bytes) = (blocks, bytes);
    (counts.frees, counts.freed_bytes) = (frees, freed_bytes);
    counts
}

#[test]
fn tasks_that_wander_between_threads() {
    profile_cost::enable();
    heap::set_mode(Mode::Paths).expect("paths need no stacks");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().expect("a runtime");
    let kept: Mutex<Vec<[Vec<u8>; 2]>> = Mutex::default();
    let kept: &'static Mutex<Vec<[Vec<u8>; 2]>> = Box::leak(Box::new(kept));
    let tasks = 200_u64;
    let mut threads = std::collections::HashSet::new();
    runtime.block_on(async {
        let tasks: Vec<_> = (1..=tasks)
            .map(|n| {
                tokio::spawn(async move {
                    let before = std::thread::current().id();
                    // All of them at once, each with a report of its own.
                    let (blocks, profile) = runcall_async(handle(n as usize, n as usize % 7)).await;
                    kept.lock().expect("nobody panics").push(blocks);
                    let found = of(&profile);
                    assert_eq!(found["fetch"], counts(2, n + 64, 1, 64));
                    assert_eq!(found["parse"], counts(1, 2 * n, 0, 0));
                    [before, std::thread::current().id()]
                })
            })
            .collect();
        for task in tasks {
            threads.extend(task.await.expect("no task panics"));
        }
    });
    assert!(threads.len() > 1, "tasks ran on several threads");
    let bytes: u64 = (1..=tasks).sum();
    let found = of(&profile_cost::snapshot());
    assert_eq!(found["fetch"], counts(2 * tasks, bytes + 64 * tasks, tasks, 64 * tasks));
    assert_eq!(found["parse"], counts(tasks, 2 * bytes, 0, 0));
    // Freed by a thread that has no part in it.
    kept.lock().expect("nobody panics").clear();
    let found = of(&profile_cost::snapshot());
    assert_eq!(found["fetch"].live_bytes() + found["parse"].live_bytes(), 0);
    heap::stop();
}
