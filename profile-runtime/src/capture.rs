//! Trees of their own for single calls: `report`, `report_over`, `runcall`.
//!
//! A captured call hangs from a private root, so that nothing that runs beside it is mixed in. When it
//! ends, what was counted there is added to the common tree, and the private root waits for the next
//! call: its paths, and the threads' counters of them, are used again. Counters are never set back (only
//! their thread may write them); each use begins from a baseline instead.
//!
//! ```text
//! Free --begin--> Running --finish, nothing under way--> Free
//!                    \------finish, tasks still alive--> Draining --they end--> Free
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::block::Block;
use crate::clock;
use crate::control;
use crate::engine::{self, Engine};
use crate::paths::{PathIndex, ROOT, TargetKind};
use crate::position::StayReading;
use crate::profile::{Counts, Profile};
use crate::site::TRUNCATED;
use crate::snapshot::{self, Elapsed, Grafter};
use crate::tally::{Baseline, Ends, Tally};
use crate::thread;

/// What captured calls ask of the heap.
#[cfg(feature = "heap")]
use crate::heap::captured as heap;

#[cfg(not(feature = "heap"))]
mod heap {
    use crate::paths::PathIndex;
    use crate::profile::HeapCounts;

    pub(super) fn begin(_: usize, _: PathIndex, _: PathIndex) {}
    pub(super) fn close(_: usize) {}
    pub(super) fn end() {}
    pub(super) fn counts(_: PathIndex) -> HeapCounts {
        HeapCounts::default()
    }
}

/// Calls that can have a tree of their own at one time.
pub(crate) const MOST: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Running,
    Draining,
}

struct Slot {
    root: PathIndex,
    /// Where in the tree the call was made.
    attach: PathIndex,
    state: State,
    /// Contexts that lead here, and captures made inside, hold a clone.
    alive: Arc<()>,
    /// The token of the capture that `attach` belongs to.
    _outer: Option<Arc<()>>,
    /// All paths below `root`, as of a tree of `seen` paths.
    members: Vec<PathIndex>,
    seen: u32,
    /// From which the call's own report counts.
    at_begin: BTreeMap<PathIndex, Baseline>,
    /// From which the common tree counts: `at_begin`, or a later reset.
    at_fold: BTreeMap<PathIndex, Baseline>,
    /// Elapsed times of earlier calls. (The common profile has them at once: it sums over all roots.)
    elapsed_before: Elapsed,
}

/// All private trees.
pub(crate) struct Captures {
    slots: Vec<Slot>,
    refused: u64,
}

static CAPTURES: Mutex<Captures> = Mutex::new(Captures { slots: Vec::new(), refused: 0 });

pub(crate) fn lock() -> MutexGuard<'static, Captures> {
    CAPTURES.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A captured call under way.
#[derive(Debug)]
pub(crate) struct Capture {
    slot: usize,
    root: PathIndex,
    start: u64,
}

/// A token that keeps the private tree of `root` from being used again.
pub(crate) fn keep(root: PathIndex) -> Option<Arc<()>> {
    lock().slots.iter().find(|slot| slot.root == root).map(|slot| slot.alive.clone())
}

/// Gives the call that is about to be made on `block`'s thread a tree of its own. `None` when too many
/// are under way.
pub(crate) fn begin(block: &'static Block) -> Option<Capture> {
    let _inside = thread::Inside::enter()?;
    let engine = block.engine?;
    let attach = block.current_path()?;
    let mut captures = lock();
    captures.reclaim(engine, block);
    let outer = (captures.slots.iter())
        .find(|slot| attach != ROOT && slot.root == engine.paths.top(attach))
        .map(|slot| slot.alive.clone());
    let free = captures.slots.iter().position(|slot| slot.state == State::Free);
    let slot = match free {
        Some(slot) => slot,
        None => match (captures.slots.len() < MOST).then(|| engine.paths.private_root()).flatten() {
            Some(root) => {
                captures.slots.push(Slot::new(root));
                captures.slots.len() - 1
            }
            None => {
                captures.refused += 1;
                return None;
            }
        },
    };
    let claimed = &mut captures.slots[slot];
    claimed.state = State::Running;
    claimed.attach = attach;
    claimed._outer = outer;
    heap::begin(slot, claimed.root, attach);
    crate::storage::capture_began(engine, slot, claimed.root, attach);
    Some(Capture { slot, root: claimed.root, start: clock::now() })
}

