//! Dumps of ours in the hands of those who read dumps: Python's own pstats, gprof2dot, snakeviz and others, figure by
//! figure against the profile.
//!
//! `tests/readers/read_pstats.py` asks them. Other Python than `python3`: PROFILE_COST_PYTHON.
#![cfg(feature = "read")]
#![allow(clippy::print_stdout, reason = "what was compared, and what was skipped")]

mod printing;
mod readers;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use profile_cost_runtime::private::{Site, enter};
use profile_cost_runtime::stats::totals;
use profile_cost_runtime::testing::generated_profile;
use profile_cost_runtime::{Counts, HeapCounts, Label, Profile, Stats};
use serde_json::Value;

type Key = (String, u32, String);
/// Calls, primitive calls, own and cumulative seconds.
type Figures = (u64, u64, f64, f64);

/// What a dump has to hold.
#[derive(Debug, Default, PartialEq)]
struct Wanted {
    functions: BTreeMap<Key, Figures>,
    edges: BTreeMap<(Key, Key), Figures>,
}

fn key(label: &Label) -> Key {
    (label.file.clone(), label.line, label.name.clone())
}

impl Wanted {
    /// Of a profile in ticks of a nanosecond, by way of its totals. Without what was not called and took no time, but
    /// holds memory: Python knows nothing of that.
    fn of(profile: &Profile) -> Self {
        let mut wanted = Self::default();
        let seconds = |ticks: u64| ticks as f64 * 1e-9;
        for function in totals(profile) {
            if function.counts.starts == 0 && function.cumulative_ticks() == 0 {
                continue;
            }
            let callee = key(&profile.function(function.function).label);
            for edge in function.callers.iter().filter(|edge| edge.calls > 0 || edge.cumulative_ticks > 0) {
                let caller = key(&profile.function(edge.caller).label);
                wanted.functions.entry(caller.clone()).or_default();
                let figures = (
                    edge.calls,
                    edge.primitive_calls,
                    seconds(edge.self_ticks),
                    seconds(edge.cumulative_ticks),
                );
                wanted.edges.insert((caller, callee.clone()), figures);
            }
            let (own, cumulative) = (seconds(function.self_ticks()), seconds(function.cumulative_ticks()));
            let figures = (function.counts.starts, function.primitive_calls, own, cumulative);
            wanted.functions.insert(callee, figures);
        }
        if wanted.functions.is_empty() {
            wanted.functions.insert(("~".into(), 0, "<nothing recorded>".into()), Figures::default());
        }
        wanted
    }

    /// As `read_pstats.py` prints the "stats" of a dump. The root that is there where all have callers is taken out.
    fn read(stats: &Value) -> Self {
        let mut read = Self::default();
        let four = |v: &Value| {
            let float = |v: &Value| f64::from_bits(v.as_u64().expect("bits"));
            (v[1].as_u64().expect("calls"), v[0].as_u64().expect("calls"), float(&v[2]), float(&v[3]))
        };
        for entry in stats.as_array().expect("functions") {
            let callee = key_of(&entry[0]);
            if callee == root() {
                continue;
            }
            read.functions.insert(callee.clone(), four(&entry[1]));
            for caller in entry[1][4].as_array().expect("callers") {
                let (b, a, c, d) = four(&caller[1]);
                if key_of(&caller[0]) != root() {
                    read.edges.insert((key_of(&caller[0]), callee.clone()), (a, b, c, d));
                }
            }
        }
        read
    }
}

fn root() -> Key {
    ("~".into(), 0, "<root>".into())
}

fn key_of(value: &Value) -> Key {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&value[0]), value[1].as_u64().and_then(|line| line.try_into().ok()).expect("line"), text(&value[2]))
}

/// Profiles by the name of their dump. Those that begin with `stats` are written as [`Stats::write_dump`] does,
/// which adds no root.
fn profiles() -> BTreeMap<String, Profile> {
    let name = |seed| format!("{}-{seed:02}", if seed < 16 { "stats" } else { "profile" });
    let mut profiles: BTreeMap<String, Profile> =
        (0..24).map(|seed| (name(seed), generated_profile(seed))).collect();
    profiles.insert("empty".into(), Profile::new());
    profiles.insert("recursive".into(), recursive());
    profiles.insert("uncalled-caller".into(), uncalled_caller());
    profiles.insert("held".into(), held());
    profiles.insert("real".into(), real());
    profiles
}

