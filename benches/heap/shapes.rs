//! What programs do with memory, as functions that time themselves: `rounds` of it, at the bottom of 25 calls.

use std::alloc::{GlobalAlloc, Layout, handle_alloc_error};
use std::hint::black_box;
use std::ptr::NonNull;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Blocks alive at a time in the ring.
pub const RING: usize = 200_000;
const PAIR: Layout = Layout::new::<[u64; 8]>();

/// Allocates 64 bytes and frees them.
pub fn pairs<A: GlobalAlloc>(allocator: &A, rounds: u64) -> Duration {
    let some = |rounds| {
        for _ in 0..rounds {
            let block = black_box(allocate(allocator, PAIR));
            // SAFETY: allocated just now, by the same allocator and with the same layout.
            unsafe { allocator.dealloc(block.as_ptr(), PAIR) };
        }
    };
    below_25_calls(|| timed(some, rounds))
}

/// The slower of two threads that do the same at the same time.
pub fn pairs_on_two_threads<A: GlobalAlloc + Sync>(allocator: &A, rounds: u64) -> Duration {
    let barrier = Barrier::new(2);
    let run = || {
        barrier.wait();
        pairs(allocator, rounds)
    };
    std::thread::scope(|scope| {
        let threads = [scope.spawn(run), scope.spawn(run)];
        threads.into_iter().map(|thread| thread.join().expect("no panic")).max().unwrap_or_default()
    })
}

/// Frees the oldest of 200,000 blocks of 16 to 1,024 bytes, and allocates another.
pub fn ring<A: GlobalAlloc>(allocator: &A, rounds: u64) -> Duration {
    below_25_calls(|| {
        let mut sizes = Sizes(7);
        let mut blocks: Vec<_> = (0..RING)
            .map(|_| {
                let layout = sizes.next();
                (allocate(allocator, layout), layout)
            })
            .collect();
        let mut oldest = 0;
        let some = |rounds| {
            for _ in 0..rounds {
                let (block, layout) = blocks[oldest];
                // SAFETY: each block in the ring came from this allocator with the layout beside it, and is
                // replaced once it is freed.
                unsafe { allocator.dealloc(block.as_ptr(), layout) };
                let layout = sizes.next();
                blocks[oldest] = (allocate(allocator, layout), layout);
                oldest = if oldest + 1 == RING { 0 } else { oldest + 1 };
            }
        };
        let time = timed(some, rounds);
        for (block, layout) in blocks {
            // SAFETY: as above; nothing uses the ring from here on.
            unsafe { allocator.dealloc(block.as_ptr(), layout) };
        }
        time
    })
}

/// Parses a document into a tree of values and drops it, with whichever allocator is the program's.
pub fn json(document: &str, rounds: u64) -> Duration {
    let some = |rounds| {
        for _ in 0..rounds {
            black_box(serde_json::from_str::<serde_json::Value>(black_box(document)).expect("it is JSON"));
        }
    };
    below_25_calls(|| timed(some, rounds))
}

/// Some 200 KB of what services send each other.
pub fn document() -> String {
    let users: Vec<_> = (0..1_000)
        .map(|id| {
            serde_json::json!({
                "id": id,
                "name": format!("user number {id}"),
                "email": format!("{id}@example.org"),
                "active": id % 3 == 0,
                "score": f64::from(id) / 7.0,
                "tags": ["a", "longer tag", format!("tag {}", id % 17)],
                "address": { "street": format!("{} Long Road", id * 7), "zip": null },
            })
        })
        .collect();
    serde_json::json!({ "users": users }).to_string()
}

/// Without what it takes to get going: an eighth as many rounds go before.
fn timed(mut some: impl FnMut(u64), rounds: u64) -> Duration {
    some(rounds.div_ceil(8));
    let start = Instant::now();
    some(rounds);
    start.elapsed()
}

fn allocate<A: GlobalAlloc>(allocator: &A, layout: Layout) -> NonNull<u8> {
    // SAFETY: no layout here is of size 0: a pair's is 64 bytes, those of `Sizes` at least 16.
    let block = unsafe { allocator.alloc(layout) };
    NonNull::new(block).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Sizes as programs ask for them: small ones far more often than large ones.
struct Sizes(u64);

impl Sizes {
    fn next(&mut self) -> Layout {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (power, part) = ((self.0 >> 61).min(5), (self.0 >> 40) as usize);
        let low = 16 << power;
        Layout::from_size_align(low + part % low, 8).expect("small, and a power of two")
    }
}

/// Defines functions that call the next in line; the last one does the work.
macro_rules! calls {
    ($name:ident) => {
        #[inline(never)]
        fn $name<T>(work: impl FnOnce() -> T) -> T {
            black_box(work())
        }
    };
    ($name:ident $next:ident $($rest:ident)*) => {
        #[inline(never)]
        fn $name<T>(work: impl FnOnce() -> T) -> T {
            // Something to do after the call: it cannot become a jump, which would leave no frame.
            black_box($next(work))
        }
        calls!($next $($rest)*);
    };
}

/// Does the work as deep down as services do it.
pub fn below_25_calls<T>(work: impl FnOnce() -> T) -> T {
    f1(work)
}

calls!(f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 f13 f14 f15 f16 f17 f18 f19 f20 f21 f22 f23 f24 f25);
