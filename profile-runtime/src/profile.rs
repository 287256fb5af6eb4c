//! A profile as a value: functions, call paths and what was counted on each. It is inert, owned and
//! mergeable; nothing here knows of threads, clocks or globals.

mod since;

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use crate::elapsed::Elapsed;

/// Which function: its source file, the line of its `fn`, and its name, as in pstats.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    /// Source file as the compiler was given it; `~` for what has no source.
    pub file: String,
    /// Line of the `fn`, from 1; 0 for what has no source.
    pub line: u32,
    /// `load`, `Orders::load`, `<Orders as Store>::load`.
    pub name: String,
}

impl Label {
    /// A label from its three parts.
    pub fn new(file: impl Into<String>, line: u32, name: impl Into<String>) -> Self {
        Self { file: file.into(), line, name: name.into() }
    }
}

/// Index of a [`Function`] in its [`Profile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

/// Index of a [`Path`] in its [`Profile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathId(pub u32);

/// A function that was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its identity.
    pub label: Label,
    /// Elapsed time of finished calls (async: first poll to completion or drop), in ticks of
    /// [`Profile::seconds_per_tick`]; relative error at most 2 %.
    pub elapsed: Option<Elapsed>,
}

impl Function {
    fn add_elapsed(&mut self, elapsed: Cow<'_, Elapsed>) {
        match &mut self.elapsed {
            Some(all) => all.add(&elapsed),
            None => self.elapsed = Some(elapsed.into_owned()),
        }
    }
}

/// What was counted on one call path. Times are exclusive, in ticks of [`Profile::seconds_per_tick`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls begun (async: first polls). Includes `folded`.
    pub starts: u64,
    /// Calls begun here although the true path is deeper: recursion folded into this path. They are
    /// never primitive calls, neither of the function nor of the (caller, callee) pair.
    pub folded: u64,
    /// Calls that ended by returning.
    pub returned: u64,
    /// Calls that ended by unwinding.
    pub panicked: u64,
    /// Futures dropped before completion.
    pub cancelled: u64,
    /// Time on a CPU or blocked in this path's own code.
    pub self_busy: u64,
    /// Time suspended, charged to the innermost instrumented future that returned `Pending`.
    pub self_await: u64,
    /// Polls of the path's futures; 0 for functions that are not async.
    pub polls: u64,
    /// The longest single poll, callees included.
    pub longest_poll: u64,
    /// Of `starts`, calls that were only counted: too many and too short to be timed. What they took is estimated from the
    /// others, and in `self_busy`. 0 without the feature `throttle`.
    pub untimed: u64,
    /// What the path's own code asked of the heap; all zero without a tracking allocator.
    pub heap: HeapCounts,
}

/// Blocks of memory that a path's own code (callees excluded) asked for, and what became of them.
///
/// A block is counted where it was allocated, also when other code or another thread frees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapCounts {
    /// Blocks allocated.
    pub allocations: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Of those blocks, how many were freed.
    pub frees: u64,
    /// Of those bytes, how many were freed.
    pub freed_bytes: u64,
    /// Blocks that were sampled, from which the rest is estimated; 0 where every block was counted.
    pub samples: u64,
}

impl HeapCounts {
    /// Blocks not yet freed.
    pub fn live_blocks(&self) -> u64 {
        self.allocations.saturating_sub(self.frees)
    }

    /// Bytes not yet freed.
    pub fn live_bytes(&self) -> u64 {
        self.allocated_bytes.saturating_sub(self.freed_bytes)
    }

    pub(crate) fn add(&mut self, other: &HeapCounts) {
        self.allocations = self.allocations.saturating_add(other.allocations);
        self.allocated_bytes = self.allocated_bytes.saturating_add(other.allocated_bytes);
        self.frees = self.frees.saturating_add(other.frees);
        self.freed_bytes = self.freed_bytes.saturating_add(other.freed_bytes);
        self.samples = self.samples.saturating_add(other.samples);
    }
}

impl Counts {
    /// Calls that have begun and not ended.
    pub fn active(&self) -> u64 {
        let ends = self.returned.saturating_add(self.panicked).saturating_add(self.cancelled);
        self.starts.saturating_sub(ends)
    }

