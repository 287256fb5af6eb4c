//! A million operations at random against the ledger, with the process's own allocator: no difference at any look.
//!
//! `HEAP_OPERATIONS` sets how many.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};

use profile_cost_heap::{Judged, Random, judged, random};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

/// How often it is looked.
const LOOKS: usize = 25;

fn operations(mode: Mode, operations: usize) {
    judged::start(mode);
    let mut random = Random::new(11);
    let mut blocks: Vec<(*mut u8, Layout)> = Vec::new();
    for step in 0..operations {
        match random.below(10) {
            0..=3 => {
                let most = if random.below(50) == 0 { 300_000 } else { 600 };
                let layout = Layout::from_size_align(1 + random.below(most), 1 << random.below(8));
                let layout = layout.expect("a layout");
                // SAFETY: not of no bytes.
                let block =
                    unsafe { if random.below(4) == 0 { alloc_zeroed(layout) } else { alloc(layout) } };
                blocks.push((block, layout));
            }
            4..=5 if !blocks.is_empty() => {
                let at = random.below(blocks.len());
                let (block, layout) = blocks[at];
                let size = 1 + random.below(2_000);
                // SAFETY: live, of that layout; the size is from 1.
                let block = unsafe { realloc(block, layout, size) };
                blocks[at] = (block, Layout::from_size_align(size, layout.align()).expect("a layout"));
            }
            6..=9 if !blocks.is_empty() && (blocks.len() > 5_000 || random.below(5) != 0) => {
                let (block, layout) = blocks.swap_remove(random.below(blocks.len()));
                // SAFETY: live, of that layout.
                unsafe { dealloc(block, layout) };
            }
            _ => {}
        }
        if step % (operations / LOOKS).max(1) == 0 {
            let _ = judged::check_with_peak();
        }
    }
    let _ = judged::check_with_peak();
    for (block, layout) in blocks.drain(..) {
        // SAFETY: live, of that layout.
        unsafe { dealloc(block, layout) };
    }
    drop(blocks);
    let snapshot = judged::check_with_peak();
    assert_eq!(snapshot.process.live_blocks, 0);
    judged::stop();
}

fn main() {
    let count = random::from_environment("HEAP_OPERATIONS", 1_000_000);
    operations(Mode::Exact { frames: 25 }, count);
    operations(Mode::Paths, count / 2);
}
