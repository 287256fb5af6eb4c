//! What is live when the process ends, reported because the environment asks: before main, on `process::exit`, on
//! signals, into files. Each scenario is this binary once more, as a child, none of whose functions is annotated unless
//! it says so.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(missing_docs, reason = "a test")]

mod common;

use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use common::{again, is_child, text};
use profile_cost::{heap, profile_cost};

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

/// 300 blocks of 1,000 bytes that nobody frees.
#[inline(never)]
fn leak() {
    for _ in 0..300 {
        std::mem::forget(black_box(Vec::<i16>::with_capacity(500)));
    }
}

/// 200 blocks of 2,000 bytes, before main.
extern "C" fn leak_before_main() {
    if is_child() {
        for _ in 0..200 {
            std::mem::forget(black_box(Vec::<u16>::with_capacity(1_000)));
        }
    }
}

// SAFETY: called once before main, by the C library; does not unwind.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = leak_before_main;

fn recording(test: &str, mode: &str) -> Command {
    let mut command = again(test);
    command.env("PROFILE_COST_HEAP", mode);
    command
}

/// A folder of the test's own.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("profile-cost-{}-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The row of a table in the report, as its cells.
fn row(report: &str, table: &str, name: &str) -> Vec<String> {
    let lines = report.lines().skip_while(|line| *line != table).take_while(|line| !line.is_empty());
    // A function may be there with its path.
    let is_named = |line: &&str| [" ", "::"].iter().any(|before| line.ends_with(&format!("{before}{name}")));
    let row = lines.into_iter().find(is_named);
    let row = row.unwrap_or_else(|| panic!("no `{name}` in `{table}` of\n{report}"));
    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

/// The whole report, once, with the leaks by line and type.
fn assert_reported(report: &str) {
    assert_eq!(report.matches("Heap at exit, recorded for").count(), 1, "{report}");
    let by_line = row(report, "Live at exit, by line", "leak");
    assert_eq!((by_line[0].as_str(), by_line[2].as_str()), ("293 KiB", "300"), "{report}");
    assert!(by_line[4].contains("tests/heap_exit.rs:25 "), "{report}");
    let by_type = row(report, "Live at exit, by type", "Vec<i16>");
    assert_eq!((by_type[0].as_str(), by_type[2].as_str()), ("293 KiB", "300"), "{report}");
}

#[test]
fn the_variable_alone_records_and_reports() {
    if is_child() {
        leak();
        std::process::exit(7);
    }
    let output = recording("the_variable_alone_records_and_reports", "exact:25").output().expect("it runs");
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    assert_reported(&error(&output));
}

#[test]
fn what_is_allocated_before_main_is_recorded() {
    if is_child() {
        return;
    }
    let output = recording("what_is_allocated_before_main_is_recorded", "exact").output().expect("it runs");
    let row = row(&error(&output), "Live at exit, by line", "leak_before_main");
    assert_eq!((row[0].as_str(), row[2].as_str()), ("391 KiB", "200"), "{}", text(&output));
}

#[test]
fn main_returns_and_what_the_report_takes_is_not_in_it() {
    if is_child() {
        leak();
        return;
    }
    let test = "main_returns_and_what_the_report_takes_is_not_in_it";
    let output = recording(test, "exact").output().expect("it runs");
    assert!(output.status.success(), "{}", text(&output));
    let report = error(&output);
    assert_reported(&report);
    assert!(!report.contains("without a stack") && !report.contains("[no stack]"), "{report}");
    assert!(!report.contains("heap/take.rs"), "{report}");
}

#[test]
fn exit_on_another_thread_while_others_allocate() {
    if is_child() {
        for _ in 0..3 {
            std::thread::spawn(|| {
                loop {
                    drop(black_box(vec![1u8; 100]));
                }
            });
        }
        std::thread::spawn(|| {
            leak();
            std::process::exit(8);
        })
        .join()
        .expect("it ends the process");
    }
    let output =
        recording("exit_on_another_thread_while_others_allocate", "exact").output().expect("it runs");
    assert_eq!(output.status.code(), Some(8), "{}", text(&output));
    assert_reported(&error(&output));
}

#[test]
fn sigterm_reports_and_still_ends_the_process() {
    if is_child() {
        leak();
        println_ready();
        loop {
            std::thread::park();
        }
    }
    let mut command = recording("sigterm_reports_and_still_ends_the_process", "exact");
    command.env("PROFILE_COST_SIGTERM", "1").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("ready"))), "the child is ready");
    // SAFETY: signals a child that has not been waited for, so that its id is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) }, 0);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.signal(), Some(libc::SIGTERM), "{}", text(&output));
    assert_reported(&error(&output));
}

#[allow(clippy::print_stdout, reason = "for the parent")]
fn println_ready() {
    println!("\nready");
}

