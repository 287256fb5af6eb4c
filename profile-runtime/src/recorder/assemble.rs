//! The parts of a file into a [`Profile`], what was running and what was suspended.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::layout::Live;
use super::parts::{Awaited, Counted, Parts, Thread};
use super::post_mortem::{RunningThread, SuspendedPath};
use crate::elapsed::Elapsed;
use crate::estimate::Samples;
use crate::in_flight::OpenCall;
use crate::paths::{NO_PATH, ROOT};
use crate::profile::{Counts, FunctionId, Label, PathId, Profile};
use crate::ring::bucket_middle;
use crate::site::TRUNCATED;

/// What the parts come to.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    pub(super) profile: Profile,
    pub(super) running: Vec<RunningThread>,
    pub(super) suspended: Vec<SuspendedPath>,
    /// Calls on paths that the file does not tell.
    pub(super) unknown_calls: u64,
    /// The tick of the last sign of life.
    pub(super) end: u64,
    pub(super) ns_per_tick: f64,
}

/// What was counted on one path, on all threads or one.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    counts: Counts,
    balance: u64,
    suspended: u64,
    open: u64,
    begun: u64,
    /// Threads that were in the middle of changing these four.
    torn: u32,
    samples: Samples,
}

impl Sum {
    fn add(&mut self, counted: &Counted, awaited: Option<&Awaited>) {
        let mut counts = Counts {
            starts: counted.starts,
            folded: counted.folded,
            returned: counted.returned,
            panicked: counted.panicked,
            self_busy: counted.busy,
            untimed: counted.untimed,
            ..Counts::default()
        };
        self.samples.calls = self.samples.calls.saturating_add(counted.samples.calls);
        self.samples.ticks = self.samples.ticks.saturating_add(counted.samples.ticks);
        if let Some(awaited) = awaited {
            counts.cancelled = awaited.cancelled;
            counts.polls = awaited.polls;
            counts.longest_poll = awaited.longest;
            self.balance = self.balance.wrapping_add(awaited.balance);
            self.suspended = self.suspended.wrapping_add(awaited.suspended);
            self.open = self.open.wrapping_add(awaited.open);
            self.begun = self.begun.wrapping_add(awaited.begun);
            self.torn += u32::from(awaited.is_torn);
        }
        self.counts.add(&counts);
    }

    /// Ticks suspended up to `end`, where no single future can have been for longer than `most`.
    fn awaited(&self, end: u64, most: u64) -> u64 {
        let ticks = self.balance.wrapping_add(self.suspended.wrapping_mul(end));
        let limit = most.saturating_mul(self.counts.starts);
        // The process may have ended between the two stores of a suspension, or of a resumption, on each of these threads: then
        // the sum is one tick's number off, up or down. What is told is never above the truth.
        let torn = (1..=u64::from(self.torn.min(MOST_TORN))).map(|threads| threads.wrapping_mul(end));
        let all = torn.flat_map(|off| [ticks.wrapping_add(off), ticks.wrapping_sub(off)]).chain([ticks]);
        // NOTE: below zero, where futures were suspended after the last look at the clock: then nothing is told.
        let nearest = all.min_by_key(|ticks| (*ticks as i64).unsigned_abs()).unwrap_or(ticks);
        if nearest <= limit && nearest as i64 >= 0 { nearest } else { 0 }
    }
}

