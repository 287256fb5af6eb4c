//! Heap snapshots as `go tool pprof` reads them: sums, stacks, inlined lines, labels; and addresses without names, which
//! it has to find in the program by itself.
#![cfg(all(feature = "heap", feature = "pprof"))]

mod judges;
#[path = "snapshots/mod.rs"]
mod snapshots;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use judges::{available, run, scratch};
use profile_cost_runtime::heap::{Mode, Snapshot, Trace, Tracker};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

fn go() -> bool {
    available("go tool pprof (Debian's golang-go)", Command::new("go").args(["tool", "-n", "pprof"]))
}

fn saved(snapshot: &Snapshot, case: &str) -> PathBuf {
    let file = scratch(&format!("heap-{}.pb.gz", case.replace(' ', "-")));
    snapshot.save(&file).unwrap();
    file
}

/// What pprof prints of the file. No program is looked for but those named.
fn pprof(arguments: &[&str], file: &Path) -> String {
    let folder = file.parent().unwrap();
    let mut command = Command::new("go");
    command.args(["tool", "pprof"]).args(arguments).arg(file).env("PPROF_TMPDIR", folder);
    run(command.env("PPROF_BINARY_PATH", folder))
}

/// The four values of a trace.
fn values(trace: &Trace) -> [u64; 4] {
    let counts = &trace.counts;
    let live = [counts.allocations - counts.frees, counts.allocated_bytes - counts.freed_bytes];
    [counts.allocations, counts.allocated_bytes, live[0], live[1]]
}

/// A sample as `-raw` prints it: values, locations, labels.
type Sample = ([u64; 4], Vec<u64>, Vec<String>);

struct Raw {
    head: Vec<String>,
    samples: Vec<Sample>,
    /// Each location's lines, innermost first: `name file:line`.
    locations: BTreeMap<u64, Vec<String>>,
    mappings: Vec<String>,
}

fn raw(file: &Path) -> Raw {
    let text = pprof(&["-raw", "-symbolize=none"], file);
    let (head, rest) = text.split_once("Samples:\n").expect("samples");
    let (kinds, rest) = rest.split_once('\n').expect("types");
    let kinds = kinds.split_whitespace().collect::<Vec<_>>();
    let go = ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes[dflt]"];
    assert_eq!(kinds, go);
    let (samples, rest) = rest.split_once("Locations\n").expect("locations");
    let (locations, mappings) = rest.split_once("Mappings\n").expect("mappings");
    let mut raw = Raw {
        head: head.lines().map(str::to_owned).collect(),
        samples: Vec::new(),
        locations: BTreeMap::new(),
        mappings: mappings.lines().map(str::to_owned).collect(),
    };
    for line in samples.lines() {
        if line.starts_with("                ") && line.contains(":[") {
            raw.samples
                .last_mut()
                .unwrap()
                .2
                .extend(line.trim().split("] ").map(|label| label.trim_end_matches(']').to_owned()));
            continue;
        }
        let (values, stack) = line.split_once(": ").expect(line);
        let values: Vec<u64> = values.split_whitespace().map(|value| value.parse().unwrap()).collect();
        let stack = stack.split_whitespace().map(|id| id.parse().unwrap()).collect();
        raw.samples.push((values.try_into().unwrap(), stack, Vec::new()));
    }
    let mut at = 0;
    for line in locations.lines() {
        if let Some((id, place)) = line.trim_start().split_once(": 0x") {
            at = id.parse().unwrap();
            let place = place.split_once(' ').map_or("", |(_, place)| place);
            raw.locations.entry(at).or_default().push(place.to_owned());
        } else {
            raw.locations.get_mut(&at).unwrap().push(line.trim().to_owned());
        }
    }
    raw
}

#[test]
fn a_service_as_pprof_reads_it() {
    if !go() {
        return;
    }
    let snapshot = snapshots::service();
    let file = saved(&snapshot, "service");
    let raw = raw(&file);
    assert!(raw.head.contains(&"PeriodType: space bytes".to_owned()), "{:?}", raw.head);
    assert!(raw.head.contains(&"Period: 1".to_owned()), "{:?}", raw.head);
    assert!(
        raw.head.iter().any(|line| line.contains("recorded by profile-cost as exact:25")),
        "{:?}",
        raw.head
    );
    assert!(
        raw.head.iter().any(|line| line.contains("Frees of 17 blocks from before the recording")),
        "{:?}",
        raw.head
    );
    assert!(raw.mappings[0].contains("/srv/bin/app 0123456789abcdef [FN][FL][LN][IN]"), "{:?}", raw.mappings);

    for (trace, (values_, stack, labels)) in snapshot.traces.iter().zip(&raw.samples) {
        assert_eq!(*values_, values(trace));
        assert!(labels.iter().any(|label| label.starts_with("bytes:[")), "{labels:?}");
        // Inlined functions are lines of one location.
        if !trace.frames.is_empty() {
            assert_eq!(stack.len(), trace.frames.len());
        }
    }
    let (_, stack, labels) = &raw.samples[0];
    assert!(labels.iter().any(|label| label == "bytes:[1048576"), "{labels:?}");
    assert!(labels.iter().any(|label| label == "type:[HashMap<u64, app::cache::Entry>"), "{labels:?}");
    assert!(labels.iter().any(|label| label == "path:[handle > Cache::remember"), "{labels:?}");
    let lines = &raw.locations[&stack[0]];
    assert!(lines[0].contains("<std::collections::HashMap<K,V,S>>::insert"), "{lines:?}");
    assert!(lines[1].starts_with("app::cache::remember src/cache.rs:41"), "{lines:?}");
    assert_eq!(lines.len(), 2);
}

