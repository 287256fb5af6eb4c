//! Alignments from 1 byte to 2 MiB: what is asked for is got, counted, and told apart.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};

use profile_cost_heap::{Judged, Random, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

fn main() {
    judged::start(Mode::Exact { frames: 25 });
    let mut random = Random::new(2);
    let mut blocks: Vec<(*mut u8, Layout)> = Vec::new();
    for round in 0..40 {
        for power in 0..=21 {
            let layout = Layout::from_size_align(1 + random.below(5_000), 1 << power).expect("a layout");
            // SAFETY: not of no bytes.
            let block = unsafe { if round % 2 == 0 { alloc(layout) } else { alloc_zeroed(layout) } };
            assert!(block.addr().is_multiple_of(layout.align()), "{layout:?}");
            blocks.push((block, layout));
        }
        let block = blocks.swap_remove(random.below(blocks.len()));
        let size = 1 + random.below(20_000);
        // SAFETY: live, of that layout; the size is from 1.
        let to = unsafe { realloc(block.0, block.1, size) };
        assert!(to.addr().is_multiple_of(block.1.align()));
        blocks.push((to, Layout::from_size_align(size, block.1.align()).expect("a layout")));
    }
    let snapshot = judged::check_with_peak();
    let largest = snapshot.traces.iter().map(|trace| trace.align).max();
    assert_eq!(largest, Some(2 << 20));
    for (block, layout) in blocks {
        // SAFETY: live, of that layout.
        unsafe { dealloc(block, layout) };
    }
    let _ = judged::check_with_peak();
    judged::stop();
}
