//! Dumps that real Pythons wrote, read back: figures to the last bit, and reports as the same Python prints them.
//!
//! `tests/readers/write_dumps.py` writes them: those of tests/dumps without any Python being there, and those of
//! every Python that is. `BLESS=1` writes tests/dumps anew.
#![cfg(feature = "read")]
#![allow(clippy::print_stdout, reason = "what was compared, and what was skipped")]

mod printing;
mod readers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use profile_cost_runtime::{Label, Recording, Stats};
use serde_json::Value;

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dumps")
}

#[test]
fn committed_dumps_read_as_python_reads_them() {
    let mut tally = Tally::default();
    for version in ["2.7", "3.6", "3.13"] {
        compare(&committed().join(version), &mut tally);
    }
    tally.report("committed dumps");
}

#[test]
fn the_report_for_people_shows_what_a_dump_holds_and_no_more() {
    let report = |file: &str| {
        let bytes = fs::read(committed().join(file)).expect("the dump");
        let mut stats = Stats::read_dump(&bytes).expect("statistics");
        let mut out = Vec::new();
        stats.print_stats(&mut out, ()).expect("a Vec takes every write");
        stats.print_callers(&mut out, "fib").expect("a Vec takes every write");
        String::from_utf8(out).expect("text")
    };
    for file in ["3.13/cProfile.prof", "3.13/profile.prof", "2.7/cProfile.prof"] {
        let text = report(file);
        let titles = text.lines().find(|line| line.trim_end().ends_with("function")).expect("titles");
        let titles: Vec<&str> = titles.split_whitespace().collect();
        assert_eq!(titles, ["calls", "self", "cumulative", "per", "call", "function"], "{text}");
        assert!(text.contains("functions, in the order of the dump"), "{text}");
        for unknown in ["thread", "wall time", "note:", "first call", "elapsed"] {
            assert!(!text.contains(unknown), "{unknown}: {text}");
        }
    }
    // 40 calls by itself, of which neither own nor cumulative time is known.
    let text = report("3.13/profile.prof");
    let edge = text.lines().find(|line| line.contains("<- fib")).expect("fib calls itself");
    assert_eq!(edge.split_whitespace().take(3).collect::<Vec<_>>(), ["40", "-", "-"], "{text}");
}

#[test]
fn dumps_of_every_installed_python_read_as_it_reads_them() {
    let pythons = readers::pythons();
    if pythons.is_empty() {
        return readers::skipped("Python");
    }
    let bless = std::env::var_os("BLESS").is_some();
    for (version, python) in pythons {
        let dir = std::env::temp_dir().join(format!("profile-cost-dumps-{}-{version}", std::process::id()));
        write_dumps(&python, &dir, None);
        let mut tally = Tally::default();
        compare(&dir, &mut tally);
        tally.report(&format!("Python {version}"));
        fs::remove_dir_all(&dir).expect("the directory just made");
        let committed = committed().join(&version);
        if bless && committed.is_dir() {
            write_dumps(&python, &committed, Some("few"));
        }
    }
}

fn write_dumps(python: &Path, dir: &Path, few: Option<&str>) {
    fs::create_dir_all(dir).expect("a directory for the dumps");
    let script = readers::script("write_dumps.py");
    let output =
        Command::new(python).arg("-B").arg(script).arg(dir).args(few).output().expect("Python starts");
    assert!(output.status.success(), "{}: {}", python.display(), String::from_utf8_lossy(&output.stderr));
}

#[derive(Default)]
struct Tally {
    dumps: usize,
    functions: usize,
    reports: usize,
    rewritten: usize,
}

impl Tally {
    fn report(&self, what: &str) {
        let Self { dumps, functions, reports, rewritten } = self;
        println!(
            "{what}: {dumps} dumps, {functions} functions, {reports} reports compared; {rewritten} dumps of version 2 \
             written again byte for byte"
        );
        assert!(*dumps > 0, "{what}: no dump was compared");
    }
}

/// Every dump of a directory against what Python says of it.
fn compare(dir: &Path, tally: &mut Tally) {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "prof"));
    paths.sort();
    for path in paths {
        let bytes = fs::read(&path).expect("the dump");
        let json = fs::read(path.with_extension("json")).expect("what Python says");
        let case: Value = serde_json::from_slice(&json).expect("JSON");
        let name = path.display().to_string();
        let stats = match Recording::read(&bytes) {
            Ok(Recording::Stats(stats)) => stats,
            other => panic!("{name}: {other:?}"),
        };
        // Python 2's dicts have no order.
        let python2 = case["python"].as_str().is_some_and(|python| python.starts_with('2'));
        let rows = |mut table: Value| {
            if python2 {
                let functions = table.as_array_mut().expect("a table");
                for callers in functions.iter_mut().filter_map(|function| function[1][4].as_array_mut()) {
                    callers.sort_by_key(Value::to_string);
                }
                functions.sort_by_key(Value::to_string);
            }
            table
        };
        assert_eq!(rows(figures(&stats)), rows(case["stats"].clone()), "{name}");
        let totals = (stats.total_calls(), stats.prim_calls(), stats.total_tt());
        let wanted = &case["totals"];
        let wanted = (wanted[0].as_u64(), wanted[1].as_u64(), wanted[2].as_u64().map(f64::from_bits));
        assert_eq!((Some(totals.0), Some(totals.1)), (wanted.0, wanted.1), "{name}");
        let sum = wanted.2.expect("seconds");
        assert!(totals.2 == sum || python2 && (totals.2 - sum).abs() < 1e-9, "{name}: {totals:?}, {sum}");
        for report in case["reports"].as_array().expect("reports") {
            let (mut have, want) =
                (printing::printed(&stats, report), report["text"].as_str().expect("text"));
            // Python 2's `print` leaves out a space at the end of a line.
            if python2 {
                have = have.replace(" \n", "\n");
            }
            assert_eq!(have, want, "{name}: {report:#}");
            tally.reports += 1;
        }
        if case["version2"] == true && !name.contains("names") {
            let mut again = Vec::new();
            stats.write_dump(&mut again).expect("a Vec takes every write");
            assert!(again == bytes, "{name}: written again it differs");
            tally.rewritten += 1;
        }
        tally.dumps += 1;
        tally.functions += case["stats"].as_array().map_or(0, Vec::len);
    }
}

/// The statistics as `write_dumps.py` has them.
fn figures(stats: &Stats) -> Value {
    let label = |label: &Label| {
        Value::from(vec![
            Value::from(label.file.as_str()),
            Value::from(label.line),
            Value::from(label.name.as_str()),
        ])
    };
    let row = |a: u64, b: u64, tt: f64, ct: f64| {
        vec![Value::from(a), Value::from(b), Value::from(tt.to_bits()), Value::from(ct.to_bits())]
    };
    let functions = stats.functions().map(|(function, f)| {
        let callers = stats.callers(function).into_iter().map(|(caller, e)| {
            let edge = if e.calls_only {
                Value::from(e.calls)
            } else {
                Value::from(row(e.calls, e.primitive_calls, e.tottime, e.cumtime))
            };
            Value::from(vec![label(caller), edge])
        });
        let mut figures = row(f.primitive_calls, f.calls, f.tottime, f.cumtime);
        figures.push(callers.collect());
        Value::from(vec![label(function), Value::from(figures)])
    });
    functions.collect()
}