/// A caller that was neither called nor took any time, so that it is no function of the statistics.
fn uncalled_caller() -> Profile {
    let mut profile = Profile::new();
    let [serve, load] =
        ["serve", "load"].map(|name| profile.add_function(Label::new("src/serve.rs", 1, name)));
    let top = profile.add_path(None, serve, &Counts::default());
    profile.add_path(Some(top), load, &Counts { starts: 3, returned: 3, ..Counts::default() });
    profile
}

/// After a reset: a call, a function and a caller of called functions that are there only for the memory they hold.
fn held() -> Profile {
    let mut profile = Profile::new();
    let [serve, load, cache, warm, kept] = ["serve", "load", "cache", "warm", "kept"]
        .map(|name| profile.add_function(Label::new("src/serve.rs", 1, name)));
    let called = Counts { starts: 3, returned: 3, self_busy: 7_000_000, ..Counts::default() };
    let heap = HeapCounts { allocations: 2, allocated_bytes: 64, ..HeapCounts::default() };
    let holds = Counts { heap, ..Counts::default() };
    let top = profile.add_path(None, serve, &called);
    profile.add_path(Some(top), cache, &holds);
    profile.add_path(Some(top), kept, &holds);
    let load = profile.add_path(None, load, &called);
    profile.add_path(Some(load), cache, &called);
    let warm = profile.add_path(None, warm, &holds);
    profile.add_path(Some(warm), serve, &called);
    profile
}

/// One function that calls itself: every function has a caller.
fn recursive() -> Profile {
    let mut profile = Profile::new();
    let fib = profile.add_function(Label::new("src/fib.rs", 1, "fib"));
    let counts =
        |starts| Counts { starts, returned: starts, self_busy: starts * 100_000, ..Counts::default() };
    let top = profile.add_path(None, fib, &counts(2));
    let below = profile.add_path(Some(top), fib, &counts(4));
    profile.add_path(Some(below), fib, &counts(6));
    profile
}

/// What the profiler itself records.
fn real() -> Profile {
    static SERVE: Site = Site::new("serve", "src/serve.rs", 10, true);
    static LOAD: Site = Site::new("Orders::load", "src/orders.rs", 20, true);
    static PRICE: Site = Site::new("price", "src/price.rs", 30, true);
    fn price(depth: u32) -> u64 {
        let _call = enter(&PRICE, || {});
        if depth == 0 { (0..2_000).fold(1, |a, b| std::hint::black_box(a ^ b)) } else { price(depth - 1) }
    }
    profile_cost_runtime::enable();
    for _ in 0..20 {
        let _call = enter(&SERVE, || {});
        price(0);
        for _ in 0..5 {
            let _call = enter(&LOAD, || {});
            price(3);
        }
    }
    profile_cost_runtime::disable();
    profile_cost_runtime::snapshot()
}

fn dump(name: &str, profile: &Profile) -> Vec<u8> {
    let mut dump = Vec::new();
    let written = match name.starts_with("stats") {
        true => Stats::new(profile).write_dump(&mut dump),
        false => profile.write_pstats(&mut dump),
    };
    written.expect("a Vec takes every write");
    dump
}

