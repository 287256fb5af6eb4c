//! A stack has as many frames as were asked for, and begins with whoever asked for memory: none is the profiler's.

use std::hint::black_box;

use profile_cost_runtime::heap::{self, Mode, Tracker};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

const FIRST: usize = 40;
const GROWN: usize = 10_001;
const ZEROED: usize = 10_003;

#[inline(never)]
fn deep(levels: u32) -> [Vec<u8>; 2] {
    if levels > 0 {
        return black_box(deep(levels - 1));
    }
    let mut grows = Vec::with_capacity(FIRST);
    grows.push(1);
    grows.reserve_exact(GROWN - 1);
    black_box([grows, vec![0; ZEROED]])
}

fn main() {
    let of_exact = [1, 2, 25, 128].map(|frames| Mode::Exact { frames });
    // Each block is one: by chance alone it is not.
    for mode in of_exact.into_iter().chain([Mode::Sample { rate: 1 }]) {
        heap::set_mode(mode).expect("a mode");
        let blocks = black_box(deep(150));
        let mut snapshot = heap::take_snapshot();
        drop(blocks);
        heap::stop();
        snapshot.name_here().expect("debug information");
        let limit = snapshot.frame_limit as usize;
        let mut seen = 0;
        for trace in &snapshot.traces {
            assert!(trace.frames.len() <= limit, "{mode}: {} frames", trace.frames.len());
            if ![FIRST, GROWN, ZEROED].contains(&(trace.first_size as usize)) {
                continue;
            }
            seen += 1;
            assert_eq!(trace.frames.len(), limit, "{mode}: of 150");
            let sources = |at: usize| &snapshot.frames[trace.frames[at].0 as usize].sources;
            for at in 0..limit {
                let names: Vec<&str> = sources(at).iter().map(|source| &*source.function).collect();
                let outermost = sources(at).last().expect("it is named");
                assert!(
                    !outermost.file.contains("profile-runtime/src/heap/"),
                    "{mode}: frame {at}: {names:?}"
                );
            }
            // Optimised, nothing stands between; else only the compiler's shim.
            let begins = if cfg!(debug_assertions) { "__rust_" } else { "" };
            assert!(sources(0).last().is_some_and(|source| source.function.starts_with(begins)));
            if limit > 20 {
                let deep = trace.frames.iter().filter(|frame| {
                    let sources = &snapshot.frames[frame.0 as usize].sources;
                    sources.iter().any(|source| source.function.starts_with("deep"))
                });
                let machinery = if cfg!(debug_assertions) { 12 } else { 3 };
                assert!(deep.count() >= limit - machinery, "{mode}");
            }
        }
        assert_eq!(seen, 3, "{mode}");
    }
}
