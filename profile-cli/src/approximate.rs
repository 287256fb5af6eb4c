//! Call paths where there are none: estimated from who called whom in a pstats dump, as gprof did and as flameprof
//! and gprof2dot do. What a function did is divided among the paths that lead to it in proportion to its callers'
//! time; in truth one caller's calls may have been dearer than another's.

use std::collections::HashSet;

use profile_cost_runtime::stats::FunctionStats;
use profile_cost_runtime::{Counts, Label, PathId, Profile, Stats};

/// Paths that carry less than this share of the whole are not followed further.
const LEAST_SHARE: f64 = 1e-5;
const MOST_PATHS: usize = 100_000;
const DEEPEST: usize = 200;

/// A function as reached by one path.
struct Step<'a> {
    parent: Option<PathId>,
    label: &'a Label,
    function: &'a FunctionStats,
    /// Seconds and calls on this path.
    own: f64,
    calls: f64,
    /// Which part of all that the function did was done here.
    share: f64,
    depth: usize,
    is_recursive: bool,
}

/// The profile: busy time in nanoseconds, and calls.
pub(crate) fn profile(stats: &Stats) -> Profile {
    let mut stats = stats.clone();
    stats.calc_callees();
    let mut profile = Profile::new();
    let whole: f64 = stats.total_tt().max(f64::MIN_POSITIVE);
    let mut steps: Vec<Step<'_>> = Vec::new();
    for (label, function) in stats.functions() {
        let callers = stats.callers(label);
        let sum = |figure: fn(&profile_cost_runtime::stats::EdgeStats) -> f64| -> f64 {
            callers.iter().map(|(_, edge)| figure(edge)).sum()
        };
        let calls = function.calls as f64 - sum(|edge| edge.calls as f64);
        if callers.is_empty() || calls > 0.5 {
            let cumulative = (function.cumtime - sum(|edge| edge.cumtime)).max(0.0);
            let share = share_of(cumulative, function.cumtime, calls, function.calls as f64);
            let own = if callers.iter().any(|(_, edge)| edge.calls_only) {
                function.tottime * share
            } else {
                (function.tottime - sum(|edge| edge.tottime)).max(0.0)
            };
            let step =
                Step { parent: None, label, function, own, calls, share, depth: 0, is_recursive: false };
            steps.push(step);
        }
    }
    // The first function first: paths are in order of first call.
    steps.reverse();
    while let Some(step) = steps.pop() {
        let id = profile.add_function(step.label.clone());
        let starts = step.calls.max(0.0).round() as u64;
        let counts = Counts {
            starts,
            returned: starts,
            self_busy: (step.own.max(0.0) * 1e9).round() as u64,
            ..Counts::default()
        };
        let path = profile.add_path(step.parent, id, &counts);
        let cumulative = step.function.cumtime * step.share;
        let goes_on = step.depth < DEEPEST && cumulative >= LEAST_SHARE * whole && steps.len() < MOST_PATHS;
        if step.is_recursive || !goes_on || profile.paths().len() >= MOST_PATHS {
            continue;
        }
        let above = functions_above(&profile, path);
        for (label, edge) in stats.callees(step.label).into_iter().rev() {
            let Some(function) = stats.function(label) else { continue };
            let of_function = if edge.calls_only {
                edge.calls as f64 / (function.calls as f64).max(1.0)
            } else {
                share_of(edge.cumtime, function.cumtime, edge.calls as f64, function.calls as f64)
            };
            let own = if edge.calls_only { function.tottime * of_function } else { edge.tottime };
            steps.push(Step {
                parent: Some(path),
                label,
                function,
                own: own * step.share,
                calls: edge.calls as f64 * step.share,
                share: (of_function * step.share).min(1.0),
                depth: step.depth + 1,
                // What a recursive call called is with the outermost one already.
                is_recursive: above.contains(label),
            });
        }
    }
    profile
}

fn share_of(time: f64, all_time: f64, calls: f64, all_calls: f64) -> f64 {
    let share = if all_time > 0.0 { time / all_time } else { calls / all_calls.max(1.0) };
    share.clamp(0.0, 1.0)
}

fn functions_above(profile: &Profile, path: PathId) -> HashSet<Label> {
    let line = std::iter::successors(Some(path), |&id| profile.path(id).parent);
    line.map(|id| profile.function(profile.path(id).function).label.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_time(profile: &Profile) -> u64 {
        profile.paths().iter().map(|path| path.counts.self_busy).sum()
    }

    /// main calls f and g, both of which call shared; g calls itself.
    #[test]
    fn no_time_is_lost_and_a_callee_is_divided_among_its_callers() {
        let mut truth = Profile::new();
        let [main, f, g, shared] =
            ["main", "f", "g", "shared"].map(|name| truth.add_function(Label::new("a.rs", 1, name)));
        let counts = |starts, self_busy| Counts { starts, returned: starts, self_busy, ..Counts::default() };
        let root = truth.add_path(None, main, &counts(1, 1_000));
        let under_f = truth.add_path(Some(root), f, &counts(2, 2_000));
        truth.add_path(Some(under_f), shared, &counts(2, 3_000));
        let under_g = truth.add_path(Some(root), g, &counts(1, 500));
        let again = truth.add_path(Some(under_g), g, &counts(1, 700));
        truth.add_path(Some(again), shared, &counts(4, 9_000));
        let estimate = profile(&Stats::new(&truth));
        assert_eq!(own_time(&estimate), own_time(&truth));
        let before = Stats::new(&truth);
        let after = Stats::new(&estimate);
        for (label, function) in before.functions() {
            let estimated = after.function(label).map(|f| (f.calls, (f.cumtime * 1e9).round()));
            assert_eq!(estimated, Some((function.calls, (function.cumtime * 1e9).round())), "{label:?}");
        }
    }

    #[test]
    fn a_cycle_ends() {
        let mut truth = Profile::new();
        let [a, b] = ["a", "b"].map(|name| truth.add_function(Label::new("a.rs", 1, name)));
        let counts = Counts { starts: 1, returned: 1, self_busy: 100, ..Counts::default() };
        let mut path = truth.add_path(None, a, &counts);
        for i in 0..50 {
            path = truth.add_path(Some(path), if i % 2 == 0 { b } else { a }, &counts);
        }
        assert_eq!(own_time(&profile(&Stats::new(&truth))), own_time(&truth));
    }
}
