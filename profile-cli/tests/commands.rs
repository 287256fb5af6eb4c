//! Every command, on native JSON and on a dump of Python's.

mod common;

use std::fs;

use common::{Dir, command, dump, golden, run, run_with, shop};
use profile_cost_runtime::{Counts, Label, Profile, Recording};
use serde_json::Value;

#[test]
fn tables_are_golden() {
    let dir = Dir::new();
    let profile = dir.save("a.json", &shop(100, 50_000));
    let second = dir.save("b.json", &shop(150, 70_000));
    let out = |args: &[&str]| run(args.iter().copied()).fine();
    let mut all = String::new();
    for args in [
        vec!["report", &profile],
        vec!["report", &profile, "--style", "pstats", "--strip-dirs", "-s", "time,name"],
        vec!["report", &profile, "--width", "60"],
        vec!["report", &profile, &second, "orders", "1", "--reverse"],
        vec!["callers", &profile, "query"],
        vec!["callees", &profile, "load"],
        vec!["tree", &profile],
        vec!["tree", &profile, "--metric", "calls", "load"],
        vec!["diff", &profile, &second],
        vec!["diff", &profile, &second, "--normalize", "-s", "name", "--color", "always", "-n", "2"],
    ] {
        let shown: Vec<&str> = args.iter().map(|a| a.rsplit('/').next().unwrap_or(a)).collect();
        all += &format!("$ cargo profile-cost {}\n{}", shown.join(" "), out(&args));
    }
    golden("tables.txt", &all);
}

