//! `heap`: snapshots of this very program, named from its file.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;

use std::fs;
use std::sync::{Mutex, MutexGuard};

use common::{Dir, run, run_with};
use profile_cost_runtime::heap::{self, Snapshot, Tracker};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// There is one recording a process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

struct Order([u64; 5]);

#[inline(never)]
#[allow(clippy::vec_box, reason = "blocks are what is wanted")]
fn take_orders(n: u64) -> Vec<Box<Order>> {
    let mut orders = Vec::with_capacity(n as usize);
    for i in 0..n {
        orders.push(Box::new(Order([i; 5])));
    }
    orders
}

/// What is live after so many orders were taken. Addresses have no names.
fn orders(n: u64) -> Snapshot {
    let _alone = alone();
    heap::start(25).expect("it can be recorded here");
    let orders = take_orders(n);
    let snapshot = heap::take_snapshot();
    heap::stop();
    assert_eq!(orders[3].0[4], 3);
    snapshot
}

fn this_program() -> String {
    std::env::current_exe().expect("a path").to_str().expect("UTF-8").to_owned()
}

fn save(dir: &Dir, name: &str, snapshot: &Snapshot) -> String {
    snapshot.save(dir.path(name)).expect("saved");
    dir.arg(name)
}

/// As if the program were elsewhere.
fn moved(mut snapshot: Snapshot) -> Snapshot {
    for module in &mut snapshot.modules {
        module.path.insert_str(0, "/no/such/place");
    }
    snapshot
}

const TYPE: &str = "Box<heap::Order>";

#[test]
fn a_raw_snapshot_is_named_and_printed() {
    let dir = Dir::new();
    let file = save(&dir, "a.heap", &orders(1000));
    let report = run(["heap", &file]).fine();
    assert!(report.contains("Live by line") && report.contains("tests/heap.rs:"), "{report}");
    assert!(report.contains(TYPE) && report.contains("heap::take_orders"), "{report}");
    // The line of source.
    assert!(report.contains("Box::new(Order("), "{report}");
    let rows = run(["heap", &file, "--key", "type", "-n", "1"]).fine();
    assert!(rows.starts_with(&format!("{TYPE}: size=39.1 KiB, count=1000, average=40 B\n")), "{rows}");
    let functions = run(["heap", &file, "--key", "function", "--cumulative", "-n", "0"]).fine();
    assert!(functions.contains("take_orders: ") && functions.contains("heap::orders: "), "{functions}");
    let stacks = run(["heap", &file, "--key", "traceback", "-n", "1"]).fine();
    assert!(stacks.contains("\n  File \"") && stacks.contains("tests/heap.rs\", line "), "{stacks}");
    let by_stdin = run_with(common::command().args(["heap", "-"]), &fs::read(&file).expect("a file")).fine();
    assert_eq!(by_stdin, report);
}

#[test]
fn rows_are_of_the_measure_that_is_asked_for() {
    let dir = Dir::new();
    let freed = {
        let _alone = alone();
        heap::start(25).expect("it can be recorded here");
        drop(take_orders(1000));
        let snapshot = heap::take_snapshot();
        heap::stop();
        snapshot
    };
    let file = save(&dir, "freed.heap", &freed);
    let rows = |measure: &str| run(["heap", &file, "--key", "type", "-n", "0", "--measure", measure]).fine();
    assert!(!rows("live").contains(TYPE), "{}", rows("live"));
    for measure in ["peak", "allocated"] {
        let row = format!("{TYPE}: size=39.1 KiB, count=1000, average=40 B\n");
        assert!(rows(measure).contains(&row), "{}", rows(measure));
    }
}

#[test]
fn elsewhere_it_takes_the_binary() {
    let dir = Dir::new();
    let file = save(&dir, "a.heap", &moved(orders(1000)));
    let without = run(["heap", &file]);
    assert!(without.stderr.starts_with("note: ") && without.stderr.contains("give --binary"), "{without:?}");
    assert_eq!(without.stderr.lines().count(), 1, "{without:?}");
    assert!(without.fine().contains("Note: addresses have no names yet."));
    let with = run(["heap", &file, "--binary", &this_program()]);
    assert!(with.stdout.contains(TYPE) && with.stdout.contains("tests/heap.rs:"), "{with:?}");
    // Named once, it needs no binary any more.
    let named = dir.arg("named.heap");
    run(["heap", &file, "--binary", &this_program(), "-o", &named]).fine();
    let again = run(["heap", &named]);
    assert_eq!((again.stdout, again.stderr.as_str()), (with.stdout, ""));
}

