//! What every counter must be, from DESIGN section 2: written from the design, not from the engine. Sees
//! only what happens in the simulated program.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Functions from the root to a call.
pub(super) type Path = Rc<Vec<usize>>;

/// The functions of open calls, outermost first, with their ages.
pub(super) type Calls = Vec<(usize, Option<u64>)>;
/// How many futures wait on each path, and the calls that they are in.
pub(super) type Suspended = BTreeMap<Vec<usize>, (u64, Calls)>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) starts: u64,
    pub(super) returned: u64,
    pub(super) panicked: u64,
    pub(super) cancelled: u64,
    pub(super) busy: u64,
    pub(super) awaited: u64,
    pub(super) polls: u64,
    pub(super) longest: u64,
}

impl Totals {
    fn add(&mut self, other: &Self) {
        self.starts += other.starts;
        self.returned += other.returned;
        self.panicked += other.panicked;
        self.cancelled += other.cancelled;
        self.busy += other.busy;
        self.awaited += other.awaited;
        self.polls += other.polls;
        self.longest = self.longest.max(other.longest);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Ready,
    Pending,
    Panicked,
    Dropped,
}

/// An asynchronous call. What it waits since is in `waiting`.
struct Future {
    function: usize,
    path: Option<Path>,
    begun: u64,
    waiting: Option<Waiting>,
    /// Polls and drops so far, and when the last one ended.
    turns: u64,
    left: u64,
    over: bool,
}

struct Waiting {
    charged: bool,
    since: u64,
    /// The outermost future of the poll in which it was left, and which turn of that it was.
    task: (usize, u64),
}

/// Something a thread is in the middle of.
struct Frame {
    path: Path,
    entered: u64,
    /// A call that began here, and not a stay on the path of another.
    is_scope: bool,
    /// The future that is being polled or dropped, if it is one.
    future: Option<usize>,
    /// Futures that returned Pending to this poll, and have not been polled again by it.
    waiting: BTreeSet<usize>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) now: u64,
    threads: Vec<Vec<Frame>>,
    futures: Vec<Future>,
    counts: BTreeMap<(usize, Path), Totals>,
    /// Elapsed times of finished calls, by function.
    pub(super) elapsed: BTreeMap<usize, Vec<u64>>,
}

impl Model {
    pub(super) fn add_thread(&mut self) {
        self.threads.push(Vec::new());
    }

    pub(super) fn path(&self, thread: usize) -> Path {
        self.threads[thread].last().map_or_else(Path::default, |frame| frame.path.clone())
    }

    /// Time passes, for all threads alike.
    pub(super) fn advance(&mut self, ticks: u64) {
        self.now += ticks;
        for thread in 0..self.threads.len() {
            if !self.path(thread).is_empty() {
                self.count(thread, &self.path(thread)).busy += ticks;
            }
        }
    }

    fn count(&mut self, thread: usize, path: &Path) -> &mut Totals {
        self.counts.entry((thread, path.clone())).or_default()
    }

    fn below(&self, thread: usize, function: usize) -> Path {
        Rc::new(self.path(thread).iter().copied().chain([function]).collect())
    }

    fn push(&mut self, thread: usize, path: Path, is_scope: bool, future: Option<usize>) {
        let frame = Frame { path, entered: self.now, is_scope, future, waiting: BTreeSet::new() };
        self.threads[thread].push(frame);
    }

    // ---- synchronous calls, and stays on a path ----

    pub(super) fn enter_scope(&mut self, thread: usize, function: usize) {
        let path = self.below(thread, function);
        self.count(thread, &path).starts += 1;
        self.push(thread, path, true, None);
    }

    pub(super) fn leave_scope(&mut self, thread: usize, panicked: bool) {
        let frame = self.threads[thread].pop().unwrap();
        let totals = self.count(thread, &frame.path);
        *(if panicked { &mut totals.panicked } else { &mut totals.returned }) += 1;
        self.finish(&frame.path, frame.entered);
    }

    pub(super) fn enter_path(&mut self, thread: usize, path: Path) {
        self.push(thread, path, false, None);
    }

    pub(super) fn leave_path(&mut self, thread: usize) {
        self.threads[thread].pop().unwrap();
    }

    fn finish(&mut self, path: &Path, begun: u64) {
        self.elapsed.entry(*path.last().unwrap()).or_default().push(self.now - begun);
    }

    // ---- asynchronous calls ----

    pub(super) fn add_future(&mut self, function: usize) -> usize {
        self.futures.push(Future {
            function,
            path: None,
            begun: 0,
            waiting: None,
            turns: 0,
            left: 0,
            over: false,
        });
        self.futures.len() - 1
    }

    pub(super) fn enter_poll(&mut self, thread: usize, id: usize) {
        if self.futures[id].path.is_none() {
            let path = self.below(thread, self.futures[id].function);
            self.count(thread, &path).starts += 1;
            self.futures[id].path = Some(path);
            self.futures[id].begun = self.now;
        }
        self.enter_future(thread, id);
    }

    /// True when the drop is part of the call.
    pub(super) fn enter_drop(&mut self, thread: usize, id: usize) -> bool {
        let inside = self.futures[id].waiting.is_some();
        if inside {
            self.enter_future(thread, id);
        }
        inside
    }

