//! Snapshots named by a child of the process: names, what the parent pays for them, and children that misbehave.
#![cfg(all(feature = "symbols", target_os = "linux", target_arch = "x86_64"))]

use std::fs;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use profile_cost_runtime::FlamegraphOptions;
use profile_cost_runtime::heap::{self, Format, KeyType, ReportOptions, Snapshot, StackOptions, Tracker};
use profile_cost_runtime::testing::name_by_child;

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// What some programs do before their `main`; no child may get there.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    if std::env::var_os("PROFILE_COST_HEAP_CHILD").is_some() {
        std::process::abort();
    }
}

/// Children and memory are the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

struct Order([u64; 5]);

#[inline(never)]
fn take_orders(n: u64) -> Vec<Order> {
    let mut orders = Vec::new();
    (0..n).for_each(|i| orders.push(Order([i; 5])));
    orders
}

/// What is live after a thousand orders were taken.
fn orders() -> Snapshot {
    orders_of(1000)
}

fn orders_of(n: u64) -> Snapshot {
    heap::start(25).expect("it can be recorded here");
    let orders = take_orders(n);
    let names: Vec<String> = (0..100).map(|i| format!("order {i}")).collect();
    let snapshot = heap::take_snapshot();
    heap::stop();
    assert!(orders[10].0[4] == 10 && names.len() == 100);
    snapshot
}

fn has(snapshot: &Snapshot, function: &str) -> bool {
    let sources = snapshot.frames.iter().flat_map(|frame| &frame.sources);
    sources.filter(|it| it.function == function && it.file.ends_with("tests/heap_child.rs")).count() > 0
}

/// Those of this process, zombies among them, that are known by their name.
fn children() -> Vec<PathBuf> {
    let is_child = |process: &PathBuf| {
        let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|fields| fields.split(' ').nth(1)?.parse().ok());
        parent == Some(std::process::id())
    };
    let processes = fs::read_dir("/proc").expect("processes").map(|entry| entry.expect("an entry").path());
    processes.filter(is_child).collect()
}

fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    1024 * line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
}

#[test]
fn the_child_names_what_this_process_would_and_takes_the_memory() {
    let _alone = alone();
    let snapshot = orders();
    let mut by_child = snapshot.clone();
    let before = status("VmRSS");
    fs::write("/proc/self/clear_refs", "5").expect("the highest mark is set back");
    by_child.name().expect("named");
    let highest = status("VmHWM");
    assert!(by_child.named && has(&by_child, "take_orders"), "{by_child:?}");
    let grown = highest.saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
    let ours = |name: &String| name.contains("Order");
    assert!(by_child.types.iter().any(ours), "{:?}", by_child.types);
    let mut here = snapshot;
    here.name_here().expect("named");
    assert_eq!(here, by_child);
    assert_eq!(children(), Vec::<PathBuf>::new());
}

#[test]
fn the_child_writes_what_this_process_would() {
    let _alone = alone();
    let snapshot = orders();
    let mut here = snapshot.clone();
    here.name_here().expect("named");
    for name in ["text", "json", "folded", "svg", "pprof", "dhat"] {
        let format: Format = name.parse().expect(name);
        let (mut expected, mut written) = (Vec::new(), Vec::new());
        here.write(format, &mut expected).expect(name);
        snapshot.in_child(name, &mut written).expect(name);
        assert!(!written.is_empty() && written == expected, "{name}: {}", String::from_utf8_lossy(&written));
    }
    let (mut dump, mut rows) = (Vec::new(), Vec::new());
    snapshot.in_child("dump", &mut dump).expect("a dump");
    assert_eq!(Snapshot::read_dump(&mut &*dump).expect("read back"), here);
    snapshot.in_child("function cumulative 7", &mut rows).expect("rows");
    let mut expected = Vec::new();
    here.write_statistics(&mut expected, KeyType::Function, true, 7).expect("rows");
    assert!(rows == expected && rows.split(|byte| *byte == b'\n').count() > 7);
    let error = snapshot.in_child("docx", &mut Vec::new()).expect_err("no such format");
    assert!(error.to_string().starts_with("docx: ") && error.to_string().contains("folded"), "{error}");
    assert_eq!(children(), Vec::<PathBuf>::new());
}

#[test]
fn the_child_compares_what_this_process_would() {
    let _alone = alone();
    let (old, new) = (orders(), orders_of(3000));
    let named = |snapshot: &Snapshot| {
        let mut named = snapshot.clone();
        named.name_here().expect("named");
        named
    };
    let (old_here, new_here) = (named(&old), named(&new));
    let mut written = [Vec::new(), Vec::new(), Vec::new()];
    let mut expected = written.clone();
    new.compare_in_child(&old, "type 3", &mut written[0]).expect("rows");
    new.compare_in_child(&old, "text", &mut written[1]).expect("a text");
    new.compare_in_child(&old, "svg", &mut written[2]).expect("a picture");
    new_here.write_comparison(&old_here, &mut expected[0], KeyType::Type, false, 3).expect("rows");
    new_here.write_growth(&old_here, &mut expected[1], &ReportOptions::default()).expect("a text");
    let (stacks, look) = (StackOptions::default(), FlamegraphOptions::default());
    new_here.write_diff_flamegraph(&old_here, &mut expected[2], stacks, &look).expect("a picture");
    assert!(written == expected);
    assert!(written[0].starts_with(b"Vec<heap_child::Order>: "), "{}", String::from_utf8_lossy(&written[0]));
    let error = new.compare_in_child(&old, "json", &mut Vec::new()).expect_err("no such difference");
    assert!(error.to_string().starts_with("json: ") && error.to_string().contains("svg"), "{error}");
    let error = new.in_child("type\n3", &mut Vec::new()).expect_err("two lines");
    assert!(error.to_string().contains("one short line"), "{error}");
}

