//! Threads to a [`Profile`]: reads all counters while everybody runs on.
//!
//! Ends are read before beginnings, so no path has more of the former; calls under way are included with
//! their time so far.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use crate::block::Block;
use crate::capture;
use crate::clock;
use crate::control;
use crate::counters::Counters;
use crate::engine::{self, Engine};
use crate::paths::{NO_PATH, PathIndex, ROOT};
use crate::position::StayReading;
use crate::profile::{Counts, FunctionId, HeapCounts, PathId, Profile};
use crate::ring::bucket_middle;
use crate::site::{self, SiteId};
use crate::tally::{Baseline, Ends, Tally};
use crate::thread;

/// What [`reset`] leaves behind: everything up to then, to be subtracted.
#[derive(Default)]
struct Origin {
    baselines: Vec<Baseline>,
    /// The same for each block by itself; only paths that it had used.
    of_blocks: Vec<BTreeMap<PathIndex, Baseline>>,
    elapsed: Elapsed,
    heap: HeapByPath,
    since: Option<Instant>,
    late: u64,
    backsteps: u64,
    truncated: u64,
    unisolated: u64,
}

static ORIGIN: Mutex<Option<Origin>> = Mutex::new(None);

fn origin() -> MutexGuard<'static, Option<Origin>> {
    ORIGIN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Notes when recording began, for the profile's duration.
pub(crate) fn note_start() {
    origin().get_or_insert_with(Origin::default).since.get_or_insert_with(Instant::now);
}

/// Everything recorded so far, in nanoseconds, including calls that are still running. Stops nobody: each
/// number is exact when nothing is being recorded, and otherwise at most as old as the call of this
/// function.
#[must_use]
pub fn snapshot() -> Profile {
    take(false, true).0
}

/// As [`snapshot`], and which reset it is counted from.
#[cfg(feature = "http")]
pub(crate) fn snapshot_and_epoch() -> (Profile, u32) {
    take(false, true)
}

/// As [`snapshot`], of all that was recorded since the process began, whatever was reset: for counters that must not
/// go backwards.
#[cfg(feature = "http")]
pub(crate) fn snapshot_of_process() -> Profile {
    take(false, false).0
}

/// As [`snapshot`], with the counts split by thread as well ([`Profile::by_thread`]): what speedscope and
/// pprof show by thread. Takes memory in proportion to the pairs of thread and path that were used.
///
/// A thread that has ended hands its counters to the next new one, so a part may cover threads that lived
/// one after the other; it has the last one's name. A call with a report of its own
/// (`#[profile_cost(report)]`, [`crate::runcall`]) is in the part of the thread on which it ended.
#[must_use]
pub fn snapshot_with_threads() -> Profile {
    take(true, true).0
}

