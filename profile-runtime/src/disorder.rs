//! Calls of one thread that ended while calls below them were open (scopes held across awaits of futures that take
//! turns, guards that were moved), and how the thread gets back past them. Off the hot path.
//!
//! A call that is left goes back to where it began and does not ask whether that has ended meanwhile: returning is
//! hot. So while an ended call is above it, the thread is on a *stand-in*: other counters of the path it is on.
//! Calls from there are found and come back as ever. But the guard of the call that is open there sees that the
//! thread is not on its counters, leaves by the slow way, and that way leads here.
//!
//! NOTE: a poll and a [`crate::Context`] go back to where they began as well, and only the latter asks here. A call
//! that began before a poll and ends in it is where that poll goes back to, until a call above it ends.

use std::ptr;

use crate::counters::Counters;
use crate::paths::{PathIndex, PathTree, ROOT};

/// See the module. One block's, touched by its owner only.
#[derive(Debug, Default)]
pub(crate) struct Disorder {
    /// Calls that have ended above the thread, and where each began.
    ended: Vec<Ended>,
    /// Counters and their stand-ins, which wait for the next time.
    stand_ins: Vec<(&'static Counters, &'static Counters)>,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    call: &'static Counters,
    back: &'static Counters,
}

impl Disorder {
    pub(crate) const fn new() -> Self {
        Self { ended: Vec::new(), stand_ins: Vec::new() }
    }

    /// The owner ends, and whatever was open is abandoned.
    pub(crate) fn clear(&mut self) {
        self.ended.clear();
    }

    /// `call`, which began at `back`, has ended and is counted so. Where the thread goes from `current`.
    pub(crate) fn leave(
        &mut self,
        current: &'static Counters,
        call: &'static Counters,
        back: &'static Counters,
    ) -> &'static Counters {
        let current = self.real(current);
        if ptr::eq(current, call) {
            return self.back_to(back);
        }
        if !self.ended.iter().any(|ended| ptr::eq(ended.call, call) && ptr::eq(ended.back, back)) {
            self.ended.push(Ended { call, back });
        }
        self.back_to(current)
    }

    /// Where the thread goes that was at `at` and comes back there.
    pub(crate) fn back_to(&self, at: &'static Counters) -> &'static Counters {
        let mut to = self.real(at);
        // Bounded: where recursion folds, calls can have begun at each other.
        for _ in 0..self.ended.len() {
            // As long as one call is open on the same counters, the thread is in that one.
            if to.is_active() {
                break;
            }
            let began = self.ended.iter().filter(|ended| ptr::eq(ended.call, to));
            match began.map(|ended| self.real(ended.back)).find(|back| !ptr::eq(*back, to)) {
                Some(back) => to = back,
                None => break,
            }
        }
        to
    }

    /// The thread goes `to`. True when an ended call is above it: then it goes to the stand-in.
    pub(crate) fn settle(&mut self, paths: &PathTree, to: &Counters) -> bool {
        // Nothing goes back to the others: a future left them behind, still open, when it was suspended.
        self.ended.retain(|ended| is_above(paths, ended.call, to));
        !self.ended.is_empty()
    }

    pub(crate) fn stand_in(&self, of: &Counters) -> Option<&'static Counters> {
        self.stand_ins.iter().find(|(real, _)| ptr::eq(*real, of)).map(|&(_, stand_in)| stand_in)
    }

    pub(crate) fn add_stand_in(&mut self, of: &'static Counters, stand_in: &'static Counters) {
        self.stand_ins.push((of, stand_in));
    }

    /// The counters that `at` stands for: mostly itself.
    fn real(&self, at: &'static Counters) -> &'static Counters {
        self.stand_ins.iter().find(|(_, stand_in)| ptr::eq(*stand_in, at)).map_or(at, |&(real, _)| real)
    }
}

/// The innermost path from that of `at` on up on which a call is open, or [`ROOT`]. For a thread that is in no poll and in
/// no [`crate::context::Stay`], and so nowhere else.
///
/// Where recursion folds, calls of one path cannot be told apart that end in any order: each goes back to where it
/// began, or where another began. Without this the thread would stay, for good, on a path that nobody calls.
pub(crate) fn innermost_open(
    paths: &PathTree,
    at: PathIndex,
    is_open: impl Fn(PathIndex) -> bool,
) -> PathIndex {
    let mut at = at;
    while at != paths.top(at) {
        if is_open(at) {
            return at;
        }
        at = paths.parent(at);
    }
    ROOT
}

/// True when the path of `above` is that of `below` or leads to it.
fn is_above(paths: &PathTree, above: &Counters, below: &Counters) -> bool {
    let above = path(above);
    // A path is younger than what leads to it; so this ends at the roots, too.
    let mut at = path(below);
    while at > above && paths.parent(at) < at {
        at = paths.parent(at);
    }
    at == above
}

