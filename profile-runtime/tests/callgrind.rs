//! Callgrind files against the profile they were made from, as callgrind_annotate and gprof2dot read them.

mod judges;

use std::collections::BTreeMap;
use std::process::Command;

use judges::{Caller, Figures, available, calls, cases, run, scratch, wall};
use profile_cost_runtime::{Counts, Profile};

fn text(profile: &Profile) -> String {
    let mut out = Vec::new();
    profile.write_callgrind(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// `file:function` and function of each index, as the file defines them.
fn names(text: &str) -> (BTreeMap<String, Caller>, BTreeMap<String, Caller>) {
    let (mut files, mut with_file, mut alone) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut file = String::new();
    for line in text.lines() {
        let Some((key, rest)) = line.split_once("=(") else { continue };
        let (id, name) = rest.split_once(')').unwrap();
        let name = name.trim_start_matches(' ');
        match key {
            "fl" | "cfi" => file = files.entry(id.to_owned()).or_insert_with(|| name.to_owned()).clone(),
            "fn" | "cfn" if !name.is_empty() => {
                let index = id.parse::<usize>().unwrap().checked_sub(2);
                assert!(with_file.insert(format!("{file}:{name}"), index).is_none(), "{name} twice");
                assert!(alone.insert(name.to_owned(), index).is_none(), "{name} twice");
            }
            _ => {}
        }
    }
    (with_file, alone)
}

/// Per caller and callee: calls and inclusive costs of the profile's three times and heap. What has a cost without a call
/// counts as one call.
fn expected(profile: &Profile) -> BTreeMap<(Caller, usize), (u64, Vec<u64>)> {
    let with_heap = profile.paths().iter().any(|path| path.counts.heap != Default::default());
    let columns: [fn(&Counts) -> u64; 7] = [
        wall,
        |counts| counts.self_busy,
        |counts| counts.self_await,
        |counts| counts.heap.allocations,
        |counts| counts.heap.allocated_bytes,
        |counts| counts.heap.live_blocks(),
        |counts| counts.heap.live_bytes(),
    ];
    let columns = &columns[..if with_heap { 7 } else { 3 }];
    let figures: Vec<Figures> =
        columns.iter().map(|value| Figures::of(profile, |_, counts| value(counts))).collect();
    (calls(profile).into_iter())
        .map(|(edge, calls)| {
            let costs = figures.iter().map(|f| f.edges.get(&edge).copied().unwrap_or(0));
            (edge, (calls.max(1), calls, costs.collect::<Vec<u64>>()))
        })
        .filter(|(_, (_, calls, costs))| *calls > 0 || costs.iter().any(|&cost| cost > 0))
        .map(|(edge, (calls, _, costs))| (edge, (calls, costs)))
        .collect()
}

#[test]
fn callgrind_annotate_reads_every_edge() {
    if !available(
        "callgrind_annotate (valgrind)",
        Command::new("sh").args(["-c", "command -v callgrind_annotate"]),
    ) {
        return;
    }
    for (case, profile) in cases(24) {
        let file = scratch(&format!("callgrind-{}.callgrind", case.replace(' ', "-")));
        profile.save(&file).unwrap();
        let (functions, _) = names(&text(&profile));
        let output = Command::new("callgrind_annotate")
            .args(["--tree=both", "--inclusive=yes", "--threshold=100", "--show-percs=no", "--auto=no"])
            .arg(&file)
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && complaints.is_empty(), "{case}: {complaints}");
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();

        let (mut above, mut below, mut of_callers) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut current = None;
        let mut totals = None;
        for line in printed.lines() {
            let mut rest = line.trim_start();
            let mut costs = Vec::new();
            while let Some((number, after)) = rest.split_once(' ') {
                let Ok(number) = number.replace(',', "").parse::<u64>() else { break };
                costs.push(number);
                rest = after.trim_start();
            }
            if costs.is_empty() {
                continue;
            }
            let edge = |rest: &str| {
                let rest = rest.strip_suffix(" []").unwrap_or(rest);
                let (name, calls) = rest.rsplit_once(" (").unwrap();
                let calls: u64 = calls.trim_end_matches("x)").replace(',', "").parse().unwrap();
                (*functions.get(name).unwrap_or_else(|| panic!("{case}: {name}")), calls)
            };
            if rest == "PROGRAM TOTALS" {
                totals = Some(costs);
            } else if let Some(name) = rest.strip_prefix("*  ") {
                current = Some(functions[name.strip_suffix(" []").unwrap_or(name)]);
                for (caller, value) in of_callers.drain(..) {
                    above.insert((caller, current.unwrap().expect("nobody calls the root")), value);
                }
            } else if let Some(rest) = rest.strip_prefix("< ") {
                let (caller, calls) = edge(rest);
                of_callers.push((caller, (calls, costs)));
            } else if let Some(rest) = rest.strip_prefix(">   ") {
                let (callee, calls) = edge(rest);
                below.insert(
                    (current.expect("a function before its callees"), callee.unwrap()),
                    (calls, costs),
                );
            }
        }
        let expected = expected(&profile);
        assert_eq!(above, expected, "{case}: callers");
        assert_eq!(below, expected, "{case}: callees");
        let total = totals.expect("totals");
        assert_eq!(total[0], Figures::of(&profile, |_, counts| wall(counts)).total, "{case}");
    }
}

/// gprof2dot's own parser: own cost by function, calls and cost by edge.
const SCRIPT: &str = "
import json, sys, gprof2dot
for path in sys.argv[1:]:
    parser = gprof2dot.CallgrindParser(open(path, encoding='utf-8', newline='\\n'))
    functions = parser.parse().functions
    print(json.dumps([[f.name, f[gprof2dot.SAMPLES],
        [[functions[c.callee_id].name, c[gprof2dot.CALLS], c[gprof2dot.SAMPLES2]] for c in f.calls.values()]]
        for f in functions.values()]))
";

#[cfg(feature = "read")]
#[test]
fn gprof2dot_reads_the_same() {
    let python = std::env::var("PROFILE_COST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !available("gprof2dot", Command::new(&python).args(["-c", "import gprof2dot"])) {
        return;
    }
    let cases = cases(24);
    let files: Vec<_> = (cases.iter())
        .map(|(case, profile)| {
            let file = scratch(&format!("gprof2dot-{}.callgrind", case.replace(' ', "-")));
            profile.save(&file).unwrap();
            file
        })
        .collect();
    let printed = run(Command::new(&python).args(["-c", SCRIPT]).args(files));
    for ((case, profile), line) in cases.iter().zip(printed.lines()) {
        type Row = (String, f64, Vec<(String, f64, f64)>);
        let rows: Vec<Row> = serde_json::from_str(line).unwrap();
        let (_, functions) = names(&text(profile));
        let mut own = BTreeMap::new();
        let mut edges = BTreeMap::new();
        for (name, cost, callees) in &rows {
            let caller = functions[name];
            if *cost > 0.0 {
                own.insert(caller.expect("the root costs nothing"), *cost as u64);
            }
            for (callee, calls, cost) in callees {
                edges.insert((caller, functions[callee].unwrap()), (*calls as u64, *cost as u64));
            }
        }
        assert_eq!(own, Figures::of(profile, |_, counts| wall(counts)).own, "{case}");
        let expected: BTreeMap<_, _> =
            expected(profile).into_iter().map(|(edge, (calls, costs))| (edge, (calls, costs[0]))).collect();
        assert_eq!(edges, expected, "{case}");
    }
    assert_eq!(printed.lines().count(), cases.len());
}

#[test]
fn what_was_lost_is_in_the_header() {
    let note = "desc: Note: calls counted as [truncated], because the cap on paths was reached: 12\n";
    assert!(text(&judges::shop()).contains(note));
}