/// Puts the parts together.
pub(super) fn assemble(parts: &Parts) -> Assembled {
    let end = last_tick(parts);
    let tree = Tree::new(parts);
    let scale = f64::from_bits(parts.live(Live::NsPerTick));
    let scale = if scale.is_finite() && scale > 0.0 && scale < 1e6 { scale } else { 1.0 };
    let mut assembled = Assembled { ns_per_tick: scale, end, ..Assembled::default() };
    let mut all: BTreeMap<u32, Sum> = BTreeMap::new();
    let mut of_block: BTreeMap<u32, BTreeMap<u32, Sum>> = BTreeMap::new();
    let stays = stays(parts, end);
    for (index, counted) in parts.counted.iter().enumerate() {
        if !tree.tops.contains_key(&counted.path) {
            assembled.unknown_calls = assembled.unknown_calls.saturating_add(counted.starts);
            continue;
        }
        let awaited = parts.awaited.get(&(counted.block, counted.async_index));
        let mut counted = *counted;
        if let Some(ticks) = stays.get(&index) {
            counted.busy = counted.busy.saturating_add(*ticks);
        }
        all.entry(counted.path).or_default().add(&counted, awaited);
        if tree.is_common(counted.path) {
            let of_block = of_block.entry(counted.block).or_default();
            of_block.entry(counted.path).or_default().add(&counted, awaited);
        }
    }
    std::iter::once(&mut all).chain(of_block.values_mut()).for_each(|sums| give_back(parts, sums));
    let uptime = end.saturating_sub(parts.header.start_tick);
    let ns = |ticks: u64| if scale == 1.0 { ticks } else { (ticks as f64 * scale).round() as u64 };
    let in_ns = |counts: &Counts| Counts {
        self_busy: ns(counts.self_busy),
        self_await: ns(counts.self_await),
        longest_poll: ns(counts.longest_poll),
        ..*counts
    };
    let mut grown =
        Grown { parts, tree: &tree, profile: Profile::new(), ids: HashMap::new(), functions: HashMap::new() };
    for (&path, sum) in &all {
        let mut counts = sum.counts;
        counts.self_await = sum.awaited(end, uptime);
        // What was read while a thread went on may have an end more than beginnings.
        let ends = counts.returned.saturating_add(counts.panicked).saturating_add(counts.cancelled);
        counts.starts = counts.starts.max(ends);
        counts.folded = counts.folded.min(counts.starts);
        counts.untimed = counts.untimed.min(counts.starts);
        if !tree.is_common(path) {
            // NOTE: a call with a tree of its own is added to the common one when it ends. Until then what has not ended below
            // it is under way; the rest may be of calls before it.
            counts = Counts { starts: counts.active(), ..Counts::default() };
        }
        if counts != Counts::default()
            && let Some(id) = grown.place(path)
        {
            let function = grown.profile.path(id).function;
            let parent = grown.profile.path(id).parent;
            grown.profile.add_path(parent, function, &in_ns(&counts));
        }
    }
    let names: HashMap<u32, &Thread> = parts.threads.iter().map(|thread| (thread.id, thread)).collect();
    for (block, sums) in &of_block {
        let name = names.get(block).map_or_else(|| format!("thread {block}"), |thread| name_of(thread));
        let counts: Vec<_> = (sums.iter())
            .filter(|(_, sum)| sum.counts != Counts::default())
            .filter_map(|(path, sum)| Some((*grown.ids.get(path)?, in_ns(&sum.counts))))
            .collect();
        if !counts.is_empty() {
            grown.profile.add_thread(name, merged(counts));
        }
    }
    add_times(parts, &mut grown, scale);
    let mut profile = grown.profile;
    profile.duration = Duration::from_nanos((uptime as f64 * scale) as u64);
    profile.threads = u32::try_from(parts.live(Live::Threads)).unwrap_or(u32::MAX);
    note(parts, &mut profile, scale);
    assembled.profile = profile;
    (assembled.running, assembled.suspended) =
        Look { parts, tree: &tree, all: &all, end, scale, left: Cell::new(MOST_CALLS) }.look();
    assembled
}

/// Time of calls that were only counted goes from their callers to them: see [`crate::estimate`].
fn give_back(parts: &Parts, sums: &mut BTreeMap<u32, Sum>) {
    if sums.values().all(|sum| sum.counts.untimed == 0) {
        return;
    }
    // Numbered anew, without gaps. Who is not there has nothing to give.
    let paths: Vec<u32> = sums.keys().copied().collect();
    let mut counts: Vec<Counts> = sums.values().map(|sum| sum.counts).collect();
    let samples: Vec<Samples> = sums.values().map(|sum| sum.samples).collect();
    let parent = |index: u32| {
        let parent = parts.paths.get(&paths[index as usize]).map(|(parent, _)| *parent);
        let at = parent.and_then(|parent| paths.binary_search(&parent).ok());
        at.map_or(NO_PATH, |at| at as u32)
    };
    let inside = f64::from_bits(parts.live(Live::CostInsideCall));
    crate::estimate::give_back(&mut counts, &samples, if inside >= 0.0 { inside } else { 0.0 }, parent);
    sums.values_mut().zip(counts).for_each(|(sum, counts)| sum.counts = counts);
}

/// In ascending order, each path once.
fn merged(counts: Vec<(PathId, Counts)>) -> Vec<(PathId, Counts)> {
    let mut all: BTreeMap<PathId, Counts> = BTreeMap::new();
    counts.into_iter().for_each(|(path, counts)| all.entry(path).or_default().add(&counts));
    all.into_iter().collect()
}