#[test]
fn a_child_that_misbehaves_is_an_error_and_gone() {
    let _alone = alone();
    let small = orders();
    // More than a socket holds.
    let mut large = small.clone();
    (0..10).for_each(|_| large.traces.extend_from_within(..));
    for (snapshot, behaviour, limit, kind) in [
        (&small, "hang", 300, io::ErrorKind::TimedOut),
        (&large, "hang", 300, io::ErrorKind::TimedOut),
        (&large, "deaf", 300, io::ErrorKind::TimedOut),
        (&small, "die", 60_000, io::ErrorKind::BrokenPipe),
        (&large, "die", 60_000, io::ErrorKind::BrokenPipe),
        (&small, "panic", 60_000, io::ErrorKind::BrokenPipe),
        (&small, "half", 60_000, io::ErrorKind::BrokenPipe),
        (&small, "babble", 60_000, io::ErrorKind::InvalidData),
        (&small, "1", 0, io::ErrorKind::TimedOut),
    ] {
        let mut named = snapshot.clone();
        let error = name_by_child(&mut named, behaviour, Duration::from_millis(limit)).expect_err(behaviour);
        assert_eq!(error.kind(), kind, "{behaviour}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
        assert!(named == *snapshot, "{behaviour}");
        assert_eq!(children(), Vec::<PathBuf>::new(), "{behaviour}");
    }
}

/// In a service that is asked to record and report, and that has a file open which is not closed in its children.
#[test]
fn the_child_is_the_first_to_go_and_holds_nothing_of_the_service() {
    let _alone = alone();
    let output = Command::new("sh")
        .args(["-c", "exec 9</dev/null; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().expect("a path"))
        .args(["--exact", "the_service", "--ignored", "--nocapture"])
        .env("PROFILE_COST", "cumulative")
        .env("PROFILE_COST_HEAP", "exact:10")
        .output()
        .expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "is run by the test above"]
fn the_service() {
    assert!(fs::exists("/proc/self/fd/9").expect("files"));
    let mut snapshot = orders();
    let asked = std::thread::spawn(move || name_by_child(&mut snapshot, "hang", Duration::from_secs(2)));
    let open = |child: &Path| {
        let entries = fs::read_dir(child.join("fd")).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    // While it begins there is more.
    let (mut score, mut files, mut variables, mut name) = Default::default();
    while !asked.is_finished() && (score, &files) != (Some(1000), &vec!["0".into(), "1".into(), "2".into()]) {
        let Some(child) = children().pop() else { continue };
        score = fs::read_to_string(child.join("oom_score_adj")).ok().and_then(|it| it.trim().parse().ok());
        files = open(&child);
        variables = fs::read_to_string(child.join("environ")).unwrap_or_default();
        name = fs::read_to_string(child.join("cmdline")).unwrap_or_default();
    }
    let error = asked.join().expect("no panic").expect_err("it hangs");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert_eq!(score, Some(1000));
    assert_eq!(files, ["0", "1", "2"]);
    assert_eq!(name, "profile-cost heap child\0");
    let ours: Vec<_> = variables.split('\0').filter(|it| it.starts_with("PROFILE_COST")).collect();
    assert_eq!(ours, ["PROFILE_COST_HEAP_CHILD=hang"]);
}

/// As daemons have it.
#[test]
fn a_service_without_standard_streams_has_children() {
    let _alone = alone();
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "the_daemon", "--ignored"])
        .output()
        .expect("it ends");
    assert_eq!(output.status.code(), Some(77), "{output:?}");
}

#[test]
#[ignore = "is run by the test above"]
fn the_daemon() {
    let snapshot = orders();
    let mut text = Vec::new();
    for stream in 0..3 {
        // SAFETY: nobody prints here any more.
        drop(unsafe { OwnedFd::from_raw_fd(stream) });
    }
    let is_named = snapshot.in_child("lineno", &mut text).is_ok();
    let is_right = is_named && String::from_utf8_lossy(&text).contains("tests/heap_child.rs:");
    std::process::exit(if is_right { 77 } else { 78 });
}

#[test]
fn a_child_that_nobody_asks_ends_without_running_the_program() {
    let _alone = alone();
    let output = Command::new(std::env::current_exe().expect("a path"))
        .env("PROFILE_COST_HEAP_CHILD", "1")
        .output()
        .expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8_lossy(&output.stdout);
    // An answer that says why, and no test's output.
    assert!(text.starts_with("p-cost 1") && !text.contains("running"), "{text}");
}
