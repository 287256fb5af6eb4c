//! Blocks that grow and shrink, in place and moved: each is a free and an allocation, of other sizes.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::hint::black_box;

use profile_cost_heap::{Judged, Random, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

fn main() {
    judged::start(Mode::Exact { frames: 25 });
    let (mut stayed, mut moved) = (0, 0);
    // Blocks of 48 bytes in a row: one that grows has no room, and one that shrinks has.
    let layout = Layout::from_size_align(48, 8).expect("a layout");
    // SAFETY: not of no bytes.
    let blocks: Vec<*mut u8> = (0..2_000).map(|_| unsafe { alloc(layout) }).collect();
    let mut random = Random::new(1);
    for &block in &blocks {
        let mut at = (block, layout);
        for _ in 0..random.below(6) {
            let most = if random.below(20) == 0 { 300_000 } else { 100 };
            let size = 1 + random.below(most);
            // SAFETY: live, of that layout; the size is from 1.
            let to = unsafe { realloc(at.0, at.1, size) };
            *(if to == at.0 { &mut stayed } else { &mut moved }) += 1;
            at = (to, Layout::from_size_align(size, 8).expect("a layout"));
        }
        if random.below(2) == 0 {
            // SAFETY: live, of that layout.
            unsafe { dealloc(at.0, at.1) };
        }
    }
    assert!(stayed > 500 && moved > 500, "{stayed} in place, {moved} moved");
    let _ = judged::check_with_peak();
    // What vectors and strings do of it.
    let mut lines = Vec::new();
    let mut text = String::new();
    for number in 0..20_000 {
        text.push_str("line after line ");
        lines.push(number);
        if number % 4_000 == 0 {
            lines.shrink_to_fit();
            text.shrink_to_fit();
            let _ = judged::check_with_peak();
        }
    }
    drop(black_box((lines, text, blocks)));
    let _ = judged::check_with_peak();
    judged::stop();
}
