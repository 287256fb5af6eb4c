//! `get_stats_profile`: the report's numbers as data, rounded to milliseconds as printed.

use std::collections::HashMap;

use super::Stats;
use super::python::f3;

/// pstats' `StatsProfile`: the printed numbers by function name.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StatsProfile {
    /// Seconds in all functions, rounded to milliseconds.
    pub total_tt: f64,
    /// By bare name: of several functions of one name, the one listed last.
    pub func_profiles: HashMap<String, FunctionProfile>,
}

/// pstats' `FunctionProfile`. Times in seconds, rounded to milliseconds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FunctionProfile {
    /// Calls, and primitive calls where they differ: `3/1`.
    pub ncalls: String,
    /// In the function alone.
    pub tottime: f64,
    /// `tottime` per call; -1 without calls.
    pub percall_tottime: f64,
    /// In the function and all that it called.
    pub cumtime: f64,
    /// `cumtime` per primitive call; -1 without such.
    pub percall_cumtime: f64,
    /// Source file.
    pub file_name: String,
    /// Line of the function.
    pub line_number: u32,
}

pub(super) fn stats_profile(stats: &Stats) -> StatsProfile {
    let rounded = |x: f64| f3(x).parse().unwrap_or(x);
    let per_call = |x: f64, calls: u64| if calls == 0 { -1.0 } else { rounded(x / calls as f64) };
    let listing = stats.listing();
    if listing.is_empty() {
        return StatsProfile::default();
    }
    let mut func_profiles = HashMap::new();
    for id in listing {
        let Some(f) = stats.functions.get(id) else { continue };
        let label = stats.labels.label(id);
        let profile = FunctionProfile {
            ncalls: super::text_pstats::call_counts(f.calls, f.primitive_calls),
            tottime: rounded(f.tottime),
            percall_tottime: per_call(f.tottime, f.calls),
            cumtime: rounded(f.cumtime),
            percall_cumtime: per_call(f.cumtime, f.primitive_calls),
            file_name: label.file.clone(),
            line_number: label.line,
        };
        func_profiles.insert(label.name.clone(), profile);
    }
    StatsProfile { total_tt: rounded(stats.total_tt), func_profiles }
}