impl Capture {
    pub(crate) fn root(&self) -> PathIndex {
        self.root
    }

    /// Ends the capture: its profile, in nanoseconds. `None` when the thread is ending; then the common
    /// tree gets it with the next capture.
    pub(crate) fn finish(self) -> Option<Profile> {
        let costs = crate::calibrate::costs();
        let _inside = thread::Inside::enter();
        let engine = engine::process();
        let mut captures = lock();
        heap::close(self.slot);
        let now = clock::now();
        let tallies = captures.slots[self.slot].tallies(engine, now);
        let slot = &mut captures.slots[self.slot];
        let mut tree = Grafter::new(engine, clock::ns_per_tick());
        tree.graft(self.root, ROOT);
        let members: Vec<_> = slot.members.iter().copied().filter(|&p| p != self.root).collect();
        tree.add(&members, &|path| {
            let baseline = slot.at_begin.get(&path).copied().unwrap_or_default();
            let counts =
                tallies.get(&path).map_or_else(Default::default, |tally| tally.since(now, &baseline));
            Counts { heap: heap::counts(path), ..counts }
        });
        let mut profile = tree.profile;
        let elapsed = snapshot::elapsed(engine, Some(self.root));
        snapshot::add_elapsed(&mut profile, &tree.functions, &elapsed, Some(&slot.elapsed_before));
        let ns = now.saturating_sub(self.start) as f64 * clock::ns_per_tick();
        profile.duration = std::time::Duration::from_nanos(ns as u64);
        profile.threads = 1;
        crate::calibrate::note(costs, &mut profile.notes);
        slot.state = State::Draining;
        if let Some(block) = thread::attach() {
            captures.reclaim(engine, block);
        }
        Some(profile)
    }
}

impl Captures {
    /// From where to count `path`, if it is of a private tree.
    pub(crate) fn baseline(&self, path: PathIndex) -> Option<Baseline> {
        self.slots.iter().find_map(|slot| slot.at_fold.get(&path).copied())
    }

    /// Private roots in use and where they hang, outer ones first.
    pub(crate) fn attachments(&self) -> Vec<(PathIndex, PathIndex)> {
        let engine = engine::process();
        let mut waiting: Vec<_> = (self.slots.iter())
            .filter(|slot| slot.state != State::Free)
            .map(|slot| (slot.root, slot.attach))
            .collect();
        let mut sorted: Vec<(PathIndex, PathIndex)> = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let before = waiting.len();
            waiting.retain(|&(root, attach)| {
                let top = engine.paths.top(attach);
                let ready = top == ROOT || sorted.iter().any(|&(done, _)| done == top);
                if ready {
                    sorted.push((root, attach));
                }
                !ready
            });
            if waiting.len() == before {
                break;
            }
        }
        sorted
    }

    /// Calls that had to do without a tree of their own.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Everything up to now is forgotten by the common tree; reports of calls under way keep theirs.
    pub(crate) fn reset(&mut self, tallies: &[Tally], now: u64) {
        for slot in &mut self.slots {
            slot.at_fold = (slot.members.iter().copied())
                .filter_map(|path| Some((path, Baseline::new(*tallies.get(path as usize)?, now))))
                .collect();
        }
    }

    /// Adds finished private trees to the common tree, through the calling thread's counters.
    fn reclaim(&mut self, engine: &'static Engine, block: &'static Block) {
        let now = clock::now();
        loop {
            let mut progress = false;
            for slot in self.slots.iter_mut().filter(|slot| slot.state == State::Draining) {
                if Arc::strong_count(&slot.alive) > 1 {
                    continue;
                }
                let tallies = slot.tallies(engine, now);
                if tallies.values().any(|tally| tally.active() > 0) {
                    continue;
                }
                slot.fold(engine, block, &tallies, now);
                slot.state = State::Free;
                heap::end();
                slot._outer = None;
                progress = true;
            }
            // A freed slot may have held the token of another.
            if !progress {
                return;
            }
        }
    }
}