    /// Adds what another thread, process or run counted on the same path. A sum too large stays at the
    /// largest number there is: files may hold anything.
    pub fn add(&mut self, other: &Counts) {
        self.starts = self.starts.saturating_add(other.starts);
        self.folded = self.folded.saturating_add(other.folded);
        self.returned = self.returned.saturating_add(other.returned);
        self.panicked = self.panicked.saturating_add(other.panicked);
        self.cancelled = self.cancelled.saturating_add(other.cancelled);
        self.self_busy = self.self_busy.saturating_add(other.self_busy);
        self.self_await = self.self_await.saturating_add(other.self_await);
        self.polls = self.polls.saturating_add(other.polls);
        self.longest_poll = self.longest_poll.max(other.longest_poll);
        self.untimed = self.untimed.saturating_add(other.untimed);
        self.heap.add(&other.heap);
    }
}

/// One node of the call tree: a function as called from `parent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The caller's path; `None` for a root. Always a smaller index than the path's own.
    pub parent: Option<PathId>,
    /// The function called.
    pub function: FunctionId,
    /// What was counted.
    pub counts: Counts,
}

/// What one thread counted: part of what the profile's paths hold.
///
/// Time suspended is in no thread's part, and neither is what cannot be told apart by thread: the parts add
/// up to no more than the paths' own counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadCounts {
    /// The thread's name. Several may have the same.
    pub name: String,
    /// The paths that it was on, in ascending order, each once.
    pub counts: Vec<(PathId, Counts)>,
}

/// What a reader of the profile has to know beside the numbers. All of it is printed with a report.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Notes {
    /// Calls that went to `[truncated]` because the cap on paths was reached.
    pub truncated_calls: u64,
    /// Events on a thread whose thread-locals were already destroyed; not in the tree.
    pub late_events: u64,
    /// Times the clock was seen to step backwards (clamped to zero).
    pub clock_backsteps: u64,
    /// Calls asked for a report of their own when too many were being reported already.
    pub unisolated_reports: u64,
    /// What the whole process asked of the heap, whichever function did; all zero where that was not recorded, and in
    /// the report of a single call.
    pub heap: HeapCounts,
    /// Calls of a function by one thread that were timed in any case before further ones were only counted; 0 when all were
    /// timed.
    pub untimed_after: u64,
    /// Calibrated cost of one call inside the profiler, ticks. 0 when not calibrated.
    pub ticks_per_call: f64,
    /// The part of it that counts as the function's own time, ticks. 0 when not calibrated.
    pub ticks_inside_call: f64,
    /// Calibrated cost of one call that is only counted, ticks. 0 when not calibrated.
    pub ticks_per_untimed_call: f64,
    /// Calibrated cost of one poll inside the profiler, ticks. 0 when not calibrated.
    pub ticks_per_poll: f64,
}

impl Notes {
    /// Adds what was lost elsewhere. The rest stays: it is no sum.
    pub(crate) fn add(&mut self, other: &Notes) {
        self.truncated_calls = self.truncated_calls.saturating_add(other.truncated_calls);
        self.late_events = self.late_events.saturating_add(other.late_events);
        self.clock_backsteps = self.clock_backsteps.saturating_add(other.clock_backsteps);
        self.unisolated_reports = self.unisolated_reports.saturating_add(other.unisolated_reports);
        self.heap.add(&other.heap);
    }
}

/// The least that is known of two.
pub(crate) fn least_above_0(one: u64, other: u64) -> u64 {
    if one == 0 || other == 0 { one.max(other) } else { one.min(other) }
}

/// A call tree with its counts: what a snapshot is, what files hold, what reports are made from.
#[derive(Clone, Debug)]
pub struct Profile {
    functions: Vec<Function>,
    paths: Vec<Path>,
    by_label: HashMap<Label, FunctionId>,
    by_edge: HashMap<(Option<PathId>, FunctionId), PathId>,
    /// Seconds in one tick. Snapshots are always in nanoseconds (1e-9).
    pub seconds_per_tick: f64,
    /// Wall time that the profile covers; zero when not known.
    pub duration: Duration,
    /// Threads that counted something.
    pub threads: u32,
    by_thread: Vec<ThreadCounts>,
    /// Truncation, late events, the instrument's own cost.
    pub notes: Notes,
}

