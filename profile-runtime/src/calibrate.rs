//! What the instrument itself costs, measured once, so that every report can say it.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::race::OnceBox;

use crate::block::Block;
use crate::clock;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::future::Call;
use crate::guard::Guard;
use crate::paths::{Limits, ROOT};
use crate::profile::Notes;
use crate::site::Site;
use crate::thread::Inside;

const BATCH: u64 = 200;
const BATCHES: u32 = 30;

/// What the profiler itself takes, in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Costs {
    /// For one timed call.
    pub(crate) per_call: f64,
    /// Of that, what lies between its two readings of the clock and so counts as the function's own time.
    pub(crate) inside_call: f64,
    /// For one call that is only counted; 0 where none are.
    pub(crate) per_untimed_call: f64,
    /// For one poll.
    pub(crate) per_poll: f64,
}

/// The costs: of the fastest of some batches, since whatever else the machine does only ever adds.
///
/// NOTE: not from within [`Inside`]: the rehearsed calls would count as events that cannot be recorded.
pub(crate) fn costs() -> Costs {
    // NOTE: whoever comes meanwhile measures as well, and one result stays: a thread that waited for another would wait for
    // ever in a child that was forked without it.
    static COSTS: OnceBox<Costs> = OnceBox::new();
    *COSTS.get_or_init(|| {
        IS_UNDER_WAY.store(true, Ordering::Relaxed);
        let (per_call, inside_call) = per_call();
        let costs =
            Costs { per_call, inside_call, per_untimed_call: per_untimed_call(), per_poll: per_poll() };
        IS_UNDER_WAY.store(false, Ordering::Relaxed);
        Box::new(costs)
    })
}

static IS_UNDER_WAY: AtomicBool = AtomicBool::new(false);

/// True while the costs are measured: the calls that this makes must not wait for them.
#[cfg(feature = "throttle")]
pub(crate) fn is_under_way() -> bool {
    IS_UNDER_WAY.load(Ordering::Relaxed)
}

/// Puts the costs into a profile's notes, in nanoseconds.
pub(crate) fn note(costs: Costs, notes: &mut Notes) {
    let scale = clock::ns_per_tick();
    notes.ticks_per_call = costs.per_call * scale;
    notes.ticks_inside_call = costs.inside_call * scale;
    notes.ticks_per_untimed_call = costs.per_untimed_call * scale;
    notes.ticks_per_poll = costs.per_poll * scale;
}

/// A block that no thread owns, and counters on it.
fn rehearsal() -> (&'static Block, &'static Counters) {
    let _inside = Inside::enter();
    let block = Engine::leak(Limits { depth: 4, paths: 4 }).adopt(clock::now(), None);
    (block, block.counters_of(ROOT))
}

/// Of one call, and of that what is charged to the call.
fn per_call() -> (f64, f64) {
    let (block, _) = rehearsal();
    // Other ones than where the block's thread is.
    let (_, counters) = rehearsal();
    let mut inside = f64::MAX;
    let whole = (0..BATCHES)
        .map(|_| {
            let before = counters.read_busy();
            let whole = batch(|| Guard::rehearse(block, black_box(counters)));
            inside = inside.min((counters.read_busy() - before) as f64 / BATCH as f64);
            whole
        })
        .fold(f64::MAX, f64::min);
    (whole, inside)
}

fn per_untimed_call() -> f64 {
    #[cfg(feature = "throttle")]
    {
        let (block, _) = rehearsal();
        let (_, counters) = rehearsal();
        fastest(|| Guard::rehearse_counted(block, black_box(counters)))
    }
    #[cfg(not(feature = "throttle"))]
    0.0
}

fn per_poll() -> f64 {
    static SITE: Site = Site::new("rehearsal", "~", 0, true);
    let (block, counters) = rehearsal();
    let mut call = Call::new(&SITE, std::any::type_name::<()>);
    call.set_home(block, counters);
    fastest(|| black_box(&mut call).rehearse(block))
}

fn fastest(mut once: impl FnMut()) -> f64 {
    (0..BATCHES).map(|_| batch(&mut once)).fold(f64::MAX, f64::min)
}

/// Ticks of each of some calls, on average.
fn batch(mut once: impl FnMut()) -> f64 {
    let start = clock::now();
    for _ in 0..BATCH {
        once();
    }
    clock::now().saturating_sub(start) as f64 / BATCH as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disorder::tests::{call, with_thread};

    /// Also where calls are left by the slow way: here for the clock, elsewhere for a thread that unwinds.
    #[test]
    fn what_is_rehearsed_happens_on_blocks_of_its_own() {
        with_thread(Limits { depth: 100, paths: 100 }, |_, block| {
            let call = call(0);
            let here = block.current();
            assert_eq!(per_call(), (0.0, 0.0), "the clock stands still");
            per_untimed_call();
            per_poll();
            assert!(std::ptr::eq(block.current(), here));
            drop(call);
            assert_eq!(block.current_path(), Some(ROOT));
        });
    }
}