/// The tick of the last sign of life: of the recorder's thread, or after it the beginning of a call, or what a thread spent
/// in calls since recording began.
fn last_tick(parts: &Parts) -> u64 {
    let beat = parts.live(Live::BeatTick);
    // NOTE: no more than a minute after it, which is a damaged number.
    let scale = f64::from_bits(parts.live(Live::NsPerTick));
    let minute = if scale.is_finite() && scale > 0.0 { (6e10 / scale) as u64 } else { 0 };
    let mut busy: HashMap<u32, u64> = HashMap::new();
    // Copies are also of what was before.
    for counted in parts.counted.iter().filter(|_| !parts.has_copies) {
        let sum = busy.entry(counted.block).or_default();
        *sum = sum.saturating_add(counted.busy);
    }
    let lived = busy.into_values().map(|busy| parts.header.start_tick.saturating_add(busy));
    let began = parts.counted.iter().map(|counted| counted.began);
    began.chain(lived).filter(|tick| *tick > beat && *tick - beat <= minute).max().unwrap_or(beat)
}

/// How long threads have been where they were seen last, by index of the counters: that is charged when they leave.
fn stays(parts: &Parts, end: u64) -> HashMap<usize, u64> {
    let of_thread: HashMap<u32, &Thread> =
        parts.threads.iter().filter(|thread| thread.is_alive).map(|thread| (thread.id, thread)).collect();
    let mut stays = HashMap::new();
    for (index, counted) in parts.counted.iter().enumerate() {
        let Some(position) = of_thread.get(&counted.block).and_then(|thread| thread.position) else {
            continue;
        };
        // Charged since it was seen: it is elsewhere now.
        if position.charged != counted.path || position.before != counted.busy {
            continue;
        }
        if position.since >= parts.header.start_tick && position.seen <= end {
            stays.insert(index, position.seen.saturating_sub(position.since));
        }
    }
    stays
}

fn add_times(parts: &Parts, grown: &mut Grown<'_>, scale: f64) {
    let mut all: BTreeMap<u32, BTreeMap<usize, u64>> = BTreeMap::new();
    for ((_, _, site), times) in &parts.times {
        let sum = all.entry(*site).or_default();
        for (bucket, count) in &times.buckets {
            let sum = sum.entry(*bucket).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    for (site, buckets) in all {
        let Some(&function) = grown.functions.get(&site) else { continue };
        let mut times = Elapsed::new();
        for (bucket, count) in buckets {
            // As in `snapshot::add_elapsed`.
            let value = bucket_middle(bucket) * scale * (1.0 - 0.0039);
            times.record(value.round().max(1.0) as u64, count);
        }
        if !times.is_empty() {
            grown.profile.add_elapsed(function, times);
        }
    }
}

fn note(parts: &Parts, profile: &mut Profile, scale: f64) {
    let cost = |word: Live| {
        let cost = f64::from_bits(parts.live(word)) * scale;
        if cost.is_finite() && (0.0..1e9).contains(&cost) { cost } else { 0.0 }
    };
    let sum = |of: fn(&Thread) -> u64| parts.threads.iter().map(of).fold(0, u64::saturating_add);
    if profile.paths().iter().any(|path| path.counts.untimed > 0) {
        profile.notes.untimed_after = parts.live(Live::UntimedAfter);
    }
    profile.notes.late_events = parts.live(Live::LateEvents);
    profile.notes.clock_backsteps = sum(|thread| thread.backsteps);
    profile.notes.truncated_calls = sum(|thread| thread.truncated);
    profile.notes.ticks_per_call = cost(Live::CostPerCall);
    profile.notes.ticks_inside_call = cost(Live::CostInsideCall);
    profile.notes.ticks_per_untimed_call = cost(Live::CostPerUntimedCall);
    profile.notes.ticks_per_poll = cost(Live::CostPerPoll);
}

fn name_of(thread: &Thread) -> String {
    if thread.name.is_empty() { format!("thread {}", thread.id) } else { thread.name.clone() }
}

/// The tree of paths, without those that hang from nothing.
struct Tree<'a> {
    parts: &'a Parts,
    /// What each path hangs from: the common root, or that of a single call.
    tops: HashMap<u32, u32>,
    depths: HashMap<u32, u32>,
    /// Where the roots of single calls hang, those that hang somewhere.
    attached: HashMap<u32, u32>,
    /// How deep that is.
    below: HashMap<u32, u32>,
}

impl<'a> Tree<'a> {
    fn new(parts: &'a Parts) -> Self {
        let mut tree = Self {
            parts,
            tops: HashMap::new(),
            depths: HashMap::new(),
            attached: HashMap::new(),
            below: HashMap::new(),
        };
        // Parents have smaller numbers, as `Parts` has made sure.
        for (&path, &(parent, _)) in &parts.paths {
            let (top, depth) = match parent {
                NO_PATH => (path, 0),
                parent => match (tree.tops.get(&parent), tree.depths.get(&parent)) {
                    (Some(&top), Some(&depth)) => (top, depth + 1),
                    _ => continue,
                },
            };
            tree.tops.insert(path, top);
            tree.depths.insert(path, depth);
        }
        let mut waiting = parts.captures.clone();
        loop {
            let before = waiting.len();
            waiting.retain(|&(root, attach)| {
                let is_placed = tree
                    .tops
                    .get(&attach)
                    .is_some_and(|top| *top == ROOT || (*top != root && tree.attached.contains_key(top)));
                let is_root = root != ROOT && tree.tops.get(&root) == Some(&root);
                if is_placed && is_root && !tree.attached.contains_key(&root) {
                    let depth = tree.depth(attach);
                    tree.attached.insert(root, attach);
                    tree.below.insert(root, depth);
                }
                !is_placed
            });
            if waiting.len() == before {
                return tree;
            }
        }
    }

    fn is_common(&self, path: u32) -> bool {
        self.tops.get(&path) == Some(&ROOT)
    }

    /// How many calls lead there.
    fn depth(&self, path: u32) -> u32 {
        let below = self.tops.get(&path).and_then(|top| self.below.get(top)).copied().unwrap_or(0);
        self.depths.get(&path).map_or(0, |depth| depth.saturating_add(below))
    }

    fn site(&self, path: u32) -> u32 {
        self.parts.paths.get(&path).map_or(TRUNCATED, |(_, site)| *site)
    }

    /// What a path hangs from, through trees of single calls as well; `None` above roots.
    fn parent(&self, path: u32) -> Option<u32> {
        let (parent, _) = *self.parts.paths.get(&path)?;
        if parent == NO_PATH { self.attached.get(&path).copied() } else { Some(parent) }
    }

    /// True for the frames above functions.
    fn is_root(&self, path: u32) -> bool {
        self.parts.paths.get(&path).is_none_or(|(parent, _)| *parent == NO_PATH)
    }

    /// The path and all above it, roots left out, innermost first. Ends: what a root hangs from is in another tree.
    fn up(&self, path: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(path), |&path| self.parent(path))
            .take(2 * self.parts.paths.len() + 2)
            .filter(|&path| !self.is_root(path))
    }

    fn label(&self, path: u32) -> Label {
        let site = self.site(path);
        self.parts
            .sites
            .get(&site)
            .cloned()
            .unwrap_or_else(|| Label::new("~", 0, format!("[unknown {site}]")))
    }
}

