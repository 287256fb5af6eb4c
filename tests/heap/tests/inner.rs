//! mimalloc inside: what is recorded is the same, whoever serves it.

use std::hint::black_box;

use profile_cost_heap::{Judged, Random, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged<mimalloc::MiMalloc> = Judged::new(mimalloc::MiMalloc);

fn main() {
    for mode in [Mode::Exact { frames: 25 }, Mode::Paths] {
        judged::start(mode);
        let kept: Vec<Vec<Vec<u8>>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|number| {
                    scope.spawn(move || {
                        let mut random = Random::new(number);
                        let mut blocks: Vec<Vec<u8>> = Vec::new();
                        for _ in 0..10_000 {
                            let most = if random.below(50) == 0 { 300_000 } else { 600 };
                            match random.below(4) {
                                0 => blocks.push(vec![0; 1 + random.below(most)]),
                                1 => blocks.push(vec![1; 1 + random.below(most)]),
                                2 if !blocks.is_empty() => {
                                    let at = random.below(blocks.len());
                                    blocks[at].reserve_exact(random.below(most));
                                }
                                _ if !blocks.is_empty() => {
                                    drop(blocks.swap_remove(random.below(blocks.len())));
                                }
                                _ => {}
                            }
                        }
                        blocks
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().expect("it does not panic")).collect()
        });
        let _ = judged::check();
        // 8-byte blocks, which mimalloc aligns to no more than that.
        let small: Vec<Box<u64>> = (0..1_000).map(Box::new).collect();
        assert!(small.iter().any(|block| !(&raw const **block).addr().is_multiple_of(16)), "packed densely");
        let _ = judged::check();
        drop(black_box((kept, small)));
        let _ = judged::check();
        judged::stop();
    }
}
