//! For programs.sh: how much of what was live at the peak has a type, and which are the largest.
#![allow(clippy::print_stdout, reason = "what it is for")]

use std::path::PathBuf;
use std::time::Instant;

use profile_cost_runtime::heap::{KeyType, Measure, Snapshot, Statistic, Trace};

/// Functions of a stack that are printed.
const STACK: usize = 14;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, name, dump, binary, show] = &arguments[..] else {
        println!("programs NAME DUMP BINARY STACKS");
        return;
    };
    let mut snapshot = Snapshot::load(dump).expect("a dump of the heap");
    let begun = Instant::now();
    // Named anew, so that rules can be tried on dumps that are there.
    snapshot.name_from(&[PathBuf::from(binary)]).expect("names");
    let named = begun.elapsed();
    let rows = snapshot.statistics_by(KeyType::Type, Measure::Peak, false);
    let total = snapshot.total(Measure::Peak).size;
    let of_total = |bytes: u64| bytes as f64 * 100.0 / total.max(1) as f64;
    let unknown: u64 = rows.iter().filter(|row| is_unknown(row)).map(|row| row.size).sum();
    println!(
        "{name}: {} KiB live at the peak, {:.1} % classified, {} types, {} stacks, named in {:.1} s",
        total / 1024,
        100.0 - of_total(unknown),
        rows.iter().filter(|row| !is_unknown(row)).count(),
        snapshot.traces.len(),
        named.as_secs_f64(),
    );
    let show: usize = show.parse().expect("a number");
    let shown = |row: &Statistic| println!("  {:5.1} %  {:9}  {}", of_total(row.size), row.count, row.key);
    rows.iter().take(show.max(5)).for_each(shown);
    if show == 0 {
        return;
    }
    let type_of =
        |trace: &Trace| trace.type_id.map_or("unknown", |id| snapshot.types[id as usize].as_str()).to_owned();
    for row in rows.iter().take(show).filter(|row| !is_unknown(row)) {
        let of_row = |trace: &&Trace| type_of(trace) == row.key.to_string();
        stacks(&snapshot, snapshot.traces.iter().filter(of_row).collect(), 1);
    }
    stacks(&snapshot, snapshot.traces.iter().filter(|it| it.type_id.is_none()).collect(), show);
}

fn is_unknown(row: &Statistic) -> bool {
    row.key.to_string() == "unknown"
}

/// Prints the first stacks with their inlined functions, the largest first.
fn stacks(snapshot: &Snapshot, mut traces: Vec<&Trace>, count: usize) {
    traces.sort_by_key(|trace| std::cmp::Reverse(trace.counts.peak_bytes));
    for trace in traces.into_iter().take(count) {
        let name = trace.type_id.map_or("unknown", |id| snapshot.types[id as usize].as_str());
        println!(
            "== {name}: {} bytes, {} blocks, the first of {} aligned to {}",
            trace.counts.peak_bytes, trace.counts.peak_blocks, trace.first_size, trace.align
        );
        let sources = trace.frames.iter().flat_map(|id| &snapshot.frames[id.0 as usize].sources);
        // What asks the allocator in all of them tells nothing.
        let told = sources.skip_while(|source| {
            let file = source.file.as_str();
            file.ends_with("tracker.rs")
                || file.ends_with("alloc/src/alloc.rs")
                || source.function.starts_with("__r")
        });
        for source in told.take(STACK) {
            let function: String = source.function.chars().take(150).collect();
            println!("     {function}  [{}:{}]", place(&source.file), source.line);
        }
    }
}

/// A file without the folders that lead to its crate.
fn place(file: &str) -> &str {
    let (_, rest) =
        file.split_once("/library/").or_else(|| file.split_once("/registry/src/")).unwrap_or(("", file));
    rest.split_once(".io-").and_then(|(_, rest)| rest.split_once('/')).map_or(rest, |(_, rest)| rest)
}
