//! Sixteen threads at once, that free what others allocated: nothing is lost between them.
//!
//! `HEAP_BLOCKS` sets how many blocks each of them allocates.

use std::sync::{Barrier, mpsc};

use profile_cost_heap::{Judged, Random, judged, random};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

const THREADS: usize = 16;

/// Allocates at the end of stacks that differ, so that records and lines are many.
#[inline(never)]
fn allocate(depth: usize, size: usize) -> Box<[u8]> {
    if depth == 0 {
        return vec![1; size].into_boxed_slice();
    }
    let block =
        if size.is_multiple_of(2) { allocate(depth - 1, size) } else { allocate_oddly(depth - 1, size) };
    std::hint::black_box(block)
}

#[inline(never)]
fn allocate_oddly(depth: usize, size: usize) -> Box<[u8]> {
    std::hint::black_box(allocate(depth, size / 2 + 1))
}

fn main() {
    let blocks = random::from_environment("HEAP_BLOCKS", 3_000);
    judged::start(Mode::Exact { frames: 25 });
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel()).unzip();
    let begin = Barrier::new(THREADS);
    let kept: Vec<Vec<Box<[u8]>>> = std::thread::scope(|scope| {
        let workers: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(number, receiver)| {
                let (next, begin) = (senders[(number + 1) % THREADS].clone(), &begin);
                scope.spawn(move || {
                    let mut random = Random::new(number as u64 + 3);
                    begin.wait();
                    for _ in 0..blocks {
                        next.send(allocate(random.below(12), 1 + random.below(3_000)))
                            .expect("its end is there");
                    }
                    drop(next);
                    let taken = receiver.iter().take(blocks).enumerate();
                    // Two of three are freed here.
                    taken.filter(|(at, _)| at.is_multiple_of(3)).map(|(_, block)| block).collect()
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("it does not panic")).collect()
    });
    let snapshot = judged::check();
    assert!(
        snapshot.traces.len() > 600,
        "{} stacks: more than a thread has lines for",
        snapshot.traces.len()
    );
    drop(kept);
    let _ = judged::check();
    drop(senders);
    let _ = judged::check();
    judged::stop();
}