/// With the counts split by thread, and without what was there at the last reset, if wanted.
fn take(with_threads: bool, since_reset: bool) -> (Profile, u32) {
    let costs = crate::calibrate::costs();
    // An allocator or a signal's handler that asks from within code of ours would wait for its own thread.
    let Some(_inside) = thread::Inside::enter() else { return (Profile::new(), control::epoch()) };
    let engine = engine::process();
    // Held so that the tree of a per-call report is not moved meanwhile.
    let captures = capture::lock();
    let origin = origin();
    let blank = Origin::default();
    let origin = origin.as_ref().filter(|_| since_reset).unwrap_or(&blank);
    let now = clock::now();
    // Resets wait for the locks that are held here.
    let epoch = control::epoch();
    let tallies = collect(engine, &engine.blocks(), now, epoch);
    let heap = heap_by_path();
    let times = since(engine, &tallies, now, |path| {
        captures.baseline(path).or_else(|| origin.baselines.get(path as usize).copied()).unwrap_or_default()
    });
    let counts =
        |path: PathIndex| Counts { heap: heap_since(&heap, &origin.heap, path), ..times[path as usize] };
    let order = (0..tallies.len() as u32).collect::<Vec<_>>();
    let mut tree = Grafter::new(engine, clock::ns_per_tick());
    let (common, private): (Vec<_>, Vec<_>) =
        order.into_iter().filter(|&p| p != ROOT).partition(|&path| engine.paths.top(path) == ROOT);
    tree.add(&common, &counts);
    for (root, attach) in captures.attachments() {
        tree.graft(root, attach);
        let members: Vec<_> =
            private.iter().copied().filter(|&p| p != root && engine.paths.top(p) == root).collect();
        tree.add(&members, &counts);
    }
    if with_threads {
        for (index, block) in engine.blocks().into_iter().enumerate() {
            let before = origin.of_blocks.get(index);
            tree.add_thread(&thread_name(index, block), block, now, before);
        }
    }
    let mut profile = tree.profile;
    add_elapsed(&mut profile, &tree.functions, &elapsed(engine, None), Some(&origin.elapsed));
    profile.threads = engine.threads();
    profile.duration = origin.since.map_or(profile.duration, |since| since.elapsed());
    profile.notes.late_events = thread::late_events() - origin.late;
    profile.notes.clock_backsteps = backsteps(engine) - origin.backsteps;
    profile.notes.truncated_calls = truncated(engine) - origin.truncated;
    profile.notes.unisolated_reports = captures.refused() - origin.unisolated;
    profile.notes.heap = heap_since(&heap, &origin.heap, PROCESS);
    crate::calibrate::note(costs, &mut profile.notes);
    profile.notes.untimed_after = untimed_after(&profile);
    (profile, epoch)
}

/// After how many calls they are only counted, if some were.
fn untimed_after(profile: &Profile) -> u64 {
    #[cfg(feature = "throttle")]
    if profile.paths().iter().any(|path| path.counts.untimed > 0) {
        return crate::throttle::MANY;
    }
    #[cfg(not(feature = "throttle"))]
    let _ = profile;
    0
}

/// One profile a thread, named by the thread. A thread that has ended hands its counters to the next new
/// one, so a profile may cover threads that lived one after the other; it has the last one's name. Calls
/// of a future that moved between threads are in each with the part that ran there. Ignores [`reset`].
#[must_use]
pub fn snapshot_by_thread() -> Vec<(String, Profile)> {
    let _inside = thread::Inside::enter();
    let engine = engine::process();
    let _captures = capture::lock();
    let now = clock::now();
    (engine.blocks().into_iter().enumerate())
        .map(|(index, block)| (thread_name(index, block), of_block(engine, block, now, clock::ns_per_tick())))
        .collect()
}

fn thread_name(index: usize, block: &Block) -> String {
    block.thread_name().unwrap_or_else(|| format!("thread {}", index + 1))
}

/// What was counted of each path since its baseline, with what is known of the time of calls that were only counted.
fn since(
    engine: &Engine,
    tallies: &[Tally],
    now: u64,
    baseline: impl Fn(PathIndex) -> Baseline,
) -> Vec<Counts> {
    let counts = (0..).zip(tallies).map(|(path, tally)| tally.since(now, &baseline(path)));
    #[cfg(feature = "throttle")]
    {
        let mut counts: Vec<Counts> = counts.collect();
        if counts.iter().any(|counts| counts.untimed > 0) {
            let samples: Vec<_> =
                (0..).zip(tallies).map(|(path, tally)| tally.samples_since(&baseline(path))).collect();
            let inside = crate::calibrate::costs().inside_call;
            crate::estimate::give_back(&mut counts, &samples, inside, |path| engine.paths.parent(path));
        }
        counts
    }
    #[cfg(not(feature = "throttle"))]
    {
        let _ = engine;
        counts.collect()
    }
}

/// True for the paths of the common tree.
fn is_common(engine: &Engine, path: PathIndex) -> bool {
    path != ROOT && engine.paths.top(path) == ROOT
}