impl Slot {
    fn new(root: PathIndex) -> Self {
        Self {
            root,
            attach: ROOT,
            state: State::Free,
            alive: Arc::new(()),
            _outer: None,
            members: vec![root],
            seen: root + 1,
            at_begin: BTreeMap::new(),
            at_fold: BTreeMap::new(),
            elapsed_before: Elapsed::new(),
        }
    }

    /// The tallies of the private tree's paths.
    fn tallies(&mut self, engine: &Engine, now: u64) -> BTreeMap<PathIndex, Tally> {
        let len = engine.paths.len();
        self.members.extend((self.seen..len).filter(|&path| engine.paths.top(path) == self.root));
        self.seen = len;
        let blocks = engine.blocks();
        let found: Vec<_> = (blocks.iter())
            .flat_map(|block| {
                let read =
                    move |&path| block.read_all(path).into_iter().map(move |found| (path, *block, found));
                self.members.iter().flat_map(read)
            })
            .collect();
        let mut tallies: BTreeMap<PathIndex, Tally> = BTreeMap::new();
        let ends: Vec<Ends> = (found.iter())
            .map(|&(_, block, counters)| Ends::read(counters, block.read_async(counters)))
            .collect();
        let stays: Vec<_> = blocks.iter().map(|block| (*block, block.read_current(now))).collect();
        for (&(path, block, counters), ends) in found.iter().zip(ends) {
            let tally = tallies.entry(path).or_default();
            let counted = tally.add(counters, block.read_async(counters), ends, control::epoch());
            let stay =
                stays.iter().find(|(other, _)| std::ptr::eq(*other, block)).and_then(|&(_, stay)| stay);
            if let Some(StayReading { before, ticks, .. }) =
                stay.filter(|stay| std::ptr::eq(stay.counters, counters))
            {
                tally.busy += ticks.saturating_sub(counted.saturating_sub(before));
            }
        }
        tallies
    }

    /// Adds what was counted to the common tree and starts anew from here.
    fn fold(
        &mut self,
        engine: &'static Engine,
        block: &'static Block,
        tallies: &BTreeMap<PathIndex, Tally>,
        now: u64,
    ) {
        let mut common = BTreeMap::from([(self.root, (self.attach, false))]);
        for &path in &self.members {
            let Some(tally) = tallies.get(&path) else { continue };
            let baseline = self.at_fold.get(&path).copied().unwrap_or_default();
            let counts = tally.since(now, &baseline);
            if counts != Default::default() {
                let (target, truncated) = self.common_path(engine, path, &mut common);
                if truncated {
                    block.add_truncated(counts.starts);
                }
                let counters = block.counters_of(target);
                counters.absorb(
                    counts.starts,
                    counts.folded,
                    counts.returned,
                    counts.panicked,
                    counts.self_busy,
                );
                if counts.polls + counts.cancelled + counts.self_await > 0 {
                    block.asyncs_of(counters).absorb(
                        counts.self_await,
                        counts.polls,
                        counts.longest_poll,
                        counts.cancelled,
                        control::epoch(),
                    );
                }
            }
            for block in engine.blocks() {
                if let Some(asyncs) = block.read_path(path).and_then(|counters| block.read_async(counters)) {
                    asyncs.clear_longest();
                }
            }
        }
        self.at_begin = tallies.iter().map(|(&path, &tally)| (path, Baseline::new(tally, now))).collect();
        self.at_fold = self.at_begin.clone();
        self.elapsed_before = snapshot::elapsed(engine, Some(self.root));
    }

    /// Where what was counted on `path` goes, and whether the common tree had no room for a path of its own,
    /// when the private one had.
    fn common_path(
        &self,
        engine: &Engine,
        path: PathIndex,
        common: &mut BTreeMap<PathIndex, (PathIndex, bool)>,
    ) -> (PathIndex, bool) {
        let mut missing = Vec::new();
        let mut at = path;
        let mut target = loop {
            match common.get(&at) {
                Some(&target) => break target,
                None => missing.push(at),
            }
            at = engine.paths.parent(at);
        };
        for path in missing.into_iter().rev() {
            let site = engine.paths.site(path);
            let found = engine.paths.resolve(target.0, site);
            target = (found.path, found.kind == TargetKind::Truncated && site != TRUNCATED);
            common.insert(path, target);
        }
        target
    }
}
