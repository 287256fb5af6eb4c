//! From the call tree to a table per function and per (caller, callee), in whole ticks.
//!
//! The tree holds exclusive time only. Inclusive time is counted where a function (or a pair) is
//! outermost on its path, so that recursion is not counted twice. One walk, linear in the paths.

use std::collections::HashMap;

use crate::profile::{Counts, FunctionId, HeapCounts, PathId, Profile};

/// What a function's call paths add up to. Times in ticks of [`Profile::seconds_per_tick`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionTotals {
    /// Which function of the profile.
    pub function: FunctionId,
    /// Calls begun at the outermost level: without the recursive ones.
    pub primitive_calls: u64,
    /// All paths' counts added; times in it are exclusive.
    pub counts: Counts,
    /// Busy time with all callees, of the outermost calls.
    pub cumulative_busy: u64,
    /// Await time with all callees, of the outermost calls.
    pub cumulative_await: u64,
    /// What the outermost calls with all callees asked of the heap.
    pub cumulative_heap: HeapCounts,
    /// Who called it, in order of first call; roots have no caller and add none.
    pub callers: Vec<EdgeTotals>,
}

impl FunctionTotals {
    /// Time in the function itself, busy and await.
    pub fn self_ticks(&self) -> u64 {
        self.counts.self_busy.saturating_add(self.counts.self_await)
    }

    /// Time in the function and all it called, busy and await.
    pub fn cumulative_ticks(&self) -> u64 {
        self.cumulative_busy.saturating_add(self.cumulative_await)
    }
}

/// What one function did on behalf of one caller. Times in ticks, busy and await together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeTotals {
    /// The caller.
    pub caller: FunctionId,
    /// Calls of this pair.
    pub calls: u64,
    /// Calls of this pair that no call of the same pair encloses.
    pub primitive_calls: u64,
    /// Time in the callee itself.
    pub self_ticks: u64,
    /// Time in the callee and all below it, of the calls that no call of the same pair encloses.
    pub cumulative_ticks: u64,
    /// What the callee itself asked of the heap.
    pub heap: HeapCounts,
    /// What the callee and all below it asked of the heap, of the calls that no call of the same pair encloses.
    pub cumulative_heap: HeapCounts,
}

/// A step of the walk over the tree.
enum Step {
    Enter(usize),
    Leave(usize),
}

/// Adds up a profile, function by function in order of first call. Functions without a call, without
/// time and without a block are left out.
///
/// Takes time and memory linear in the number of paths, whatever their depth.
pub fn totals(profile: &Profile) -> Vec<FunctionTotals> {
    let paths = profile.paths();
    let inclusive = profile.inclusive();
    let heap = profile.inclusive_heap();
    let mut table = Table::new(profile);
    let (mut children, roots) = Children::of(profile);
    let mut steps: Vec<Step> = Vec::new();
    // The walk's order does not matter: every sum is commutative. The rows stand in path order already.
    for root in roots {
        steps.push(Step::Enter(root));
        while let Some(step) = steps.pop() {
            match step {
                Step::Enter(path) => {
                    table.enter(path, &paths[path].counts, inclusive[path], &heap[path]);
                    steps.push(Step::Leave(path));
                    steps.extend(children.take(path).map(Step::Enter));
                }
                Step::Leave(path) => table.leave(path),
            }
        }
    }
    table.finish()
}

/// The children of each path, as linked lists in two flat vectors.
struct Children {
    first: Vec<Option<u32>>,
    next: Vec<Option<u32>>,
}

impl Children {
    fn of(profile: &Profile) -> (Self, Vec<usize>) {
        let count = profile.paths().len();
        let mut lists = Self { first: vec![None; count], next: vec![None; count] };
        let mut roots = Vec::new();
        for (i, path) in profile.paths().iter().enumerate() {
            match path.parent {
                Some(PathId(parent)) => {
                    lists.next[i] = lists.first[parent as usize].replace(i as u32);
                }
                None => roots.push(i),
            }
        }
        (lists, roots)
    }

    fn take(&mut self, path: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.first[path].take(), |&child| self.next[child as usize])
            .map(|child| child as usize)
    }
}