/// The tallies of the common tree's paths that a block has used.
fn used_by(engine: &Engine, block: &'static Block, now: u64) -> Vec<(PathIndex, Tally)> {
    let tallies = collect(engine, &[block], now, control::epoch());
    let used = (0..).zip(tallies).filter(|&(path, _)| is_common(engine, path));
    used.filter(|(_, tally)| *tally != Tally::default()).collect()
}

/// The profile of one block, paths in the order in which its threads first used them.
pub(crate) fn of_block(engine: &Engine, block: &'static Block, now: u64, scale: f64) -> Profile {
    let tallies = collect(engine, &[block], now, control::epoch());
    let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
    block.each(|counters, _| {
        let path = counters.path.load(Ordering::Relaxed);
        if engine.paths.parent(path) != NO_PATH && seen.insert(path) {
            order.push(path);
        }
    });
    let mut tree = Grafter::new(engine, scale);
    let counts = since(engine, &tallies, now, |_| Baseline::default());
    tree.add(&order, &|path| counts.get(path as usize).copied().unwrap_or_default());
    let mut profile = tree.profile;
    let mut buckets = BTreeMap::new();
    merge_elapsed(&mut buckets, block, None);
    add_elapsed(&mut profile, &tree.functions, &buckets, None);
    profile.threads = 1;
    profile.notes.truncated_calls = block.read_truncated();
    profile.notes.clock_backsteps = block.read_backsteps();
    profile
}

/// Forgets everything recorded so far. Calls under way count as begun now, with their time from now on.
pub fn reset() {
    let Some(_inside) = thread::Inside::enter() else { return };
    let engine = engine::process();
    let mut captures = capture::lock();
    let mut origin = origin();
    let now = clock::now();
    let tallies = collect(engine, &engine.blocks(), now, control::epoch());
    let of_blocks = (engine.blocks().into_iter())
        .map(|block| {
            let used = used_by(engine, block, now).into_iter();
            used.map(|(path, tally)| (path, Baseline::of_part(tally))).collect()
        })
        .collect();
    control::next_epoch();
    captures.reset(&tallies, now);
    *origin = Some(Origin {
        baselines: tallies.into_iter().map(|tally| Baseline::new(tally, now)).collect(),
        of_blocks,
        elapsed: elapsed(engine, None),
        heap: heap_by_path(),
        since: Some(Instant::now()),
        late: thread::late_events(),
        backsteps: backsteps(engine),
        truncated: truncated(engine),
        unisolated: captures.refused(),
    });
}

/// What each path's own code has asked of the heap.
type HeapByPath = HashMap<PathIndex, HeapCounts>;

#[cfg(feature = "heap")]
fn heap_by_path() -> HeapByPath {
    crate::heap::counts_by_path()
}

#[cfg(feature = "heap")]
use crate::heap::PROCESS;

#[cfg(not(feature = "heap"))]
const PROCESS: PathIndex = u32::MAX;

#[cfg(not(feature = "heap"))]
fn heap_by_path() -> HeapByPath {
    HeapByPath::new()
}

/// What a path asked of the heap since `before` was read. Blocks that were live then count as allocated after it, so
/// that frees never outnumber allocations.
fn heap_since(now: &HeapByPath, before: &HeapByPath, path: PathIndex) -> HeapCounts {
    let Some(now) = now.get(&path) else { return HeapCounts::default() };
    let before = before.get(&path).copied().unwrap_or_default();
    // NOTE: the recording of the heap may have begun anew since: then all of it counts.
    let before = if before.frees > now.frees { HeapCounts::default() } else { before };
    HeapCounts {
        allocations: now.allocations - before.frees.min(now.allocations),
        allocated_bytes: now.allocated_bytes - before.freed_bytes.min(now.allocated_bytes),
        frees: now.frees - before.frees.min(now.frees),
        freed_bytes: now.freed_bytes - before.freed_bytes.min(now.freed_bytes),
        // Those of blocks that were live then cannot be told from the others: all that there were.
        samples: now.samples,
    }
}

