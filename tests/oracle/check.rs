//! Holds statistics and texts to a case.

use std::collections::HashMap;
use std::fmt::Debug;
use std::io::Write as _;

use profile_cost_runtime::stats::{EdgeStats, FunctionStats, totals};
use profile_cost_runtime::{Label, Profile, Restriction, SortKey, Stats, Style};
use serde_json::Value;

use crate::case::{Case, label};
use crate::dump;
use crate::naive::{Engine, Naive, drive};
use crate::world::Recorder;

/// How much was compared, and what differed.
#[derive(Default)]
pub struct Tally {
    views: usize,
    dumps: usize,
    texts: usize,
    numbers: usize,
    pub failures: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.views += other.views;
        self.dumps += other.dumps;
        self.texts += other.texts;
        self.numbers += other.numbers;
        self.failures.extend_from_slice(&other.failures);
    }

    /// Says what was compared, also when the test passes and its output is captured.
    pub fn report(&self, cases: usize) {
        let mut err = std::io::stderr().lock();
        for failure in self.failures.iter().take(5) {
            let _ = writeln!(err, "{failure}\n");
        }
        let Self { views, dumps, texts, numbers, failures } = self;
        let _ = writeln!(
            err,
            "oracle: {cases} cases, {views} views, {dumps} dumps, {numbers} numbers, {texts} texts compared; \
             {} cases differ",
            failures.len()
        );
    }
}

/// The first difference of one case.
struct Differs(String);

type Checked = Result<(), Differs>;

fn same<T: PartialEq + Debug + ?Sized>(what: impl FnOnce() -> String, have: &T, want: &T) -> Checked {
    if have == want {
        return Ok(());
    }
    Err(Differs(format!("{}\n  have {have:?}\n  want {want:?}", what())))
}

/// Runs one case on every engine.
pub fn case(case: &Case) -> Tally {
    let mut tally = Tally::default();
    let mut run = |name: &str, engine: &mut dyn Engine| {
        let profiles = drive(case, engine);
        if let Err(Differs(what)) = profiles_agree(case, &profiles, &mut tally) {
            tally.failures.push(format!("{} on {name}: {what}", case.name));
        }
    };
    run("the naive tree", &mut Naive::new(case));
    for depth_limit in [100, 4, 1] {
        run(&format!("the engine folding from depth {depth_limit}"), &mut Recorder::new(case, depth_limit));
    }
    tally
}

fn stats(case: &Case, profile: &Profile) -> Stats {
    let mut stats = Stats::new(profile);
    stats.style(Style::Pstats);
    if !case.subcalls {
        stats.drop_callers();
    }
    stats
}

fn profiles_agree(case: &Case, profiles: &[Profile], tally: &mut Tally) -> Checked {
    let views = case.json["views"].as_object().expect("views");
    same(|| "number of views".into(), &(profiles.len() + 1), &views.len())?;
    for (&thread, profile) in case.threads().iter().zip(profiles) {
        let name = format!("thread:{thread}");
        ticks(case, profile, &views[&name]["ticks"], tally)
            .and_then(|()| view(case, &stats(case, profile), &views[&name], tally))
            .map_err(|Differs(what)| Differs(format!("{name}: {what}")))?;
    }
    let mut merged = stats(case, &profiles[0]);
    for profile in &profiles[1..] {
        merged.add(stats(case, profile));
    }
    view(case, &merged, &views["merged"], tally).map_err(|Differs(what)| Differs(format!("merged: {what}")))
}

/// Every whole tick of the tree's totals.
fn ticks(case: &Case, profile: &Profile, want: &Value, tally: &mut Tally) -> Checked {
    let name = |id| &profile.function(id).label;
    let have: Vec<_> = (totals(profile).iter())
        .map(|f| {
            let callers = if case.subcalls { &f.callers[..] } else { &[] };
            let callers: Vec<_> = (callers.iter())
                .map(|e| {
                    (name(e.caller).clone(), [e.calls, e.primitive_calls, e.self_ticks, e.cumulative_ticks])
                })
                .collect();
            let row = [f.primitive_calls, f.counts.starts, f.self_ticks(), f.cumulative_ticks()];
            (name(f.function).clone(), row, callers)
        })
        .collect();
    let four = |v: &Value| [0, 1, 2, 3].map(|i| v[i].as_u64().expect("ticks"));
    let want: Vec<_> = table(want)
        .map(|(label, row, callers)| {
            (label, four(row), callers.map(|(caller, edge)| (caller, four(edge))).collect::<Vec<_>>())
        })
        .collect();
    tally.numbers += want.iter().map(|(_, _, callers)| 4 + 4 * callers.len()).sum::<usize>();
    same(|| "ticks".into(), &have, &want)
}

/// The rows of a "stats" or "ticks" table.
fn table(value: &Value) -> impl Iterator<Item = (Label, &Value, impl Iterator<Item = (Label, &Value)>)> {
    value.as_array().expect("table").iter().map(|entry| {
        let callers = entry[1][4].as_array().expect("callers").iter();
        (label(&entry[0]), &entry[1], callers.map(|caller| (label(&caller[0]), &caller[1])))
    })
}

/// The statistics, and what is read back of their dump.
fn view(case: &Case, stats: &Stats, want: &Value, tally: &mut Tally) -> Checked {
    tally.views += 1;
    statistics(case, stats, want, want["totals"]["total_tt"].as_f64(), tally)?;
    let dump = want["marshal2_b64"].as_str().expect("marshal2_b64");
    let read = dump::round_trip(stats, dump).map_err(Differs)?;
    tally.dumps += 1;
    // A dump holds no total: whoever reads it adds up the functions, where the view is a sum of the threads' sums.
    let total = want["stats"]
        .as_array()
        .map(|rows| rows.iter().filter_map(|row| row[1][2].as_f64()).fold(0.0, |a, b| a + b));
    statistics(case, &read, want, total, tally).map_err(|Differs(what)| Differs(format!("read back: {what}")))
}

