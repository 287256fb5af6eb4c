//! What the tests of the exchange formats share: figures worked out from a profile the slow and obvious way, the
//! profiles they try, and the programs of others that judge.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use profile_cost_runtime::testing::{HOSTILE_NAMES, generated_profile};
use profile_cost_runtime::{Counts, HeapCounts, Label, PathId, Profile};

/// A function's index; `None` is what called the outermost calls.
pub type Caller = Option<usize>;

/// One value, added up.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub total: u64,
    /// Functions that have no value are not in it.
    pub own: BTreeMap<usize, u64>,
    /// Each path's value once for every function on it.
    pub cumulative: BTreeMap<usize, u64>,
    /// Each path's value once for every caller and callee on it.
    pub edges: BTreeMap<(Caller, usize), u64>,
}

impl Figures {
    /// From every path, its callers looked up one by one.
    pub fn of(profile: &Profile, value: impl Fn(usize, &Counts) -> u64) -> Self {
        let mut figures = Self::default();
        for (i, path) in profile.paths().iter().enumerate() {
            let value = value(i, &path.counts);
            if value == 0 {
                continue;
            }
            let stack = stack(profile, i);
            figures.total += value;
            *figures.own.entry(stack[0]).or_default() += value;
            for function in stack.iter().copied().collect::<BTreeSet<_>>() {
                *figures.cumulative.entry(function).or_default() += value;
            }
            let callers = stack.iter().copied().skip(1).map(Some).chain([None]);
            for (caller, callee) in callers.zip(stack.iter().copied()).collect::<BTreeSet<_>>() {
                *figures.edges.entry((caller, callee)).or_default() += value;
            }
        }
        figures
    }
}

/// The functions on a path, innermost first.
pub fn stack(profile: &Profile, path: usize) -> Vec<usize> {
    let up = |path: &PathId| profile.path(*path).parent;
    let paths = std::iter::successors(Some(PathId(path as u32)), up);
    paths.map(|path| profile.path(path).function.0 as usize).collect()
}

/// How often each caller called each callee.
pub fn calls(profile: &Profile) -> BTreeMap<(Caller, usize), u64> {
    let mut calls = BTreeMap::new();
    for (i, path) in profile.paths().iter().enumerate() {
        let stack = stack(profile, i);
        *calls.entry((stack.get(1).copied(), stack[0])).or_default() += path.counts.starts;
    }
    calls
}

pub fn wall(counts: &Counts) -> u64 {
    counts.self_busy + counts.self_await
}

/// A name with what to call it in messages.
pub type Case = (String, Profile);

/// Generated ones, and those that are special.
pub fn cases(generated: u64) -> Vec<Case> {
    let mut cases: Vec<Case> =
        (0..generated).map(|seed| (format!("seed {seed}"), generated_profile(seed))).collect();
    cases.push(("hostile".to_owned(), hostile()));
    cases.push(("shop".to_owned(), shop()));
    cases.push(("deep".to_owned(), deep(3000)));
    cases
}

/// All hostile names: as a function's, as a file's, as a thread's.
pub fn hostile() -> Profile {
    let mut profile = Profile::new();
    let mut caller = None;
    for (n, name) in (1..).zip(HOSTILE_NAMES) {
        let counts = Counts { starts: n, returned: n, self_busy: 1000 + n, ..Counts::default() };
        let function = profile.add_function(Label::new("src/a.rs", n as u32, *name));
        let path = profile.add_path(caller, function, &counts);
        let function = profile.add_function(Label::new(*name, 7, "load"));
        profile.add_path(Some(path), function, &counts);
        let part = Counts { starts: 1, returned: 1, self_busy: n, ..Counts::default() };
        profile.add_thread(*name, vec![(path, part)]);
        caller = (n % 5 > 0).then_some(path);
    }
    profile
}

/// What is typical: recursion, a function called from two places, suspension, heap, threads.
pub fn shop() -> Profile {
    let mut profile = Profile::new();
    let mut add =
        |parent: Option<u32>, line, name: &str, [starts, self_busy, self_await, bytes]: [u64; 4]| {
            let function = profile.add_function(Label::new("src/shop.rs", line, name));
            let heap = HeapCounts {
                allocations: bytes / 10,
                allocated_bytes: bytes,
                frees: bytes / 20,
                freed_bytes: bytes / 3,
                samples: 0,
            };
            let counts =
                Counts { starts, returned: starts, self_busy, self_await, heap, ..Counts::default() };
            profile.add_path(parent.map(PathId), function, &counts).0
        };
    let serve = add(None, 3, "serve", [1, 2_000_000, 90_000_000, 100]);
    let load = add(Some(serve), 20, "Orders::load", [10, 5_000_000, 7_000_000, 4000]);
    let query = add(Some(load), 31, "query", [30, 30_000_000, 12_000_000, 777]);
    let again = add(Some(query), 31, "query", [4, 1_000_000, 0, 0]);
    add(Some(again), 31, "query", [2, 400_000, 50, 60]);
    add(Some(again), 44, "Vec<[u8; 4]>::sum(x)", [9, 600_000, 0, 0]);
    let flush = add(None, 60, "flush", [2, 3, 0, 0]);
    add(Some(flush), 31, "query", [1, 2_500_000, 0, 12]);
    let part = |starts, self_busy, allocated_bytes, freed_bytes| Counts {
        starts,
        self_busy,
        heap: HeapCounts { allocations: 3, allocated_bytes, frees: 1, freed_bytes, samples: 0 },
        ..Counts::default()
    };
    profile.add_thread(
        "worker-1",
        vec![(PathId(load), part(4, 1_000_000, 300, 20)), (PathId(query), part(9, 11_000_000, 20, 200))],
    );
    profile.add_thread("worker-2", vec![(PathId(load), part(6, 4_000_000, 1000, 20))]);
    profile.notes.truncated_calls = 12;
    profile.duration = std::time::Duration::from_millis(1500);
    profile
}

/// A chain of so many calls.
pub fn deep(levels: u32) -> Profile {
    let mut profile = Profile::new();
    let functions: Vec<_> =
        (0..7).map(|n| profile.add_function(Label::new("src/deep.rs", n, format!("level{n}")))).collect();
    let mut parent = None;
    for level in 0..levels {
        let counts = Counts {
            starts: 1,
            returned: 1,
            self_busy: 1000,
            self_await: u64::from(level % 3),
            ..Counts::default()
        };
        parent = Some(profile.add_path(parent, functions[level as usize % 7], &counts));
    }
    profile
}

/// Whether to use an outside program: when it can be started. Where it cannot, says so; where the environment demands
/// readers (`PROFILE_COST_REQUIRE_READERS=1`), fails.
#[allow(clippy::print_stdout, reason = "what a test skipped has to be seen")]
pub fn available(what: &str, probe: &mut Command) -> bool {
    let there = probe.output().is_ok_and(|output| output.status.success());
    let demanded = std::env::var_os("PROFILE_COST_REQUIRE_READERS").is_some_and(|value| value == "1");
    assert!(there || !demanded, "{what} is not installed: {probe:?}");
    if !there {
        println!("skipped: {what} is not installed");
    }
    there
}

/// Runs a program that must succeed; what it printed.
pub fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program was there a moment ago");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A file of this test's own.
pub fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder.join(name)
}