#[test]
fn files_by_extension_where_the_program_was_started() {
    const FILES: [&str; 7] = ["a.txt", "b.json", "c.pb.gz", "d.svg", "e.heap", "f.folded", "g.dhat.json"];
    if is_child() {
        leak();
        std::env::set_current_dir("/").expect("it is there");
        std::process::exit(9);
    }
    let folder = folder("heap-files");
    let mut command = again("files_by_extension_where_the_program_was_started");
    // Without PROFILE_COST_HEAP: files alone ask for it.
    command.env("PROFILE_COST_HEAP_OUT", FILES.join(", ")).current_dir(&folder);
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(9), "{}", text(&output));
    let here = folder.canonicalize().expect("it is there");
    for name in FILES {
        assert!(here.join(name).exists(), "{name}: {}", text(&output));
        assert!(error(&output).contains(&format!("profile-cost: wrote {}", here.join(name).display())));
    }
    assert!(!error(&output).contains("Heap at exit"), "{}", text(&output));
    assert_reported(&std::fs::read_to_string(here.join("a.txt")).expect("it is text"));
    assert!(std::fs::read_to_string(here.join("f.folded")).expect("text").contains("leak"));
    let snapshot = heap::Snapshot::load(here.join("e.heap")).expect("a dump");
    assert!(snapshot.named);
    let live = snapshot.lines_of_type("Vec<i16>").iter().map(|row| row.count).sum::<u64>();
    assert_eq!(live, 300);
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

#[test]
fn bad_files_and_modes_are_a_line_each_and_the_program_runs_on() {
    if is_child() {
        leak();
        std::process::exit(10);
    }
    let mut command = recording("bad_files_and_modes_are_a_line_each_and_the_program_runs_on", "everything");
    command.env("PROFILE_COST_HEAP_OUT", "a.docx").env("PROFILE_COST_HEAP_MEMORY", "much");
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(10), "{}", text(&output));
    let error = error(&output);
    for value in ["=everything: ", "_OUT=a.docx: ", "_MEMORY=much: "] {
        assert_eq!(error.matches(&format!("profile-cost: PROFILE_COST_HEAP{value}")).count(), 1, "{error}");
    }
    assert!(!error.contains("Heap at exit"), "{error}");
}

#[test]
fn a_forked_child_does_not_report() {
    if is_child() {
        leak();
        // SAFETY: the child only ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            std::process::exit(1);
        }
        // SAFETY: waits for the child, into nothing.
        assert_eq!(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }, child);
        std::process::exit(11);
    }
    let output = recording("a_forked_child_does_not_report", "exact").output().expect("it runs");
    assert_eq!(output.status.code(), Some(11), "{}", text(&output));
    assert_reported(&error(&output));
}

#[test]
fn both_reports_are_there_once_and_the_heaps_is_the_second() {
    #[profile_cost(crate = profile_cost)]
    fn annotated() {
        leak();
    }
    if is_child() {
        let _session = profile_cost::init();
        annotated();
        return;
    }
    let test = "both_reports_are_there_once_and_the_heaps_is_the_second";
    for variable in ["PROFILE_COST", "PROFILE_COST_NOTHING"] {
        // With the other one it is the session that reports, of its own.
        let output = recording(test, "exact").env(variable, "1").output().expect("it runs");
        let report = error(&output);
        assert_reported(&report);
        assert_eq!(report.matches("callers of functions").count(), 1, "{report}");
        let (time, heap) = (report.find("functions, by"), report.find("\n\nHeap at exit"));
        assert!(time.is_some() && time < heap, "{report}");
        assert!(row(&report, "Live at exit, by call path", "annotated")[0] == "293 KiB", "{report}");
    }
}

#[test]
fn paths_need_no_names() {
    #[profile_cost(crate = profile_cost)]
    fn annotated() {
        leak();
    }
    if is_child() {
        annotated();
        return;
    }
    let output = recording("paths_need_no_names", "paths").output().expect("it runs");
    let report = error(&output);
    assert_eq!(row(&report, "Live at exit, by call path", "annotated")[2], "300", "{report}");
    assert!(!report.contains("profile-cost: "), "{report}");
}

#[test]
fn who_stops_the_recording_is_told_that_there_is_no_report() {
    if is_child() {
        leak();
        heap::stop();
        return;
    }
    let test = "who_stops_the_recording_is_told_that_there_is_no_report";
    let output = recording(test, "exact").output().expect("it runs");
    assert!(error(&output).contains("profile-cost: no report of the heap"), "{}", text(&output));
    assert!(!error(&output).contains("Heap at exit"), "{}", text(&output));
}

#[test]
fn without_a_child_there_are_addresses_and_the_reason() {
    if is_child() {
        leak();
        // Nothing can be opened any more.
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a limit of this process's own, from a valid structure.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const none) }, 0);
        std::process::exit(12);
    }
    let test = "without_a_child_there_are_addresses_and_the_reason";
    let output = recording(test, "exact").output().expect("it runs");
    assert_eq!(output.status.code(), Some(12), "{}", text(&output));
    let report = error(&output);
    assert!(report.contains("293 KiB") && report.contains("+0x"), "{report}");
    assert_eq!(report.matches("the heap has addresses instead of lines and types: ").count(), 1, "{report}");
    assert!(report.contains("PROFILE_COST_HEAP_OUT=live.heap"), "{report}");
}

#[test]
fn who_does_not_ask_gets_nothing() {
    if is_child() {
        leak();
        std::process::exit(i32::from(heap::is_tracing()));
    }
    for value in ["", "off"] {
        let output = recording("who_does_not_ask_gets_nothing", value).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        assert_eq!(error(&output), "");
    }
}
