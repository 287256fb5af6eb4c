//! Recordings that are stopped and started again: each knows of its own blocks only, and the memory is given back.

use std::hint::black_box;

use profile_cost_heap::{Judged, judged};
use profile_cost_runtime::heap::{self, Mode};

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

fn some(blocks: usize) -> Vec<Vec<u8>> {
    (1..=blocks).map(|size| vec![1; size]).collect()
}

fn main() {
    let modes = [Mode::Exact { frames: 25 }, Mode::Paths, Mode::Exact { frames: 1 }, Mode::Counters];
    let mut kept = Vec::new();
    // More often than there are numbers for recordings.
    for round in 0..200 {
        let mode = modes[round % modes.len()];
        judged::start(mode);
        let here = some(50 + round);
        kept.push(some(20));
        if round % 3 == 2 {
            // Of the recordings before.
            drop(black_box(kept.remove(0)));
        }
        if mode != Mode::Counters {
            let _ = judged::check_with_peak();
        }
        drop(here);
        if mode != Mode::Counters {
            let _ = judged::check_with_peak();
        }
        judged::stop();
        assert!(!heap::is_tracing());
        assert_eq!((heap::get_traced_memory(), heap::take_snapshot().traces.len()), ((0, 0), 0));
    }
    // From one to the next without a stop, and all forgotten in between.
    judged::start(Mode::Exact { frames: 25 });
    let first = some(300);
    let _ = judged::check_with_peak();
    judged::aside(heap::clear_traces).expect("nobody is busy");
    judged::begin_ledger();
    let second = some(200);
    drop(first);
    let _ = judged::check_with_peak();
    drop((second, kept));
    let _ = judged::check_with_peak();
    judged::stop();
    let left = heap::get_tracemalloc_memory();
    for _ in 0..10 {
        judged::start(Mode::Exact { frames: 25 });
        drop(black_box(some(1_000)));
        judged::stop();
    }
    assert_eq!(heap::get_tracemalloc_memory(), left, "nothing stays of a recording");
}