#[test]
fn every_reader_finds_the_figures_of_the_profile() {
    let Some(python) = readers::python() else {
        return readers::skipped("Python");
    };
    let dir = std::env::temp_dir().join(format!("profile-cost-readers-{}", std::process::id()));
    fs::create_dir_all(&dir).expect("a directory for the dumps");
    let profiles = profiles();
    for (name, profile) in &profiles {
        fs::write(dir.join(format!("{name}.prof")), dump(name, profile)).expect("the dump is written");
    }
    let output = Command::new(python).arg("-B").arg(readers::script("read_pstats.py")).arg(&dir).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::remove_dir_all(&dir).expect("the directory just made");

    let said: Vec<Value> = (output.stdout.split(|byte| *byte == b'\n'))
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("JSON"))
        .collect();
    assert_eq!(said.len(), profiles.len());
    let mut tally = BTreeMap::new();
    for said in &said {
        let name = said["name"].as_str().expect("name");
        let profile = &profiles[name];
        let wanted = Wanted::of(profile);
        assert_eq!(said["version2"], true, "{name}: not what marshal.dumps(stats, 2) gives");
        assert_eq!(Wanted::read(&said["stats"]), wanted, "{name}");
        reports(name, profile, said, &mut tally);
        gprof2dot(name, &wanted, said, &mut tally);
        snakeviz(name, &wanted, said, &mut tally);
    }
    let said = said.iter().find(|said| said["name"] == "real").expect("the real profile");
    let wanted = Wanted::of(&profiles["real"]);
    tuna(&wanted, said, &mut tally);
    flameprof(&wanted, said, &mut tally);
    pyprof2calltree(&wanted, said, &mut tally);
    for tool in ["gprof2dot", "snakeviz", "tuna", "flameprof", "pyprof2calltree"] {
        if !tally.contains_key(tool) {
            readers::skipped(tool);
        }
    }
    println!("{} dumps, compared: {tally:?}", profiles.len());
}

/// How many figures or texts of each reader were compared.
type Tally = BTreeMap<&'static str, usize>;

fn count(tally: &mut Tally, tool: &'static str, more: usize) {
    *tally.entry(tool).or_default() += more;
}

/// The printed texts, of the profile itself and of its dump read back.
fn reports(name: &str, profile: &Profile, said: &Value, tally: &mut Tally) {
    let read = Stats::read_dump(&dump(name, profile)).expect("our own dump");
    let functions = said["stats"].as_array().map_or(0, Vec::len);
    let stats = Stats::new(profile);
    // Nothing was added to the dump: neither a root, nor callers without calls, nor the sign that there is nothing.
    let entries = said["stats"].as_array().expect("functions");
    let rooted = entries.iter().any(|entry| key_of(&entry[0]) == root());
    let start = entries.iter().any(|entry| entry[1][4].as_array().is_some_and(Vec::is_empty));
    assert!(start || name.starts_with("stats"), "{name}: every function has a caller");
    count(tally, "dumps with a root of ours", rooted.into());
    let same = stats.functions().count() == functions;
    for report in said["reports"].as_array().expect("reports") {
        if !read.is_empty() {
            assert_text(name, "the dump read back", &read, report);
            count(tally, "pstats, from the dump", 1);
        }
        if same {
            assert_text(name, "the profile", &stats, report);
            count(tally, "pstats, from the profile", 1);
        }
    }
}

fn assert_text(name: &str, whose: &str, stats: &Stats, report: &Value) {
    let have = printing::printed(stats, report);
    let same = match report["text"].as_str() {
        Some(text) => text == have,
        None => report["text"] == Value::from(vec![have.len() as u64, adler32(have.as_bytes())]),
    };
    assert!(same, "{name}, {whose}: {report:#}\nhave {:?}", have.chars().take(10_000).collect::<String>());
}

