//! A sampling rate that is changed while blocks are live, more often than there is room for rates: each block is taken
//! back as it was counted.

use profile_cost_heap::{Block, Random, judged};
use profile_cost_runtime::heap::{self, Mode};
use profile_cost_runtime::testing::seed_samples;

fn main() {
    let mut random = Random::new(5);
    let mut blocks: Vec<Block> = Vec::new();
    let mut truth = 0u64;
    for step in 0..600u64 {
        judged::set_mode(Mode::Sample { rate: 100 + 7 * step }).expect("a mode");
        seed_samples(step);
        for _ in 0..100 {
            let block = Block::new(1 + random.below(500));
            truth += block.size() as u64;
            blocks.push(block);
        }
    }
    let snapshot = heap::take_snapshot();
    let totals = snapshot.totals();
    let error = totals.live_bytes().abs_diff(truth) as f64 / totals.variance.sqrt();
    assert!(error < 4.0, "{} of {truth} bytes, {error} standard deviations off", totals.live_bytes());
    drop(blocks);
    let snapshot = heap::take_snapshot();
    let totals = snapshot.totals();
    assert_eq!((totals.live_blocks(), totals.live_bytes(), totals.samples), (0, 0, 0));
    assert_eq!((totals.variance, snapshot.process.live_bytes), (0.0, 0));
    assert!(snapshot.traces.iter().all(|trace| trace.counts.allocated_bytes == trace.counts.freed_bytes));
    heap::stop();
}