impl Default for Profile {
    fn default() -> Self {
        Self::new()
    }
}

impl Profile {
    /// An empty profile in nanoseconds.
    pub fn new() -> Self {
        Self {
            functions: Vec::new(),
            paths: Vec::new(),
            by_label: HashMap::new(),
            by_edge: HashMap::new(),
            seconds_per_tick: 1e-9,
            duration: Duration::ZERO,
            threads: 0,
            by_thread: Vec::new(),
            notes: Notes::default(),
        }
    }

    /// A profile in nanoseconds of these functions and paths. Functions of one label become one, as do paths of
    /// one function and one parent; what became of each path is told if there were any such.
    ///
    /// # Panics
    /// When a parent does not stand before its path, or a function is not there.
    #[cfg(feature = "read")]
    pub(crate) fn from_parts(functions: Vec<Function>, paths: Vec<Path>) -> (Self, Option<Vec<PathId>>) {
        let mut profile = Self::new();
        profile.by_label = HashMap::with_capacity(functions.len());
        for (id, function) in (0..).map(FunctionId).zip(&functions) {
            profile.by_label.entry(function.label.clone()).or_insert(id);
        }
        profile.by_edge = HashMap::with_capacity(paths.len());
        for (id, path) in (0..).map(PathId).zip(&paths) {
            assert!(path.parent.is_none_or(|parent| parent < id), "a parent stands before its path");
            assert!((path.function.0 as usize) < functions.len(), "a function that is there");
            profile.by_edge.entry((path.parent, path.function)).or_insert(id);
        }
        if profile.by_label.len() == functions.len() && profile.by_edge.len() == paths.len() {
            (profile.functions, profile.paths) = (functions, paths);
            return (profile, None);
        }
        profile = Self::new();
        let functions: Vec<FunctionId> = (functions.into_iter())
            .map(|Function { label, elapsed }| {
                let id = profile.add_function(label);
                if let Some(elapsed) = elapsed {
                    profile.add_elapsed(id, elapsed);
                }
                id
            })
            .collect();
        let mut ids: Vec<PathId> = Vec::with_capacity(paths.len());
        for Path { parent, function, counts } in paths {
            let parent = parent.map(|parent| ids[parent.0 as usize]);
            ids.push(profile.add_path(parent, functions[function.0 as usize], &counts));
        }
        (profile, Some(ids))
    }

    /// The functions, in order of first call.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The call paths; a parent always stands before its children.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The counts split by thread; empty unless the profile was taken so, which [`crate::snapshot`] does not.
    pub fn by_thread(&self) -> &[ThreadCounts] {
        &self.by_thread
    }

    /// The function of that id.
    ///
    /// # Panics
    /// When the id is of another profile.
    pub fn function(&self, id: FunctionId) -> &Function {
        &self.functions[id.0 as usize]
    }

    /// The path of that id.
    ///
    /// # Panics
    /// When the id is of another profile.
    pub fn path(&self, id: PathId) -> &Path {
        &self.paths[id.0 as usize]
    }

    /// True for a function of which calls were only counted: its times are estimated from its other calls.
    pub fn is_throttled(&self, id: FunctionId) -> bool {
        self.paths.iter().any(|path| path.function == id && path.counts.untimed > 0)
    }

    /// True when nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Finds or adds a function. Functions with equal labels are one function.
    pub fn add_function(&mut self, label: Label) -> FunctionId {
        if let Some(&id) = self.by_label.get(&label) {
            return id;
        }
        let id = FunctionId(self.functions.len() as u32);
        self.functions.push(Function { label: label.clone(), elapsed: None });
        self.by_label.insert(label, id);
        id
    }

    /// Adds elapsed times (ticks) to a function's own: an [`Elapsed`], or a reference to an HDR histogram.
    ///
    /// # Panics
    /// When the function is of another profile.
    pub fn add_elapsed(&mut self, function: FunctionId, elapsed: impl Into<Elapsed>) {
        self.functions[function.0 as usize].add_elapsed(Cow::Owned(elapsed.into()));
    }