/// The checksum of zlib (RFC 1950).
fn adler32(bytes: &[u8]) -> u64 {
    let (a, b) = bytes.iter().fold((1u64, 0u64), |(a, b), byte| {
        let a = (a + u64::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    b << 16 | a
}

fn gprof2dot(name: &str, wanted: &Wanted, said: &Value, tally: &mut Tally) {
    let said = &said["gprof2dot"];
    let Some(functions) = said["functions"].as_array() else { return };
    let float = |v: &Value| f64::from_bits(v.as_u64().expect("bits"));
    let mut seen = 0;
    for function in functions.iter().filter(|function| key_of(&function[0]) != root()) {
        let caller = key_of(&function[0]);
        let (calls, _, own, cumulative) = wanted.functions[&caller];
        assert_eq!(function[1].as_u64(), Some(calls), "{name}: {caller:?}");
        assert_eq!((float(&function[2]), float(&function[3])), (own, cumulative), "{name}: {caller:?}");
        for call in function[4].as_array().expect("calls") {
            let callee = key_of(&call[0]);
            // It shows how many calls of the pair were primitive.
            let (_, primitive, _, cumulative) = wanted.edges[&(caller.clone(), callee.clone())];
            assert_eq!(
                (call[1].as_u64(), float(&call[2])),
                (Some(primitive), cumulative),
                "{name}: {caller:?}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, wanted.edges.len(), "{name}: calls in gprof2dot");
    assert!(
        said["dot"].as_u64().is_some_and(|lines| lines >= wanted.functions.len() as u64),
        "{name}: {said}"
    );
    count(tally, "gprof2dot", functions.len() + seen);
}

fn snakeviz(name: &str, wanted: &Wanted, said: &Value, tally: &mut Tally) {
    let said = &said["snakeviz"];
    let Some(rows) = said["rows"].as_array() else { return };
    let shown = |(file, line, name): &Key| format!("{file}:{line}({name})");
    let rows: Vec<(String, u64)> = (rows.iter())
        .map(|row| (row[6].as_str().expect("name").to_owned(), row[0][1].as_u64().expect("calls")))
        .filter(|(name, _)| *name != shown(&root()))
        .collect();
    let mut functions: Vec<_> =
        wanted.functions.iter().map(|(key, figures)| (shown(key), figures.0)).collect();
    functions.sort();
    let mut sorted = rows.clone();
    sorted.sort();
    assert_eq!(sorted, functions, "{name}");
    // Where two functions have one printed name, snakeviz keeps one of them.
    let names: BTreeSet<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    if names.len() < rows.len() {
        return;
    }
    let stats = said["stats"].as_object().expect("json_stats");
    for ((caller, callee), (calls, primitive, own, cumulative)) in &wanted.edges {
        let child = &stats[&shown(caller)]["children"][shown(callee)];
        let same = (child[0] == *calls) && (child[1] == *primitive);
        assert!(same && child[2] == *own && child[3] == *cumulative, "{name}: {caller:?} {callee:?} {child}");
        assert_eq!(&stats[&shown(callee)]["callers"][shown(caller)], child, "{name}");
    }
    count(tally, "snakeviz", rows.len() + wanted.edges.len());
}

/// Its tree adds up to the own time of all functions that it can tell apart by caller, and no more than all time.
fn tuna(wanted: &Wanted, said: &Value, tally: &mut Tally) {
    let Some(total) = said["tuna"][1].as_f64() else { return };
    let all: f64 = wanted.functions.values().map(|(_, _, own, _)| own).sum();
    assert_eq!(said["tuna"][0], "src/serve.rs::10::serve");
    assert!(total > 0.5 * all && total < 1.000_001 * all, "{total} of {all}");
    count(tally, "tuna", 1);
}

fn flameprof(wanted: &Wanted, said: &Value, tally: &mut Tally) {
    let Some(drawn) = said["flameprof"].as_u64() else { return };
    assert!(drawn as usize >= wanted.functions.len(), "{drawn}");
    count(tally, "flameprof", 1);
}

fn pyprof2calltree(wanted: &Wanted, said: &Value, tally: &mut Tally) {
    let Some(lines) = said["pyprof2calltree"].as_array() else { return };
    let mut lines = lines.iter().filter_map(Value::as_str);
    let mut caller = String::new();
    let mut edges = BTreeMap::new();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("fn=") {
            caller = name.to_owned();
        } else if let Some(callee) = line.strip_prefix("cfn=") {
            let calls = lines
                .next()
                .and_then(|line| line.strip_prefix("calls=")?.split(' ').next()?.parse::<u64>().ok());
            edges.insert((caller.clone(), callee.to_owned()), calls);
        }
    }
    let wanted: BTreeMap<_, _> = (wanted.edges.iter())
        .map(|((caller, callee), figures)| ((caller.2.clone(), callee.2.clone()), Some(figures.0)))
        .collect();
    assert_eq!(edges, wanted);
    count(tally, "pyprof2calltree", edges.len());
}