fn statistics(case: &Case, stats: &Stats, want: &Value, total_tt: Option<f64>, tally: &mut Tally) -> Checked {
    seconds(stats, &want["stats"], tally)?;
    let totals = &want["totals"];
    same(|| "total_calls".into(), &Some(stats.total_calls()), &totals["total_calls"].as_u64())?;
    same(|| "prim_calls".into(), &Some(stats.prim_calls()), &totals["prim_calls"].as_u64())?;
    same(|| "total_tt".into(), &Some(stats.total_tt()), &total_tt)?;
    for strip in [false, true] {
        let mut stats = stats.clone();
        if strip {
            stats.strip_dirs();
        }
        stats_profile(&stats, &want["profile"][if strip { "strip1" } else { "strip0" }])
            .map_err(|Differs(what)| Differs(format!("get_stats_profile, strip {strip}: {what}")))?;
        let reports = want["reports"].as_array().map_or(&[][..], |reports| reports);
        for report in reports.iter().filter(|report| report["strip"] == strip) {
            text(case, stats.clone(), report)?;
            tally.texts += 1;
        }
    }
    Ok(())
}

/// Seconds are compared to the last bit.
fn seconds(stats: &Stats, want: &Value, tally: &mut Tally) -> Checked {
    let functions: Vec<(&Label, &FunctionStats)> = stats.functions().collect();
    same(|| "number of functions".into(), &functions.len(), &want.as_array().map_or(0, Vec::len))?;
    let int = |v: &Value| v.as_u64().expect("count");
    let float = |v: &Value| v.as_f64().expect("seconds");
    for ((label, f), (want_label, row, callers)) in functions.into_iter().zip(table(want)) {
        same(|| "function".into(), label, &want_label)?;
        let have = (f.primitive_calls, f.calls, f.tottime, f.cumtime);
        same(|| format!("{label:?}"), &have, &(int(&row[0]), int(&row[1]), float(&row[2]), float(&row[3])))?;
        let have = stats.callers(label).into_iter().map(|(caller, edge)| (caller.clone(), numbers(&edge)));
        let want = callers.map(|(caller, e)| (caller, (int(&e[0]), int(&e[1]), float(&e[2]), float(&e[3]))));
        let (have, want): (Vec<_>, Vec<_>) = (have.collect(), want.collect());
        same(|| format!("callers of {label:?}"), &have, &want)?;
        tally.numbers += 4 + 4 * want.len();
    }
    Ok(())
}

fn numbers(edge: &EdgeStats) -> (u64, u64, f64, f64) {
    (edge.calls, edge.primitive_calls, edge.tottime, edge.cumtime)
}

fn stats_profile(stats: &Stats, want: &Value) -> Checked {
    if want.is_null() {
        return Ok(()); // made by a Python that has no get_stats_profile
    }
    let have = stats.get_stats_profile();
    same(|| "total_tt".into(), &Some(have.total_tt), &want["total_tt"].as_f64())?;
    let have: HashMap<&str, _> = (have.func_profiles.iter())
        .map(|(name, f)| {
            let times = [f.tottime, f.percall_tottime, f.cumtime, f.percall_cumtime];
            (name.as_str(), (f.ncalls.as_str(), times, f.file_name.as_str(), u64::from(f.line_number)))
        })
        .collect();
    let want: HashMap<&str, _> = (want["func_profiles"].as_object().expect("func_profiles").iter())
        .map(|(name, f)| {
            let text = |key: &str| f[key].as_str().expect("text");
            let times = ["tottime", "percall_tottime", "cumtime", "percall_cumtime"];
            let times = times.map(|key| f[key].as_f64().expect("time"));
            (
                name.as_str(),
                (text("ncalls"), times, text("file_name"), f["line_number"].as_u64().expect("line")),
            )
        })
        .collect();
    same(|| "functions".into(), &have, &want)
}

fn text(case: &Case, mut stats: Stats, report: &Value) -> Checked {
    let described = || {
        let part = |key: &str| report[key].to_string();
        format!("sort {} reverse {} {}{}", part("sort"), part("reverse"), part("method"), part("args"))
    };
    if let Some(sort) = report["sort"].as_array() {
        stats.sort_stats(sort.iter().map(|key| match key {
            Value::String(word) => word.parse().unwrap_or_else(|e| panic!("{e}")),
            number => SortKey::from_number(number.as_i64().expect("key")).unwrap_or_else(|e| panic!("{e}")),
        }));
    }
    if report["reverse"] == true {
        stats.reverse_order();
    }
    let restrictions: Vec<Restriction> = (report["args"].as_array().expect("args").iter())
        .map(|arg| match arg {
            Value::String(pattern) => pattern.as_str().into(),
            number => match number.as_i64() {
                Some(count) => count.into(),
                None => number.as_f64().expect("restriction").into(),
            },
        })
        .collect();
    let mut have = Vec::new();
    let printed = match report["method"].as_str() {
        Some("print_stats") => stats.print_stats(&mut have, restrictions),
        Some("print_callers") => stats.print_callers(&mut have, restrictions),
        Some("print_callees") => stats.print_callees(&mut have, restrictions),
        other => panic!("method {other:?}"),
    };
    printed.expect("a Vec takes every write");
    let want = case.json["texts"][report["text"].as_u64().expect("text") as usize].as_str().expect("text");
    if have == want.as_bytes() {
        return Ok(());
    }
    Err(Differs(format!(
        "{}, strip {}\n--- have\n{}--- want\n{want}---",
        described(),
        report["strip"],
        String::from_utf8_lossy(&have)
    )))
}