/// Bytes or blocks that `-top` lists: flat and cumulative of each name.
fn top(file: &Path, index: &str) -> BTreeMap<String, (u64, u64)> {
    let index = format!("-sample_index={index}");
    let text = pprof(&["-top", "-trim=false", "-unit=B", &index], file);
    let rows = text.lines().skip_while(|line| !line.trim_start().starts_with("flat")).skip(1);
    rows.map(|row| {
        let tokens: Vec<&str> = row.split_whitespace().collect();
        let value = |token: &str| token.trim_end_matches('B').parse::<u64>().unwrap();
        (tokens[5..].join(" "), (value(tokens[0]), value(tokens[3])))
    })
    .collect()
}

#[test]
fn what_pprof_adds_up_is_what_there_was() {
    if !go() {
        return;
    }
    let file = saved(&snapshots::service(), "top");
    let all: u64 = snapshots::service().traces.iter().map(|trace| values(trace)[3]).sum();
    let live = top(&file, "inuse_space");
    let cache = 300 * 640 * 1024;
    // The innermost line, inlined into the second.
    assert_eq!(live["<std::collections::HashMap<K,V,S>>::insert (inline)"], (cache, cache));
    assert_eq!(live["app::cache::remember"], (0, cache));
    // What has no stack is under its call path alone; that which came from a library is under no `main`.
    assert_eq!(live["app::main"], (0, all - 900 * 1300 - 5 * 64));
    assert_eq!(live["Orders::load"], (5 * 64, 5 * 64));
    assert_eq!(top(&file, "inuse_objects")["app::cache::remember"], (0, 300));
    assert_eq!(top(&file, "alloc_space")["app::input::read_whole"], (0, (25 * 48) << 20));
    assert_eq!(top(&file, "alloc_objects")["app::orders::parse"], (0, 90_012 + 703));
}

#[test]
fn sums_are_kept_whatever_the_names() {
    if !go() {
        return;
    }
    let sum = |values: &mut dyn Iterator<Item = [u64; 4]>| {
        values.fold([0; 4], |sum, values| std::array::from_fn(|i| sum[i] + values[i]))
    };
    for (case, snapshot) in snapshots::all() {
        let raw = raw(&saved(&snapshot, &case));
        let have = sum(&mut raw.samples.iter().map(|(values, ..)| *values));
        assert_eq!(have, sum(&mut snapshot.traces.iter().map(values)), "{case}");
        let period = if let Mode::Sample { rate } = snapshot.mode { rate } else { 1 };
        assert!(raw.head.contains(&format!("Period: {period}")), "{case}: {:?}", raw.head);
        // No name has become a line of its own: each location's lines are those of its frame.
        let most = snapshot.frames.iter().map(|frame| frame.sources.len()).max().unwrap_or(0).max(1);
        assert!(raw.locations.values().all(|lines| lines.len() <= most), "{case}");
    }
}

#[inline(never)]
fn keep_in_a_function_to_be_found() -> Vec<Vec<u8>> {
    // Not the last thing that it does: a tail call would leave no frame of it.
    std::hint::black_box((0..100).map(|_| vec![7; 4000]).collect())
}

/// The addresses alone, and the program that they are in: pprof finds the names, so that what it is told of where the
/// program was loaded must be right.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[test]
fn pprof_names_a_snapshot_that_has_no_names() {
    if !go() || !available("addr2line (binutils)", Command::new("addr2line").arg("--version")) {
        return;
    }
    profile_cost_runtime::heap::start(25).unwrap();
    let kept = keep_in_a_function_to_be_found();
    let snapshot = profile_cost_runtime::heap::take_snapshot();
    profile_cost_runtime::heap::stop();
    assert!(!snapshot.named && kept.len() == 100);
    let file = saved(&snapshot, "unnamed program");
    let text = {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("go");
        command.args([
            "tool",
            "pprof",
            "-top",
            "-cum",
            "-trim=false",
            "-unit=B",
            "-sample_index=inuse_space",
        ]);
        run(command.arg(program).arg(&file).env("PPROF_TMPDIR", file.parent().unwrap()))
    };
    let row = text
        .lines()
        .find(|line| line.contains("keep_in_a_function_to_be_found"))
        .unwrap_or_else(|| panic!("{text}"));
    let cumulative = row.split_whitespace().nth(3).unwrap().trim_end_matches('B').parse::<u64>().unwrap();
    assert_eq!(cumulative, 100 * (4000 + size_of::<Vec<u8>>() as u64), "{text}");
}