    fn enter_future(&mut self, thread: usize, id: usize) {
        if let Some(poll) = self.threads[thread].iter_mut().rev().find(|frame| frame.future.is_some()) {
            poll.waiting.remove(&id);
        }
        let path = self.futures[id].path.clone().unwrap();
        self.push(thread, path.clone(), false, Some(id));
        self.futures[id].turns += 1;
        let (task, entered) = self.task(thread);
        let Some(waiting) = self.futures[id].waiting.take() else { return };
        if waiting.charged {
            let next_turn = waiting.task == (task.0, task.1 - 1);
            // The task itself has already entered: its `left` is still that of its last turn.
            let from = if next_turn { waiting.since.max(self.futures[task.0].left) } else { waiting.since };
            self.count(thread, &path).awaited += entered.saturating_sub(from);
        }
    }

    /// The outermost future on the thread with its turn, and when it was entered.
    fn task(&self, thread: usize) -> ((usize, u64), u64) {
        let frame = self.threads[thread].iter().find(|frame| frame.future.is_some()).unwrap();
        let id = frame.future.unwrap();
        ((id, self.futures[id].turns), frame.entered)
    }

    pub(super) fn leave_future(&mut self, thread: usize, end: End) {
        let (task, _) = self.task(thread);
        let frame = self.threads[thread].pop().unwrap();
        let id = frame.future.unwrap();
        let now = self.now;
        let totals = self.count(thread, &frame.path);
        if end != End::Dropped {
            totals.polls += 1;
            totals.longest = totals.longest.max(now - frame.entered);
        }
        match end {
            End::Ready => totals.returned += 1,
            End::Panicked => totals.panicked += 1,
            End::Dropped => totals.cancelled += 1,
            End::Pending => {}
        }
        let future = &mut self.futures[id];
        future.left = now;
        if end == End::Pending {
            future.waiting = Some(Waiting { charged: frame.waiting.is_empty(), since: now, task });
            if let Some(poll) = self.threads[thread].iter_mut().rev().find(|frame| frame.future.is_some()) {
                poll.waiting.insert(id);
            }
        } else {
            let begun = future.begun;
            future.over = true;
            self.finish(&frame.path, begun);
        }
    }

    // ---- what a snapshot must say ----

    /// Elapsed time of the program's first asynchronous call, which is over.
    pub(super) fn elapsed_of_first(&self) -> u64 {
        self.futures[0].left - self.futures[0].begun
    }

    /// Everything up to now; what waits has waited until now.
    pub(super) fn totals(&self) -> BTreeMap<Vec<usize>, Totals> {
        let mut all: BTreeMap<Vec<usize>, Totals> = BTreeMap::new();
        for ((_, path), totals) in &self.counts {
            all.entry(path.to_vec()).or_default().add(totals);
        }
        for future in &self.futures {
            if let (Some(path), Some(Waiting { charged: true, since, .. })) = (&future.path, &future.waiting)
            {
                all.get_mut(&**path).unwrap().awaited += self.now - since;
            }
        }
        all
    }

    /// One thread's part. Suspended time belongs to no thread.
    pub(super) fn totals_of(&self, thread: usize) -> BTreeMap<Vec<usize>, Totals> {
        (self.counts.iter())
            .filter(|((of, _), _)| *of == thread)
            .map(|((_, path), totals)| (path.to_vec(), Totals { awaited: 0, ..totals.clone() }))
            .collect()
    }

    // ---- what is under way ----

    /// The calls that each busy thread is in, with their ages.
    pub(super) fn running(&self) -> BTreeMap<usize, Calls> {
        let stacks =
            (0..self.threads.len()).map(|thread| (thread, self.calls(&self.path(thread), Some(thread))));
        stacks.filter(|(_, calls)| !calls.is_empty()).collect()
    }

    /// The paths on which futures wait that nothing they called waits below, with the ages of the calls on them.
    pub(super) fn suspended(&self) -> Suspended {
        let mut all = Suspended::new();
        for future in &self.futures {
            if let (Some(path), Some(Waiting { charged: true, .. })) = (&future.path, &future.waiting) {
                let calls = self.calls(path, None);
                all.entry(path.to_vec()).or_insert((0, calls)).0 += 1;
            }
        }
        all
    }

    fn calls(&self, path: &[usize], thread: Option<usize>) -> Calls {
        (0..path.len()).map(|last| (path[last], self.age(&path[..=last], thread))).collect()
    }

    /// How long ago the futures on a path began, in the mean; of a path without any, how long ago the thread's call did.
    fn age(&self, path: &[usize], thread: Option<usize>) -> Option<u64> {
        let on_path = |of: &Path| of.as_slice() == path;
        let futures: Vec<&Future> =
            (self.futures.iter()).filter(|f| f.path.as_ref().is_some_and(on_path)).collect();
        if !futures.is_empty() {
            let ages: Vec<u64> = futures.iter().filter(|f| !f.over).map(|f| self.now - f.begun).collect();
            return ages.iter().sum::<u64>().checked_div(ages.len() as u64);
        }
        let calls = self.threads[thread?].iter().filter(|frame| frame.is_scope && on_path(&frame.path));
        calls.map(|call| self.now - call.entered).min()
    }
}