/// Blocks of the cache were allocated below the handler; of the handler's own none is left.
#[test]
fn figures_of_the_heap_are_shown_and_sorted_by() {
    let mut profile = Profile::new();
    let mut at =
        |parent, name: &str, starts, [allocations, allocated_bytes, frees, freed_bytes]: [u64; 4]| {
            let function = profile.add_function(Label::new("src/a.rs", 7, name));
            let mut counts = Counts { starts, returned: starts, self_busy: 1_000, ..Counts::default() };
            (counts.heap.allocations, counts.heap.allocated_bytes) = (allocations, allocated_bytes);
            (counts.heap.frees, counts.heap.freed_bytes) = (frees, freed_bytes);
            profile.add_path(parent, function, &counts)
        };
    let idle = at(None, "idle", 900, [0; 4]);
    let handler = at(Some(idle), "handle", 3, [40, 4_000, 40, 4_000]);
    at(Some(handler), "Cache::fill", 3, [5, 3_000, 1, 952]);
    let dir = Dir::new();
    let file = dir.save("a.json", &profile);
    let names = |sort: &str| -> Vec<String> {
        let text = run(["report", &file, "-s", sort]).fine();
        let rows = text.lines().filter_map(|line| line.strip_suffix("  src/a.rs:7"));
        rows.map(|row| row.rsplit("  ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names("live"), ["Cache::fill", "idle", "handle"]);
    assert_eq!(names("heap"), ["handle", "Cache::fill", "idle"]);
    assert_eq!(names("cumlive,name"), ["Cache::fill", "handle", "idle"]);
    assert_eq!(names("l,name"), ["Cache::fill", "handle", "idle"]);
    let json: Value =
        serde_json::from_str(&run(["report", &file, "--json", "-s", "calls"]).fine()).expect("JSON");
    let idle = &json["functions"][0];
    assert_eq!(
        (idle["self_live_bytes"].as_u64(), idle["cumulative_live_bytes"].as_u64()),
        (Some(0), Some(2_048))
    );
    assert_eq!(idle["cumulative_allocations"].as_u64(), Some(45));
    assert!(run(["callees", &file, "handle"]).fine().contains("2.0 KiB"));
}

#[test]
fn the_name_of_the_subcommand_may_come_first() {
    let dir = Dir::new();
    let profile = dir.save("a.json", &shop(100, 50_000));
    assert_eq!(run(["profile-cost", "report", &profile]).fine(), run(["report", &profile]).fine());
}

#[test]
fn every_command_reads_a_dump_of_pythons() {
    let file = dump("3.13/cProfile.prof");
    for command in ["report", "callers", "callees", "tree"] {
        let text = run([command, &file, "fib"]).fine();
        assert!(text.contains("fib"), "{command}: {text}");
    }
    assert!(run(["flamegraph", &file]).fine().contains("<svg"));
    let html = run(["html", &file]);
    assert!(html.stderr.contains("estimated"), "{}", html.stderr);
    assert!(html.fine().contains("fib"));
    assert!(run(["diff", &file, &file]).fine().contains("0%"));
    assert!(run(["convert", &file, "--to", "folded"]).fine().contains(";fib"));
    let dir = Dir::new();
    let merged = dir.arg("all.prof");
    run(["merge", &file, &file, "-o", &merged]).fine();
    let calls = |path: &str| match Recording::read(&fs::read(path).expect("a file")) {
        Ok(recording) => recording.stats().total_calls(),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(calls(&merged), 2 * calls(&file));
}

#[test]
fn merging_is_adding_path_by_path() {
    let dir = Dir::new();
    for i in 0..5 {
        dir.save(&format!("pod-{i}.json"), &shop(100 + i, 1000 * i));
    }
    let mut expected = shop(100, 0);
    (1..5).for_each(|i| expected.merge(&shop(100 + i, 1000 * i)));
    run(["merge", &dir.arg("pod-*.json"), "-o", &dir.arg("all.json")]).fine();
    let mut bytes = Vec::new();
    expected.write_json(&mut bytes).expect("written");
    assert_eq!(fs::read(dir.path("all.json")).expect("a file"), bytes);
    let to_stdout = run(["merge", &dir.arg("pod-*.json")]).fine();
    assert_eq!(to_stdout.as_bytes(), bytes);
}

#[test]
fn stdin_is_a_file_and_conversion_loses_nothing() {
    let profile = shop(100, 50_000);
    let mut bytes = Vec::new();
    profile.write_json(&mut bytes).expect("written");
    let json = run_with(command().args(["convert", "-", "--to", "json"]), &bytes).fine();
    assert_eq!(json.as_bytes(), bytes);
    let folded = run_with(command().args(["convert", "-", "--to", "folded"]), &bytes).fine();
    let total: u64 = folded.lines().filter_map(|l| l.rsplit_once(' ')?.1.parse::<u64>().ok()).sum();
    let truth: u64 = profile.paths().iter().map(|p| p.counts.self_busy + p.counts.self_await).sum();
    assert_eq!(total, truth);
}

#[test]
fn json_tables_equal_the_printed_ones() {
    let dir = Dir::new();
    let a = dir.save("a.json", &shop(100, 50_000));
    let b = dir.save("b.json", &shop(150, 70_000));
    let parsed =
        |args: &[&str]| -> Value { serde_json::from_str(&run(args.iter().copied()).fine()).expect("JSON") };
    let report = parsed(&["report", &a, "--json", "-s", "calls"]);
    let names: Vec<&str> =
        report["functions"].as_array().expect("rows").iter().filter_map(|r| r["name"].as_str()).collect();
    let text = run(["report", &a, "-s", "calls", "--style", "pstats"]).fine();
    let printed: Vec<&str> = (text.lines())
        .filter_map(|line| line.strip_suffix(')')?.rsplit_once('(').map(|(_, name)| name))
        .filter(|name| *name != "function")
        .collect();
    assert_eq!(names, printed);
    assert_eq!(report["functions"][0]["calls"], 103);
    assert!((report["functions"][0]["await_seconds"].as_f64().unwrap_or(0.0) - 0.0005).abs() < 1e-12);
    let callers = parsed(&["callers", &a, "query", "--json"]);
    assert_eq!(callers["functions"][0]["callers"].as_array().map(Vec::len), Some(3));
    let tree = parsed(&["tree", &a, "--json"]);
    assert_eq!(tree["paths"][0]["total_ns"], tree["whole_ns"]);
    let diff = parsed(&["diff", &a, &b, "--json"]);
    assert_eq!(diff["functions"][0]["name"], "query");
    let percent = diff["functions"][0]["calls_change_percent"].as_f64().unwrap_or(0.0);
    assert!((percent - 100.0 * 50.0 / 103.0).abs() < 1e-9, "{percent}");
}

#[test]
fn a_difference_sets_the_exit_status() {
    let dir = Dir::new();
    let a = dir.save("a.json", &shop(100, 50_000));
    let b = dir.save("b.json", &shop(100, 58_000));
    let status = |args: &[&str]| {
        let outcome = run(["diff", a.as_str(), b.as_str()].iter().chain(args));
        (outcome.status, outcome.stderr)
    };
    assert_eq!(status(&[]).0, Some(0));
    assert_eq!(status(&["--fail-over", "17%"]).0, Some(0));
    let (code, message) = status(&["--fail-over", "10"]);
    assert_eq!(code, Some(1));
    assert!(message.contains("query") && message.contains("the limit is 10%"), "{message}");
    assert_eq!(
        status(&["--fail-over", "10%", "-n", "1", "-s", "name"]).0,
        Some(1),
        "limits are of the table"
    );
    assert_eq!(status(&["--fail-over", "10%", "-r", "render"]).0, Some(0));
    assert_eq!(status(&["--fail-over", "0%", "--fail-on", "calls"]).0, Some(0));
    assert_eq!(status(&["--fail-over", "10%", "--fail-min", "1s"]).0, Some(0));
    let back = run(["diff", b.as_str(), a.as_str(), "--fail-over", "1%"]);
    assert_eq!(back.status, Some(0), "faster is no failure: {}", back.stderr);
    run(["diff", &a, &b, "-o", &dir.arg("d.svg")]).fine();
    assert!(fs::read_to_string(dir.path("d.svg")).expect("a file").contains("</svg>"));
}

#[test]
fn every_format_is_written_whole() {
    let dir = Dir::new();
    let profile = dir.save("a.json", &shop(100, 50_000));
    for name in ["x.json", "x.prof", "x.folded", "x.svg", "x.txt", "x.html"] {
        run(["convert", &profile, &dir.arg(name)]).fine();
        assert!(fs::metadata(dir.path(name)).expect("a file").len() > 50, "{name}");
    }
    assert!(dir.names().iter().all(|name| !name.ends_with(".tmp")), "{:?}", dir.names());
    let read = Recording::read(&fs::read(dir.path("x.prof")).expect("a file")).expect("a dump");
    assert_eq!(read.stats().total_calls(), profile_cost_runtime::Stats::new(shop(100, 50_000)).total_calls());
}

#[test]
fn hostile_names_neither_break_lines_nor_reach_the_terminal() {
    let dir = Dir::new();
    for seed in 0..8 {
        let profile: Profile = profile_cost_runtime::testing::generated_profile(seed);
        let file = dir.save("h.json", &profile);
        for command in ["report", "callers", "callees", "tree"] {
            let text = run([command, &file, "--width", "90"]).fine();
            assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{seed} {command}");
            for line in text.lines() {
                assert!(line.chars().count() <= 90, "{seed} {command}: {line}");
            }
            let _: Value = serde_json::from_str(&run([command, &file, "--json"]).fine()).expect("JSON");
        }
        let diff = run(["diff", &file, &file]).fine();
        assert!(!diff.contains(|c: char| c.is_control() && c != '\n'), "{seed}");
    }
}
