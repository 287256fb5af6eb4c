//! What the instrument itself costs, measured once, so that every report can say it.

use std::hint::black_box;
use std::sync::OnceLock;

use crate::block::Block;
use crate::clock;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::future::Call;
use crate::guard::Guard;
use crate::paths::{Limits, ROOT};
use crate::site::Site;
use crate::thread::Inside;

const BATCH: u64 = 200;
const BATCHES: u32 = 30;

/// Nanoseconds of one call and of one poll inside the profiler: the fastest of some batches, since
/// whatever else the machine does only ever adds.
///
/// NOTE: not from within [`Inside`]: the rehearsed calls would count as events that cannot be recorded.
pub(crate) fn costs_ns() -> (f64, f64) {
    static COSTS: OnceLock<(f64, f64)> = OnceLock::new();
    *COSTS.get_or_init(|| {
        let scale = clock::ns_per_tick();
        (per_call() * scale, per_poll() * scale)
    })
}

/// A block that no thread owns, and counters on it.
fn rehearsal() -> (&'static Block, &'static Counters) {
    let _inside = Inside::enter();
    let block = Engine::leak(Limits { depth: 4, paths: 4 }).adopt(clock::now(), None);
    (block, block.counters_of(ROOT))
}

fn per_call() -> f64 {
    let (block, counters) = rehearsal();
    fastest(|| Guard::rehearse(block, black_box(counters)))
}

fn per_poll() -> f64 {
    static SITE: Site = Site::new("rehearsal", "~", 0, true);
    let (block, counters) = rehearsal();
    let mut call = Call::new(&SITE, std::any::type_name::<()>);
    call.set_home(block, counters);
    fastest(|| black_box(&mut call).rehearse(block))
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
