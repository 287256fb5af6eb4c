//! A profile as a value: functions, call paths and what was counted on each. It is inert, owned and
//! mergeable; nothing here knows of threads, clocks or globals.

use std::collections::HashMap;
use std::time::Duration;

use hdrhistogram::Histogram;

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
#[derive(Clone, Debug)]
pub struct Function {
    /// Its identity.
    pub label: Label,
    /// Elapsed time of finished calls (async: first poll to completion or drop), in ticks of
    /// [`Profile::seconds_per_tick`]; relative error at most 2 %.
    pub elapsed: Option<Histogram<u64>>,
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
}

impl Counts {
    /// Calls that have begun and not ended.
    pub fn active(&self) -> u64 {
        self.starts.saturating_sub(self.returned + self.panicked + self.cancelled)
    }

    /// Adds what another thread, process or run counted on the same path.
    pub fn add(&mut self, other: &Counts) {
        self.starts += other.starts;
        self.folded += other.folded;
        self.returned += other.returned;
        self.panicked += other.panicked;
        self.cancelled += other.cancelled;
        self.self_busy += other.self_busy;
        self.self_await += other.self_await;
        self.polls += other.polls;
        self.longest_poll = self.longest_poll.max(other.longest_poll);
    }
}

/// One node of the call tree: a function as called from `parent`.
#[derive(Clone, Debug)]
pub struct Path {
    /// The caller's path; `None` for a root. Always a smaller index than the path's own.
    pub parent: Option<PathId>,
    /// The function called.
    pub function: FunctionId,
    /// What was counted.
    pub counts: Counts,
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
    /// Calibrated cost of one call inside the profiler, ticks. 0 when not calibrated.
    pub ticks_per_call: f64,
    /// Calibrated cost of one poll inside the profiler, ticks. 0 when not calibrated.
    pub ticks_per_poll: f64,
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
            notes: Notes::default(),
        }
    }

    /// The functions, in order of first call.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The call paths; a parent always stands before its children.
    pub fn paths(&self) -> &[Path] {
        &self.paths
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

    /// Adds elapsed times (ticks) to a function's histogram.
    pub fn add_elapsed(&mut self, function: FunctionId, elapsed: &Histogram<u64>) {
        let slot = &mut self.functions[function.0 as usize].elapsed;
        match slot {
            // NOTE: fails only when a value exceeds a fixed maximum; auto-resizing histograms have none.
            Some(all) => all.add(elapsed).unwrap_or(()),
            None => *slot = Some(elapsed.clone()),
        }
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

    /// Adds another profile, path by path (another thread's, pod's or run's).
    pub fn merge(&mut self, other: &Profile) {
        let functions: Vec<FunctionId> = (other.functions.iter())
            .map(|f| {
                let id = self.add_function(f.label.clone());
                if let Some(elapsed) = &f.elapsed {
                    self.add_elapsed(id, elapsed);
                }
                id
            })
            .collect();
        let mut paths: Vec<PathId> = Vec::with_capacity(other.paths.len());
        for path in &other.paths {
            let parent = path.parent.map(|p| paths[p.0 as usize]);
            paths.push(self.add_path(parent, functions[path.function.0 as usize], &path.counts));
        }
        self.duration = self.duration.max(other.duration);
        self.threads += other.threads;
        let (mine, more) = (&mut self.notes, &other.notes);
        mine.truncated_calls += more.truncated_calls;
        mine.late_events += more.late_events;
        mine.clock_backsteps += more.clock_backsteps;
        mine.unisolated_reports += more.unisolated_reports;
        mine.ticks_per_call = mine.ticks_per_call.max(more.ticks_per_call);
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
                *up = (up.0 + busy, up.1 + wait);
            }
        }
        sums
    }
}