    /// Finds or adds the path of `function` called from `parent`, and adds `counts` to it.
    ///
    /// # Panics
    /// When `parent` or `function` is of another profile.
    pub fn add_path(&mut self, parent: Option<PathId>, function: FunctionId, counts: &Counts) -> PathId {
        assert!((function.0 as usize) < self.functions.len(), "function of another profile");
        assert!(parent.is_none_or(|p| (p.0 as usize) < self.paths.len()), "path of another profile");
        let next = PathId(self.paths.len() as u32);
        let id = *self.by_edge.entry((parent, function)).or_insert(next);
        if id == next {
            self.paths.push(Path { parent, function, counts: Counts::default() });
        }
        self.paths[id.0 as usize].counts.add(counts);
        id
    }

    /// Notes what one thread had to do with the counts. Does not add to the paths' own.
    ///
    /// # Panics
    /// When a path is of another profile.
    pub fn add_thread(&mut self, name: impl Into<String>, mut counts: Vec<(PathId, Counts)>) {
        assert!(
            counts.iter().all(|(path, _)| (path.0 as usize) < self.paths.len()),
            "path of another profile"
        );
        counts.sort_by_key(|&(path, _)| path);
        counts.dedup_by(|(path, more), (kept, sum)| {
            let same = path == kept;
            if same {
                sum.add(more);
            }
            same
        });
        self.by_thread.push(ThreadCounts { name: name.into(), counts });
    }

    /// Adds another profile, path by path (another thread's, pod's or run's).
    pub fn merge(&mut self, other: &Profile) {
        let functions: Vec<FunctionId> = (other.functions.iter())
            .map(|f| {
                let id = self.add_function(f.label.clone());
                if let Some(elapsed) = &f.elapsed {
                    self.functions[id.0 as usize].add_elapsed(Cow::Borrowed(elapsed));
                }
                id
            })
            .collect();
        let mut paths: Vec<PathId> = Vec::with_capacity(other.paths.len());
        for path in &other.paths {
            let parent = path.parent.map(|p| paths[p.0 as usize]);
            paths.push(self.add_path(parent, functions[path.function.0 as usize], &path.counts));
        }
        for thread in &other.by_thread {
            let counts =
                thread.counts.iter().map(|&(path, counts)| (paths[path.0 as usize], counts)).collect();
            self.add_thread(thread.name.clone(), counts);
        }
        self.duration = self.duration.max(other.duration);
        self.threads = self.threads.saturating_add(other.threads);
        let (mine, more) = (&mut self.notes, &other.notes);
        mine.add(more);
        mine.untimed_after = least_above_0(mine.untimed_after, more.untimed_after);
        mine.ticks_per_call = mine.ticks_per_call.max(more.ticks_per_call);
        mine.ticks_inside_call = mine.ticks_inside_call.max(more.ticks_inside_call);
        mine.ticks_per_untimed_call = mine.ticks_per_untimed_call.max(more.ticks_per_untimed_call);
        mine.ticks_per_poll = mine.ticks_per_poll.max(more.ticks_per_poll);
    }

    /// Busy and await ticks of each path with everything below it, indexed as [`Profile::paths`].
    pub fn inclusive(&self) -> Vec<(u64, u64)> {
        let mut sums: Vec<(u64, u64)> =
            (self.paths.iter()).map(|p| (p.counts.self_busy, p.counts.self_await)).collect();
        for i in (0..self.paths.len()).rev() {
            if let Some(parent) = self.paths[i].parent {
                let (busy, wait) = sums[i];
                let up = &mut sums[parent.0 as usize];
                *up = (up.0.saturating_add(busy), up.1.saturating_add(wait));
            }
        }
        sums
    }

    /// What each path and everything below it asked of the heap, indexed as [`Profile::paths`].
    pub fn inclusive_heap(&self) -> Vec<HeapCounts> {
        let mut sums: Vec<HeapCounts> = self.paths.iter().map(|path| path.counts.heap).collect();
        for i in (0..self.paths.len()).rev() {
            let below = sums[i];
            if let Some(parent) = self.paths[i].parent
                && below != HeapCounts::default()
            {
                sums[parent.0 as usize].add(&below);
            }
        }
        sums
    }
}
