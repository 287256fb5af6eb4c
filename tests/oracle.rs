//! Conformance: the tree, its statistics and their texts against Python's cProfile and pstats.
//!
//! `tests/oracle/oracle.py` made the cases; Python is not needed to run them. `ORACLE_CASES=DIR` runs
//! every `*.json` of DIR instead of the committed ones.

#[path = "oracle/case.rs"]
mod case;
#[path = "oracle/check.rs"]
mod check;
#[path = "oracle/dump.rs"]
mod dump;
#[path = "oracle/naive.rs"]
mod naive;
#[path = "oracle/world.rs"]
mod world;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use case::Case;
use check::Tally;

/// The cases of ORACLE_CASES, or the committed ones.
fn case_files() -> Vec<PathBuf> {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle/cases");
    let dir = std::env::var_os("ORACLE_CASES").unwrap_or_else(|| committed.into());
    let entries = std::fs::read_dir(&dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|ext| ext == "json"));
    files.sort();
    assert!(!files.is_empty(), "no *.json in {}", dir.display());
    files
}

#[test]
fn python_agrees() {
    let files = case_files();
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tally = check::case(&Case::load(file));
            total.lock().unwrap().add(&tally);
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let total = total.into_inner().unwrap();
    total.report(files.len());
    assert!(total.failures.is_empty(), "{} of {} cases differ", total.failures.len(), files.len());
}
