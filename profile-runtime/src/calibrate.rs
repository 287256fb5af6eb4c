//! What the instrument itself costs, measured once, so that every report can say it.

use std::hint::black_box;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use crate::clock;
use crate::engine::Engine;
use crate::guard::Guard;
use crate::paths::Limits;

const BATCH: u64 = 200;
const BATCHES: u32 = 30;

/// Nanoseconds of one call and of one poll inside the profiler: the fastest of some batches, since
/// whatever else the machine does only ever adds.
pub(crate) fn costs_ns() -> (f64, f64) {
    static COSTS: OnceLock<(f64, f64)> = OnceLock::new();
    *COSTS.get_or_init(|| {
        let scale = clock::ns_per_tick();
        let call = per_call() * scale;
        // A poll enters and leaves as a call does, and keeps the suspended time besides.
        (call, per_poll().max(per_call()) * scale)
    })
}

fn per_call() -> f64 {
    let engine = Engine::leak(Limits { depth: 4, paths: 4 });
    let block = engine.adopt(clock::now(), None);
    let Some(counters) = block.resolve(crate::site::TRUNCATED) else { return 0.0 };
    fastest(|| {
        let mut guard = std::mem::ManuallyDrop::new(Guard::open(block, black_box(counters)));
        guard.close(block, clock::now());
    })
}

fn per_poll() -> f64 {
    // Two nested passes of a plain future cost nothing worth counting; what is measured is the clock
    // reads and the bookkeeping of a call, which a poll has too.
    let mut future = pin!(std::future::poll_fn(|_: &mut Context<'_>| Poll::<()>::Pending));
    let mut context = Context::from_waker(Waker::noop());
    let plain = fastest(|| {
        let _ = black_box(future.as_mut().poll(&mut context));
    });
    per_call() + plain
}

fn fastest(mut once: impl FnMut()) -> f64 {
    (0..BATCHES)
        .map(|_| {
            let start = clock::now();
            for _ in 0..BATCH {
                once();
            }
            clock::now().saturating_sub(start) as f64 / BATCH as f64
        })
        .fold(f64::MAX, f64::min)
}