/// The tally of every path, indexed by path.
pub(crate) fn collect(engine: &Engine, blocks: &[&'static Block], now: u64, epoch: u32) -> Vec<Tally> {
    let len = engine.paths.len() as usize;
    let mut tallies = vec![Tally::default(); len];
    let path_of = |counters: &Counters| counters.path.load(Ordering::Relaxed);
    let read_ends = |block: &&'static Block| {
        let mut ends = Vec::new();
        block.each(|counters, asyncs| ends.push(Ends::read(counters, asyncs)));
        ends
    };
    let ends: Vec<Vec<Ends>> = blocks.iter().map(read_ends).collect();
    for (block, ends) in blocks.iter().zip(ends) {
        // What the thread is doing right now.
        let stay = block.read_current(now);
        // In the same order. Of counters that were not there then no end is known.
        let mut ends = ends.into_iter();
        block.each(|counters, asyncs| {
            let ends = ends.next().unwrap_or_default();
            // Paths younger than `len` are left to the next snapshot.
            let Some(tally) = tallies.get_mut(path_of(counters) as usize) else { return };
            let counted = tally.add(counters, asyncs, ends, epoch);
            if let Some(StayReading { before, ticks, .. }) =
                stay.filter(|stay| ptr::eq(stay.counters, counters))
            {
                // NOTE: the stay may have been charged since it was looked at. Seen in the same reading
                // of the counter that was added: a later one would take off what was never added.
                let more = ticks.saturating_sub(counted.saturating_sub(before));
                tally.busy = tally.busy.wrapping_add(more);
            }
        });
    }
    tallies
}

/// Calls of each function by bucket of their elapsed time.
pub(crate) type Elapsed = BTreeMap<SiteId, BTreeMap<usize, u64>>;

/// The elapsed times of the calls under the root `top`; of all calls, for `None`.
pub(crate) fn elapsed(engine: &Engine, top: Option<PathIndex>) -> Elapsed {
    let mut all = Elapsed::new();
    for block in engine.blocks() {
        merge_elapsed(&mut all, block, top);
    }
    all
}

fn merge_elapsed(all: &mut Elapsed, block: &Block, top: Option<PathIndex>) {
    for (site, buckets) in block.read_histograms(top) {
        let sum = all.entry(site).or_default();
        for (bucket, count) in buckets {
            let sum: &mut u64 = sum.entry(bucket).or_default();
            *sum = sum.saturating_add(count);
        }
    }
}

/// Adds what was counted after `before` to the functions' histograms, in nanoseconds.
pub(crate) fn add_elapsed(
    profile: &mut Profile,
    functions: &BTreeMap<SiteId, FunctionId>,
    all: &Elapsed,
    before: Option<&Elapsed>,
) {
    let scale = clock::ns_per_tick();
    for (site, buckets) in all {
        let Some(&function) = functions.get(site) else { continue };
        let mut times = crate::elapsed::Elapsed::new();
        let before = before.and_then(|all| all.get(site));
        for (bucket, count) in buckets {
            let count = count - before.and_then(|b| b.get(bucket)).copied().unwrap_or(0).min(*count);
            // NOTE: a histogram answers with the upper end of its own bucket, up to 0.8 % above what was
            // recorded; half of that is taken off here, so that the error stays within 2 % both ways.
            let value = bucket_middle(*bucket) * scale * (1.0 - 0.0039);
            times.record(value.round().max(1.0) as u64, count);
        }
        if !times.is_empty() {
            profile.add_elapsed(function, times);
        }
    }
}

fn backsteps(engine: &Engine) -> u64 {
    engine.blocks().iter().map(|block| block.read_backsteps()).sum()
}

fn truncated(engine: &Engine) -> u64 {
    engine.blocks().iter().map(|block| block.read_truncated()).sum()
}

