//! What every function cost itself and on behalf of each caller, in as many columns as a format has events.
//!
//! [`crate::stats`] holds the same for time as pstats has it; here every column is treated as pstats treats time.

use std::collections::HashMap;

use super::walk::{Step, Walk};
use crate::profile::{FunctionId, Profile};

/// One value a column.
pub(super) type Costs<const N: usize> = [u64; N];

/// Costs of a caller and a callee. Sums are inclusive, of the calls that no call of the same pair encloses, so that
/// recursion counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge<const N: usize> {
    /// `None`: called from outside of everything recorded.
    pub(super) caller: Option<FunctionId>,
    pub(super) callee: FunctionId,
    pub(super) calls: u64,
    pub(super) inclusive: Costs<N>,
}

/// The table: exclusive costs indexed as [`Profile::functions`], and edges in order of first call.
#[derive(Debug)]
pub(super) struct Edges<const N: usize> {
    pub(super) own: Vec<Costs<N>>,
    pub(super) edges: Vec<Edge<N>>,
}

impl<const N: usize> Edges<N> {
    /// `own[i]` are the exclusive costs of path `i`.
    pub(super) fn new(profile: &Profile, own: &[Costs<N>]) -> Self {
        let paths = profile.paths();
        let mut inclusive = own.to_vec();
        let mut table = Self { own: vec![[0; N]; profile.functions().len()], edges: Vec::new() };
        let mut index: HashMap<(Option<FunctionId>, FunctionId), usize> = HashMap::new();
        let mut of_path = Vec::with_capacity(paths.len());
        for (path, own) in paths.iter().zip(own) {
            add(&mut table.own[path.function.0 as usize], own);
            let caller = path.parent.map(|parent| profile.path(parent).function);
            let next = table.edges.len();
            let edge = *index.entry((caller, path.function)).or_insert(next);
            if edge == next {
                table.edges.push(Edge { caller, callee: path.function, calls: 0, inclusive: [0; N] });
            }
            table.edges[edge].calls = table.edges[edge].calls.saturating_add(path.counts.starts);
            of_path.push(edge);
        }
        for (i, path) in paths.iter().enumerate().rev() {
            if let Some(parent) = path.parent {
                let below = inclusive[i];
                add(&mut inclusive[parent.0 as usize], &below);
            }
        }
        // How many times each edge is on the current path.
        let mut open = vec![0u32; table.edges.len()];
        let walked: Result<(), std::convert::Infallible> = Walk::new(profile).each(
            |_| true,
            |step| {
                match step {
                    Step::Enter(path) => {
                        let edge = of_path[path.0 as usize];
                        if open[edge] == 0 {
                            add(&mut table.edges[edge].inclusive, &inclusive[path.0 as usize]);
                        }
                        open[edge] += 1;
                    }
                    Step::Leave(path) => open[of_path[path.0 as usize]] -= 1,
                }
                Ok(())
            },
        );
        let Ok(()) = walked;
        table
    }
}

fn add<const N: usize>(to: &mut Costs<N>, more: &Costs<N>) {
    for (to, more) in to.iter_mut().zip(more) {
        *to = to.saturating_add(*more);
    }
}