/// A profile in the making.
struct Grown<'a> {
    parts: &'a Parts,
    tree: &'a Tree<'a>,
    profile: Profile,
    ids: HashMap<u32, PathId>,
    functions: HashMap<u32, FunctionId>,
}

impl Grown<'_> {
    /// Where a path is in the profile, with all that it hangs from. `None` for roots.
    fn place(&mut self, path: u32) -> Option<PathId> {
        let mut missing = Vec::new();
        let mut id = None;
        for at in self.tree.up(path) {
            if let Some(&known) = self.ids.get(&at) {
                id = Some(known);
                break;
            }
            missing.push(at);
        }
        for path in missing.into_iter().rev() {
            let site = self.tree.site(path);
            let function = match self.functions.get(&site) {
                Some(&known) => known,
                None => {
                    let function = self.profile.add_function(self.tree.label(path));
                    self.functions.insert(site, function);
                    function
                }
            };
            let placed = self.profile.add_path(id, function, &Counts::default());
            self.ids.insert(path, placed);
            id = Some(placed);
        }
        debug_assert!(self.ids.len() <= self.parts.paths.len());
        id
    }
}

/// Threads that are looked at for it. More are not at this at one moment; a file that was made up may say so.
const MOST_TORN: u32 = 64;

/// Calls that are shown of all stacks together. A file that was made up may have any number.
const MOST_CALLS: usize = 100_000;

/// One look at what was under way.
struct Look<'a> {
    parts: &'a Parts,
    tree: &'a Tree<'a>,
    all: &'a BTreeMap<u32, Sum>,
    end: u64,
    scale: f64,
    /// Calls that may still be shown.
    left: Cell<usize>,
}

/// When the newest open call of each path began that is no future's.
type Began = HashMap<u32, u64>;