/// Builds a profile from paths of the tree, subtree by subtree.
pub(crate) struct Grafter<'a> {
    engine: &'a Engine,
    labels: Vec<crate::profile::Label>,
    /// Nanoseconds in a tick.
    scale: f64,
    pub(crate) profile: Profile,
    pub(crate) functions: BTreeMap<SiteId, FunctionId>,
    ids: BTreeMap<PathIndex, Option<PathId>>,
}

impl<'a> Grafter<'a> {
    pub(crate) fn new(engine: &'a Engine, scale: f64) -> Self {
        let ids = BTreeMap::from([(ROOT, None)]);
        let labels = site::labels();
        Self { engine, labels, scale, profile: Profile::new(), functions: BTreeMap::new(), ids }
    }

    /// What hangs from the private root `root` is to stand below `attach`.
    pub(crate) fn graft(&mut self, root: PathIndex, attach: PathIndex) {
        let id = self.place(attach);
        self.ids.insert(root, id);
    }

    /// Adds the paths that something was counted on, and what they hang from.
    pub(crate) fn add(&mut self, order: &[PathIndex], counts: &dyn Fn(PathIndex) -> Counts) {
        for &path in order {
            let counts = counts(path);
            if counts == Counts::default() {
                continue;
            }
            let parent = self.place(self.engine.paths.parent(path));
            let function = self.function(self.engine.paths.site(path));
            let id = self.profile.add_path(parent, function, &self.in_ns(counts));
            self.ids.insert(path, Some(id));
        }
    }

    /// Adds one thread's part of what was added before.
    fn add_thread(
        &mut self,
        name: &str,
        block: &'static Block,
        now: u64,
        before: Option<&BTreeMap<PathIndex, Baseline>>,
    ) {
        let tallies = collect(self.engine, &[block], now, control::epoch());
        let counts = since(self.engine, &tallies, now, |path| {
            before.and_then(|before| before.get(&path)).copied().unwrap_or_default()
        });
        let counts = ((0..).zip(counts))
            .filter_map(|(path, counts)| {
                let id = self.ids.get(&path).copied().flatten()?;
                if !is_common(self.engine, path) {
                    return None;
                }
                // NOTE: a suspension is on no thread; it may begin on one and end on another.
                let counts = Counts { self_await: 0, ..counts };
                (counts != Counts::default()).then(|| (id, self.in_ns(counts)))
            })
            .collect::<Vec<_>>();
        if !counts.is_empty() {
            self.profile.add_thread(name, counts);
        }
    }

    fn place(&mut self, path: PathIndex) -> Option<PathId> {
        // Downwards from the nearest ancestor that is there; the tree can be deep, the stack is not.
        let mut missing = Vec::new();
        let mut at = path;
        let mut id = loop {
            match self.ids.get(&at) {
                Some(&id) => break id,
                None if at == NO_PATH => break None,
                None => missing.push(at),
            }
            at = self.engine.paths.parent(at);
        };
        for path in missing.into_iter().rev() {
            if self.engine.paths.parent(path) != NO_PATH {
                let function = self.function(self.engine.paths.site(path));
                id = Some(self.profile.add_path(id, function, &Counts::default()));
            }
            self.ids.insert(path, id);
        }
        id
    }

    fn function(&mut self, site: SiteId) -> FunctionId {
        let Self { labels, profile, .. } = self;
        *self.functions.entry(site).or_insert_with(|| {
            let unknown = || crate::profile::Label::new("~", 0, "[unknown]");
            profile.add_function(labels.get(site as usize).cloned().unwrap_or_else(unknown))
        })
    }

    fn in_ns(&self, counts: Counts) -> Counts {
        let ns =
            |ticks: u64| if self.scale == 1.0 { ticks } else { (ticks as f64 * self.scale).round() as u64 };
        Counts {
            self_busy: ns(counts.self_busy),
            self_await: ns(counts.self_await),
            longest_poll: ns(counts.longest_poll),
            ..counts
        }
    }
}
