//! Zeroed blocks are zero, are counted as others are, and touch no page before they are used.

use std::hint::black_box;

use profile_cost_heap::{Judged, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

const LARGE: usize = 256 << 20;
const PAGE: usize = 4096;

/// How many pages of the block are in memory.
fn pages(block: &[u8]) -> usize {
    let begin = block.as_ptr().addr().next_multiple_of(PAGE) - block.as_ptr().addr();
    let whole = (block.len() - begin) / PAGE;
    let mut resident = judged::aside(|| vec![0u8; whole]);
    // SAFETY: whole pages of the block; a byte for each.
    let failed = unsafe {
        libc::mincore(block.as_ptr().add(begin).cast_mut().cast(), whole * PAGE, resident.as_mut_ptr().cast())
    };
    assert_eq!(failed, 0, "{}", std::io::Error::last_os_error());
    resident.iter().filter(|&&page| page & 1 == 1).count()
}

fn main() {
    for mode in [Mode::Off, Mode::Exact { frames: 25 }, Mode::Sample { rate: 1 << 20 }, Mode::Counters] {
        judged::start(mode);
        let large = black_box(vec![0u8; LARGE]);
        // Huge pages bring 512 at a time.
        let touched = pages(&large);
        assert!(touched <= 1024, "{mode}: {touched} pages of {} were touched", LARGE / PAGE);
        assert!(large.iter().step_by(1 << 20).all(|&byte| byte == 0));
        drop(large);
        judged::stop();
    }
    judged::start(Mode::Exact { frames: 25 });
    let mut blocks = Vec::new();
    for size in (1..3_000).step_by(7) {
        // What was there before is not zero.
        drop(black_box(vec![0xffu8; size]));
        let block = black_box(vec![0u64; size]);
        assert!(block.iter().all(|&word| word == 0));
        if size % 3 == 0 {
            blocks.push(block);
        }
    }
    let _ = judged::check_with_peak();
    drop(blocks);
    let _ = judged::check_with_peak();
    judged::stop();
}