fn path(counters: &Counters) -> PathIndex {
    counters.path.load(std::sync::atomic::Ordering::Relaxed)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::block::Block;
    use crate::clock;
    use crate::context::Stay;
    use crate::control;
    use crate::engine::Engine;
    use crate::guard::{Guard, enter};
    use crate::paths::Limits;
    use crate::site::Site;
    use crate::snapshot;
    use crate::thread;

    pub(crate) const FUNCTIONS: usize = 4;
    static SITES: [Site; FUNCTIONS] = [const { Site::new("d", "disorder.rs", 1, true) }; FUNCTIONS];

    /// A thread of a world of its own, driven by literal ticks.
    pub(crate) fn with_thread(limits: Limits, body: impl FnOnce(&'static Engine, &'static Block)) {
        control::enable();
        for site in &SITES {
            site.register("");
        }
        let engine = Engine::leak(limits);
        clock::set_fake(Some(0));
        let block = engine.adopt(0, None);
        let before = thread::set_block(block);
        body(engine, block);
        thread::set_block(before);
        clock::set_fake(None);
    }

    pub(crate) fn call(function: usize) -> Guard {
        enter(&SITES[function], || {})
    }

    /// Self time and calls begun and ended, by the functions on the path.
    pub(crate) type Counted = BTreeMap<Vec<usize>, (u64, u64, u64)>;

    pub(crate) fn counted(engine: &Engine, block: &'static Block, now: u64) -> Counted {
        let tallies = snapshot::collect(engine, &[block], now, control::epoch());
        (0..engine.paths.len())
            .filter(|&path| path != ROOT)
            .map(|path| {
                let function = |path| SITES.iter().position(|site| site.id() == engine.paths.site(path));
                let mut names: Vec<_> =
                    std::iter::successors(Some(path), |&path| Some(engine.paths.parent(path)))
                        .take_while(|&path| path != ROOT)
                        .filter_map(function)
                        .collect();
                names.reverse();
                let tally = tallies[path as usize];
                (names, (tally.busy, tally.starts, tally.returned))
            })
            .collect()
    }

    /// The calls that are open, the innermost last; a call that ends is taken out wherever it stands.
    #[derive(Default)]
    struct Model {
        /// Where a stay is that all of it happens in.
        base: Vec<usize>,
        open: Vec<(Vec<usize>, Option<Guard>)>,
        counted: Counted,
        now: u64,
    }

    impl Model {
        fn here(&self) -> Vec<usize> {
            self.open.last().map_or_else(|| self.base.clone(), |(path, _)| path.clone())
        }

        fn pass(&mut self, ticks: u64) {
            self.now += ticks;
            clock::set_fake(Some(self.now));
            if !self.here().is_empty() {
                self.counted.entry(self.here()).or_default().0 += ticks;
            }
        }

        fn begin(&mut self, function: usize) {
            let mut path = self.here();
            path.push(function);
            self.counted.entry(path.clone()).or_default().1 += 1;
            self.open.push((path, Some(call(function))));
        }

        fn end(&mut self, at: usize) {
            let (path, guard) = self.open.remove(at);
            drop(guard);
            self.counted.get_mut(&path).expect("it has begun").2 += 1;
        }
    }

    #[test]
    fn whatever_the_order_time_goes_to_the_innermost_call_that_is_open() {
        for seed in 1..=150u64 {
            let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut below = move |bound: usize| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                (random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
            };
            with_thread(Limits { depth: 100, paths: 5_000 }, |engine, block| {
                let mut model = Model::default();
                let stay = (seed % 2 == 0).then(|| {
                    model.base.push(0);
                    Stay::begin(block, block.resolve_from(ROOT, SITES[0].id()).expect("room"))
                });
                // From mostly in order to hardly ever.
                let order = below(5);
                for step in 0..80 {
                    model.pass(below(20) as u64);
                    let open = model.open.len();
                    if step < 60 && (open == 0 || below(2) == 0) {
                        model.begin(below(FUNCTIONS));
                    } else if open > 0 {
                        model.end(if below(4) < order { below(open) } else { open - 1 });
                    }
                    model.pass(below(20) as u64);
                    assert_eq!(counted(engine, block, model.now), model.counted, "seed {seed}, step {step}");
                }
                while !model.open.is_empty() {
                    model.end(below(model.open.len()));
                }
                model.pass(1_000);
                assert_eq!(counted(engine, block, model.now), model.counted, "seed {seed}");
                drop(stay);
                assert_eq!(block.current_path(), Some(ROOT), "seed {seed}");
                assert!(std::ptr::eq(block.current(), block.counters_of(ROOT)), "no stand-in is left");
            });
        }
    }

    #[test]
    fn a_context_in_which_calls_end_goes_back_to_what_is_open() {
        with_thread(Limits { depth: 100, paths: 5_000 }, |_, block| {
            let (outer, inner) = (call(0), call(1));
            let place = block.resolve_from(ROOT, SITES[2].id()).expect("room");
            let below = block.current_path().expect("attached");
            let at = block.resolve_from(below, SITES[3].id()).expect("room");
            // Below `inner`, and then elsewhere.
            let stay = Stay::begin(block, at);
            drop(inner);
            drop(stay);
            assert_eq!(block.current_path(), block.resolve_from(ROOT, SITES[0].id()).map(path));
            let stay = Stay::begin(block, place);
            drop(stay);
            drop(outer);
            assert_eq!(block.current_path(), Some(ROOT));
        });
    }

    #[test]
    fn a_scope_that_a_suspended_future_took_along_leaves_no_trace() {
        with_thread(Limits { depth: 100, paths: 5_000 }, |engine, block| {
            let future = block.resolve_from(ROOT, SITES[0].id()).expect("room");
            for _ in 0..100 {
                // The poll is left with the scope open, and the next one ends it.
                let stay = Stay::begin(block, future);
                let scope = call(1);
                drop(stay);
                let stay = Stay::begin(block, future);
                drop(scope);
                assert!(std::ptr::eq(block.current(), future), "no stand-in is needed");
                drop(call(1));
                drop(stay);
                assert_eq!(block.current_path(), Some(ROOT));
            }
            assert_eq!(counted(engine, block, 0)[&vec![0, 1]], (0, 200, 200));
        });
    }

    #[test]
    fn recursion_that_folds_ends_at_the_root() {
        with_thread(Limits { depth: 3, paths: 100 }, |engine, block| {
            for first in 0..6 {
                let mut open: Vec<_> = (0..6).map(|_| call(0)).collect();
                let deepest = block.current_path();
                let below = call(1);
                drop(open.remove(first));
                drop(below);
                assert_eq!(block.current_path(), deepest, "{first}: others are open there");
                // From the outermost on.
                open.into_iter().for_each(drop);
                assert_eq!(block.current_path(), Some(ROOT), "{first}");
            }
            assert!(counted(engine, block, 0).values().all(|&(_, starts, returned)| starts == returned));
        });
    }

    /// Which of the calls on a path has ended is not known, but when there is none left.
    #[test]
    fn once_no_call_is_open_the_thread_is_at_the_root_whatever_folds() {
        // Some mistakes show once in a million.
        let steps = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
        for depth in 1..=4 {
            with_thread(Limits { depth, paths: 5_000 }, |_, block| {
                let mut random = crate::testing::Random::of_seed(depth.into());
                let mut open = Vec::new();
                for step in 0..steps {
                    if random.below(2) == 0 && open.len() < 8 {
                        open.push(call(random.index(2)));
                    } else if !open.is_empty() {
                        drop(open.swap_remove(random.index(open.len())));
                    }
                    if open.is_empty() {
                        let root = block.counters_of(ROOT);
                        assert!(std::ptr::eq(block.current(), root), "depth {depth}, step {step}");
                    }
                }
            });
        }
    }

    #[test]
    fn an_end_out_of_order_while_unwinding_is_a_panic() {
        with_thread(Limits { depth: 100, paths: 5_000 }, |engine, block| {
            let (outer, inner) = (call(0), call(1));
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                // Dropped in this order.
                let _inner = inner;
                let _outer = outer;
                std::panic::resume_unwind(Box::new(()));
            }));
            assert!(unwound.is_err());
            let tallies = snapshot::collect(engine, &[block], 0, control::epoch());
            assert_eq!(tallies.iter().map(|tally| tally.panicked).sum::<u64>(), 2);
            assert_eq!(block.current_path(), Some(ROOT));
        });
    }

    #[test]
    fn the_next_owner_of_the_block_knows_nothing_of_it() {
        with_thread(Limits { depth: 100, paths: 5_000 }, |engine, block| {
            let (outer, inner) = (call(0), call(1));
            drop(outer);
            std::mem::forget(inner);
            engine.hand_back(block);
            assert!(std::ptr::eq(engine.adopt(0, None), block));
            let outer = call(0);
            let here = block.current();
            drop(Stay::begin(block, block.resolve_from(ROOT, SITES[2].id()).expect("room")));
            assert!(std::ptr::eq(block.current(), here), "and not a stand-in");
            drop(outer);
        });
    }
}
