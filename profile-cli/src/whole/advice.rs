//! Which functions to leave out of the next run: those of which the counting alone took much of this one.

use std::collections::BTreeMap;
use std::io::{self, Write};

use profile_cost_runtime::Stats;

/// Share of the time in functions from which on it is said.
const MUCH: f64 = 0.1;
/// Of a function, for it to be named.
const WORTH_A_NAME: f64 = 0.02;
const NAMES: usize = 8;

/// A note of these functions, with the flag that leaves them out, if there are such.
pub(crate) fn write(stats: &Stats, mut out: impl Write) -> io::Result<()> {
    let all = stats.total_tt();
    // By the name that the flag is held to.
    let mut costs: BTreeMap<String, f64> = BTreeMap::new();
    for row in stats.rows(()) {
        let name = own_name(&row.label.name);
        // Others mean something to a pattern: names that the user gave.
        if row.untimed > 0 && name.chars().all(|c| c == '_' || c.is_alphanumeric()) {
            *costs.entry(name.to_owned()).or_default() += row.cost;
        }
    }
    let mut names: Vec<(String, f64)> =
        costs.into_iter().filter(|(_, cost)| *cost >= WORTH_A_NAME * all).collect();
    names.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    names.truncate(NAMES);
    let cost: f64 = names.iter().map(|(_, cost)| cost).sum();
    if names.is_empty() || cost < MUCH * all {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    let share = 100.0 * cost / all;
    writeln!(
        out,
        "note: counting calls took some {share:.0}% of the time; without the functions that are called most: --exclude '(^|::)({})$'",
        names.join("|")
    )
}

/// `load` of `<Orders as Store>::load`.
fn own_name(label: &str) -> &str {
    label.rsplit("::").next().unwrap_or(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use profile_cost_runtime::{Counts, Label, Profile};
    use regex_lite::Regex;

    fn text(calls: u64, untimed: u64) -> String {
        let mut profile = Profile::new();
        profile.notes.ticks_per_call = 40.0;
        profile.notes.ticks_per_untimed_call = 4.0;
        let mut add = |name: &str, counts: Counts| {
            let function = profile.add_function(Label::new("src/lib.rs", 7, name.to_owned()));
            profile.add_path(None, function, &counts);
        };
        let times = |starts, self_busy| Counts { starts, returned: starts, self_busy, ..Counts::default() };
        add("run", times(1, 9_000_000));
        add("<[u8] as Bytes>::first", Counts { untimed, ..times(calls, 1_000_000) });
        add("Rare::second", Counts { untimed: 10, ..times(10, 100) });
        let mut text = Vec::new();
        write(&Stats::new(profile), &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn functions_whose_counting_takes_much_are_named() {
        let note = text(500_000, 500_000);
        assert!(note.contains("some 20% of the time"), "{note}");
        let (_, flag) = note.split_once("--exclude '").expect("a flag");
        let pattern = Regex::new(flag.trim_end().trim_end_matches('\'')).expect("a pattern");
        // As the splicer calls functions.
        for name in ["first", "Bytes::first", "<[u8] as Bytes>::first"] {
            assert!(pattern.is_match(name), "{note}");
        }
        for name in ["run", "at_first", "first_of", "Rare::second"] {
            assert!(!pattern.is_match(name), "{note}");
        }
    }

    #[test]
    fn none_where_it_takes_little_or_all_calls_were_timed() {
        assert_eq!(text(200_000, 200_000), "");
        assert_eq!(text(500_000, 0), "");
    }
}
