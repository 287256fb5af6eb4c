//! A recording that begins in mid-life: blocks that are older are counted as such when they are freed or moved.

use std::hint::black_box;

use profile_cost_heap::{Judged, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

fn main() {
    let older: Vec<Vec<u8>> = (1..=1_000).map(|size| vec![1; size]).collect();
    let mut grows: Vec<Vec<u8>> = (1..=100).map(|size| vec![1; size]).collect();
    let elsewhere = std::thread::spawn(|| vec![1u8; 100]).join().expect("it does not panic");
    judged::start(Mode::Exact { frames: 25 });
    let younger: Vec<Vec<u8>> = (1..=100).map(|size| vec![1; size]).collect();
    grows.iter_mut().for_each(|block| block.reserve_exact(1_000));
    drop(black_box((older, elsewhere)));
    let snapshot = judged::check_with_peak();
    // With the vector itself.
    assert_eq!(snapshot.notes.older_frees, 1_001 + 100 + 1);
    drop(black_box((younger, grows)));
    let snapshot = judged::check_with_peak();
    assert_eq!(snapshot.process.live_bytes, 0);
    judged::stop();
}