#[test]
fn two_snapshots_are_compared() {
    let dir = Dir::new();
    let old = save(&dir, "old.heap", &moved(orders(1000)));
    let new = save(&dir, "new.heap", &moved(orders(1500)));
    let compare = ["heap", &new, "--compare", &old, "--binary", &this_program()];
    let text = run(compare).fine();
    assert!(text.starts_with("Heap growth: ") && text.contains("Growth by type"), "{text}");
    let rows = run(compare.iter().chain(&["--key", "type"])).fine();
    let row = format!("{TYPE}: size=58.6 KiB (+19.5 KiB), count=1500 (+500), average=40 B\n");
    assert!(rows.contains(&row), "{rows}");
    let picture = dir.arg("diff.svg");
    run(compare.iter().chain(&["-o", picture.as_str()])).fine();
    let picture = fs::read_to_string(picture).expect("written");
    assert!(picture.starts_with("<?xml") && picture.contains("take_orders"), "{picture}");
}

#[test]
fn it_is_written_by_extension_or_by_name() {
    let dir = Dir::new();
    let file = save(&dir, "a.heap", &orders(1000));
    for (name, part) in [
        ("a.heap.txt", "Live by line"),
        ("a.json", "take_orders"),
        ("a.folded", ";heap::take_orders"),
        ("a.svg", "live bytes"),
        ("a.dhat.json", "\"dhatFileVersion\""),
        ("named.heap", "\ttake_orders\t"),
    ] {
        assert_eq!(run(["heap", &file, "-o", &dir.arg(name)]).fine(), "");
        let text = fs::read_to_string(dir.path(name)).expect("written");
        assert!(text.contains(part), "{name}: {text}");
    }
    run(["heap", &file, "-o", &dir.arg("a.pb.gz")]).fine();
    assert!(fs::read(dir.path("a.pb.gz")).expect("written").starts_with(&[0x1f, 0x8b]));
    let folded = run(["heap", &file, "--to", "folded", "--measure", "allocated"]).fine();
    assert!(folded.contains(";heap::take_orders"), "{folded}");
}

#[test]
fn errors_are_one_line_with_the_remedy() {
    let dir = Dir::new();
    let file = save(&dir, "a.heap", &moved(orders(100)));
    let profile = dir.save("a.json", &common::shop(1, 1));
    fs::write(dir.path("cut.heap"), &fs::read(&file).expect("a file")[..400]).expect("written");
    let later = fs::read_to_string(&file).expect("a file").replacen("heap 1", "heap 9", 1);
    fs::write(dir.path("later.heap"), later).expect("written");
    let at = |name: &str| dir.arg(name);
    let other = env!("CARGO_BIN_EXE_cargo-profile-cost").to_owned();
    let with = |rest: &[&str]| {
        let all = ["heap", &file].into_iter().chain(rest.iter().copied());
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    for (args, part) in [
        (vec!["heap".to_owned(), at("none.heap")], "none.heap: no such file; check the name"),
        (vec!["heap".into(), at("")], "is a directory"),
        (vec!["heap".into(), profile.clone()], "a.json: line 1: not a heap snapshot"),
        (vec!["heap".into(), at("cut.heap")], "copy it again, whole"),
        (vec!["heap".into(), at("later.heap")], "of version \"9\""),
        (with(&["--binary", &at("none")]), "none: no such file; check the name"),
        (with(&["--binary", &profile]), "a.json: not an ELF file"),
        (with(&["--binary", "/dev/null"]), "/dev/null: not a file"),
        (with(&["--binary", &other]), "give the very build that was recorded"),
        (with(&["--key", "colour"]), "use one of lineno"),
        (with(&["--cumulative"]), "--key"),
        (with(&["--key", "type", "-o", &at("a.svg")]), "write a .txt"),
        (with(&["--compare", &file, "-o", &at("b.json")]), "a difference is .txt or .svg"),
        (with(&["-o", &at("a.docx")]), ".heap"),
        (with(&["--to", "docx"]), "folded"),
        (vec!["heap".into(), "-".into(), "--compare".into(), "-".into()], "stdin can be read only once"),
        (vec!["report".into(), file.clone()], "read it with `cargo profile-cost heap`"),
    ] {
        let error = run(&args).error();
        assert!(error.contains(part), "{args:?}: {error}");
    }
    assert_eq!(dir.names(), ["a.heap", "a.json", "cut.heap", "later.heap"], "nothing was written");
}