impl Look<'_> {
    fn look(&self) -> (Vec<RunningThread>, Vec<SuspendedPath>) {
        let mut of_block: HashMap<u32, Vec<&Counted>> = HashMap::new();
        for counted in self.parts.counted.iter().filter(|counted| self.tree.tops.contains_key(&counted.path))
        {
            of_block.entry(counted.block).or_default().push(counted);
        }
        let mut running = Vec::new();
        for thread in self.parts.threads.iter().filter(|thread| thread.is_alive) {
            let counted = of_block.get(&thread.id).map(Vec::as_slice).unwrap_or_default();
            let mut began = Began::new();
            for counted in counted.iter().filter(|counted| counted.open() > 0 && counted.async_index == 0) {
                let newest = began.entry(counted.path).or_default();
                *newest = counted.began.max(*newest);
            }
            let Some(path) = self.path_of(thread, &began) else { continue };
            let calls = self.calls(path, &began);
            if !calls.is_empty() {
                running.push(RunningThread { thread: name_of(thread), calls });
            }
        }
        let mut suspended = Vec::new();
        for (&path, sum) in self.all.iter().filter(|(_, sum)| (sum.suspended as i64) > 0) {
            let calls = self.calls(path, &Began::new());
            if !calls.is_empty() {
                suspended.push(SuspendedPath { calls, count: sum.suspended });
            }
        }
        let oldest = |calls: &[OpenCall]| calls.iter().filter_map(|call| call.age).max();
        running.sort_by_key(|running| std::cmp::Reverse(oldest(&running.calls)));
        suspended.sort_by_key(|suspended| std::cmp::Reverse(oldest(&suspended.calls)));
        (running, suspended)
    }

    /// Where a thread was: in its innermost open call that is no future's, by its counters, which are of the last moment; in a
    /// future below that, where it was seen there and that has not ended.
    fn path_of(&self, thread: &Thread, began: &Began) -> Option<u32> {
        let innermost = began.iter().max_by_key(|(path, began)| (self.tree.depth(**path), **began));
        let innermost = innermost.map(|(path, _)| *path);
        let seen = thread.position.map(|position| position.path).filter(|path| {
            let is_future = self.all.get(path).is_some_and(|sum| (sum.open as i64) > 0);
            !self.tree.is_root(*path) && (is_future || began.contains_key(path))
        });
        match (innermost, seen) {
            (Some(innermost), Some(seen)) if self.tree.up(seen).any(|path| path == innermost) => Some(seen),
            (Some(innermost), _) => Some(innermost),
            (None, seen) => seen,
        }
    }

    /// The calls from the outermost to `path`.
    fn calls(&self, path: u32, began: &Began) -> Vec<OpenCall> {
        let mut calls: Vec<OpenCall> = (self.tree.up(path).take(self.left.get()))
            .map(|path| OpenCall { label: self.tree.label(path), age: self.age(path, began) })
            .collect();
        self.left.set(self.left.get() - calls.len());
        calls.reverse();
        calls
    }

    fn age(&self, path: u32, began: &Began) -> Option<Duration> {
        let ticks = match self.all.get(&path) {
            Some(sum) if (sum.open as i64) > 0 => {
                let together = sum.open.wrapping_mul(self.end).wrapping_sub(sum.begun);
                (together as i64).max(0) as u64 / sum.open
            }
            _ => self.end.saturating_sub(*began.get(&path)?),
        };
        Some(Duration::from_nanos((ticks as f64 * self.scale) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a process leaves it that is killed between the two stores of a suspension or a resumption.
    #[test]
    fn a_sum_that_was_torn_apart_is_never_told_too_large() {
        let (end, most) = (9_000_000, 100);
        let sum = |balance: u64, suspended, torn| {
            let counts = Counts { starts: 1 << 40, ..Counts::default() };
            Sum { counts, balance, suspended, torn, ..Sum::default() }.awaited(end, most)
        };
        // 70 ticks were waited for, and one future is suspended since 30 before the end.
        let suspended = 70u64.wrapping_sub(end - 30);
        assert_eq!(sum(suspended, 1, 0), 100);
        // It is counted and not yet in the balance, or the other way round.
        assert_eq!((sum(70, 1, 1), sum(suspended, 0, 1)), (70, 100));
        // Two threads at once.
        assert_eq!(sum(70, 2, 2), 70);
        // Suspended 110 ticks after the last look at the clock.
        let later = 70u64.wrapping_sub(end + 110);
        assert_eq!((sum(later, 1, 0), sum(later, 1, 1)), (0, 0));
    }
}
