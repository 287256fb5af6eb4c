//! Blocks that another thread frees, or moves, than allocated them: they are counted where they came from.

use std::sync::mpsc;

use profile_cost_heap::{Judged, judged};
use profile_cost_runtime::heap::Mode;

#[global_allocator]
static ALLOCATOR: Judged = Judged::system();

fn main() {
    for mode in [Mode::Exact { frames: 25 }, Mode::Paths] {
        judged::start(mode);
        let (send, receive) = mpsc::channel::<Vec<u8>>();
        let (back, returned) = mpsc::channel::<Vec<u8>>();
        let consumer = std::thread::spawn(move || {
            for (number, mut block) in receive.iter().enumerate() {
                match number % 3 {
                    0 => drop(block),
                    1 => {
                        block.reserve_exact(block.capacity() * 2);
                        back.send(block).expect("the other end is there");
                    }
                    _ => back.send(block).expect("the other end is there"),
                }
            }
        });
        for size in 1..=10_000 {
            let mut block = Vec::with_capacity(size);
            block.push(1);
            send.send(block).expect("the other end is there");
        }
        drop(send);
        consumer.join().expect("it does not panic");
        // In the channel, from a thread that is gone.
        let _ = judged::check();
        let blocks: Vec<Vec<u8>> = returned.iter().collect();
        assert_eq!(blocks.len(), 6_666);
        let _ = judged::check();
        drop((blocks, returned));
        let _ = judged::check();
        judged::stop();
    }
}
