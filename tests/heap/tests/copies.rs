//! Bytes that `realloc` copies: all of them in mode `exact`, and as many on average in a sample.

use profile_cost_heap::{Block, Random, set_mode};
use profile_cost_runtime::heap::{self, Mode};
use profile_cost_runtime::testing::seed_samples;

/// What was copied, and what the recording says of it.
fn copies(mode: Mode, seed: u64, largest: usize) -> (u64, u64) {
    set_mode(mode).expect("a mode");
    seed_samples(seed);
    let mut random = Random::new(seed);
    let mut blocks: Vec<Block> = (0..1_000).map(|_| Block::new(1 + random.below(largest))).collect();
    let (mut copied, mut moved) = (0, 0);
    for block in &mut blocks {
        let (before, size) = (block.size(), 1 + random.below(2 * largest));
        if block.resize(size) {
            copied += before.min(size) as u64;
            moved += 1;
        }
    }
    assert!(moved > 100, "{moved} were moved");
    let said = heap::take_snapshot().totals().copied_bytes;
    drop(blocks);
    let totals = heap::take_snapshot().totals();
    assert_eq!((totals.live_blocks(), totals.live_bytes()), (0, 0));
    heap::stop();
    (copied, said)
}

fn main() {
    for largest in [300, 3_000, 60_000] {
        let (copied, said) = copies(Mode::Exact { frames: 25 }, 1, largest);
        assert_eq!(said, copied);
        for rate in [500, 20_000] {
            let runs: Vec<(u64, u64)> =
                (1..=15).map(|seed| copies(Mode::Sample { rate }, seed, largest)).collect();
            let copied: u64 = runs.iter().map(|run| run.0).sum();
            let said: u64 = runs.iter().map(|run| run.1).sum();
            // Each sample stands for `rate` bytes at least.
            let error = said.abs_diff(copied) as f64 / (copied as f64 * rate as f64).sqrt();
            assert!(
                error < 4.0,
                "of {largest} by {rate}: {said} of {copied} is {error} standard deviations off"
            );
        }
    }
}