/// The rows while the tree is walked.
struct Table {
    rows: Vec<FunctionTotals>,
    /// How many times the row's function is on the current path.
    depth: Vec<u32>,
    edges: Vec<(usize, EdgeTotals)>,
    edge_depth: Vec<u32>,
    /// Row and edge of each path.
    of_path: Vec<(usize, Option<usize>)>,
}

impl Table {
    /// Lays out rows and edges in order of first call, which is the order of the paths.
    fn new(profile: &Profile) -> Self {
        let mut row_of: Vec<Option<usize>> = vec![None; profile.functions().len()];
        let mut edge_of: HashMap<(FunctionId, usize), usize> = HashMap::new();
        let mut table = Self {
            rows: Vec::new(),
            depth: Vec::new(),
            edges: Vec::new(),
            edge_depth: Vec::new(),
            of_path: Vec::with_capacity(profile.paths().len()),
        };
        for path in profile.paths() {
            let row = *row_of[path.function.0 as usize].get_or_insert_with(|| table.add_row(path.function));
            let edge = path.parent.map(|parent| {
                let caller = profile.path(parent).function;
                *edge_of.entry((caller, row)).or_insert_with(|| table.add_edge(caller, row))
            });
            table.of_path.push((row, edge));
        }
        table.depth = vec![0; table.rows.len()];
        table.edge_depth = vec![0; table.edges.len()];
        table
    }

    fn add_row(&mut self, function: FunctionId) -> usize {
        self.rows.push(FunctionTotals {
            function,
            primitive_calls: 0,
            counts: Counts::default(),
            cumulative_busy: 0,
            cumulative_await: 0,
            cumulative_heap: HeapCounts::default(),
            callers: Vec::new(),
        });
        self.rows.len() - 1
    }

    fn add_edge(&mut self, caller: FunctionId, row: usize) -> usize {
        let none = EdgeTotals {
            caller,
            calls: 0,
            primitive_calls: 0,
            self_ticks: 0,
            cumulative_ticks: 0,
            heap: HeapCounts::default(),
            cumulative_heap: HeapCounts::default(),
        };
        self.edges.push((row, none));
        self.edges.len() - 1
    }

    fn enter(&mut self, path: usize, counts: &Counts, (busy, wait): (u64, u64), heap: &HeapCounts) {
        let (row, edge) = self.of_path[path];
        // Folded calls lie deeper than this path, below another call of the same pair: never primitive.
        let unfolded = counts.starts.saturating_sub(counts.folded);
        let totals = &mut self.rows[row];
        totals.counts.add(counts);
        if self.depth[row] == 0 {
            totals.primitive_calls = totals.primitive_calls.saturating_add(unfolded);
            totals.cumulative_busy = totals.cumulative_busy.saturating_add(busy);
            totals.cumulative_await = totals.cumulative_await.saturating_add(wait);
            totals.cumulative_heap.add(heap);
        }
        self.depth[row] += 1;
        if let Some(edge) = edge {
            let (_, totals) = &mut self.edges[edge];
            totals.calls = totals.calls.saturating_add(counts.starts);
            totals.self_ticks =
                totals.self_ticks.saturating_add(counts.self_busy).saturating_add(counts.self_await);
            totals.heap.add(&counts.heap);
            if self.edge_depth[edge] == 0 {
                totals.primitive_calls = totals.primitive_calls.saturating_add(unfolded);
                totals.cumulative_ticks = totals.cumulative_ticks.saturating_add(busy).saturating_add(wait);
                totals.cumulative_heap.add(heap);
            }
            self.edge_depth[edge] += 1;
        }
    }

    fn leave(&mut self, path: usize) {
        let (row, edge) = self.of_path[path];
        self.depth[row] -= 1;
        if let Some(edge) = edge {
            self.edge_depth[edge] -= 1;
        }
    }

    fn finish(mut self) -> Vec<FunctionTotals> {
        for (row, edge) in self.edges {
            if edge.calls > 0 || edge.cumulative_ticks > 0 || edge.cumulative_heap != HeapCounts::default() {
                self.rows[row].callers.push(edge);
            }
        }
        self.rows.retain(|row| {
            let has_heap = row.cumulative_heap != HeapCounts::default();
            row.counts.starts > 0 || row.cumulative_ticks() > 0 || has_heap
        });
        self.rows
    }
}
