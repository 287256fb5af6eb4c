//! How processes end: on `process::exit`, on signals, with nonsense in the environment. Each scenario is
//! this binary once more, as a child.
#![cfg(unix)]
#![allow(missing_docs, reason = "a test")]

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{again, is_child, text};
use profile_cost::scope;

/// A folder of the test's own.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("profile-cost-{}-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn work() {
    scope!("some work");
    std::thread::sleep(Duration::from_millis(1));
}

/// The report as text is there once the renderers are; until then the files are.
fn assert_reported(folder: &std::path::Path, output: &Output) {
    for name in ["a.svg", "b.folded", "c.txt"] {
        let path = folder.join(name);
        if name == "a.svg" && !path.exists() && text(output).contains("built without the feature") {
            continue;
        }
        assert!(path.exists(), "{name}: {}", text(output));
        assert!(text(output).contains(&format!("wrote {}", path.display())), "{}", text(output));
    }
    assert!(String::from_utf8_lossy(&output.stderr).contains("some work"));
    assert!(std::fs::read_to_string(folder.join("b.folded")).unwrap().contains("some work"));
    let left: Vec<_> = std::fs::read_dir(folder).expect("the folder").filter_map(Result::ok).collect();
    assert!(left.iter().all(|file| !file.path().to_string_lossy().ends_with(".tmp")), "{left:?}");
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

fn reporting(test: &str, folder: &std::path::Path) -> Command {
    let mut command = again(test);
    let files = ["a.svg", "b.folded", "c.txt"].map(|name| folder.join(name).display().to_string());
    command.env("PROFILE_COST", "cumulative").env("PROFILE_COST_OUT", files.join(","));
    command
}

#[test]
fn process_exit_writes_the_report() {
    if is_child() {
        work();
        std::process::exit(7);
    }
    let folder = folder("exit");
    let output = reporting("process_exit_writes_the_report", &folder).output().expect("the child runs");
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    assert_reported(&folder, &output);
}

#[test]
fn process_exit_on_another_thread_while_others_work_writes_the_report() {
    if is_child() {
        for _ in 0..4 {
            std::thread::spawn(|| {
                loop {
                    work();
                }
            });
        }
        std::thread::spawn(|| {
            work();
            std::process::exit(8);
        });
        std::thread::sleep(Duration::from_secs(20));
    }
    let folder = folder("exit-elsewhere");
    let test = "process_exit_on_another_thread_while_others_work_writes_the_report";
    let output = reporting(test, &folder).output().expect("the child runs");
    assert_eq!(output.status.code(), Some(8), "{}", text(&output));
    assert_reported(&folder, &output);
}

#[test]
fn a_bad_value_is_a_message_and_the_program_runs_on() {
    if is_child() {
        work();
        println_ran_on();
        return;
    }
    let test = "a_bad_value_is_a_message_and_the_program_runs_on";
    let output = again(test).env("PROFILE_COST", "fastest").env("PROFILE_COST_OUT", "a.docx").output();
    let output = output.expect("the child runs");
    assert!(output.status.success(), "{}", text(&output));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("profile-cost: PROFILE_COST=fastest: "), "{error}");
    assert!(error.contains("profile-cost: PROFILE_COST_OUT=a.docx: "), "{error}");
    assert!(text(&output).contains("ran on"), "{}", text(&output));
}

#[allow(clippy::print_stdout, reason = "for the parent")]
fn println_ran_on() {
    println!("\nran on");
}

/// Starts the child, waits until it says that it is ready, and sends it SIGTERM.
fn terminate(mut command: Command) -> Output {
    command.env("PROFILE_COST_SIGTERM", "1").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the child starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("ran on"))), "the child is ready");
    // SAFETY: signals a child that has not been waited for, so that its id is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGTERM) }, 0);
    let end = Instant::now() + Duration::from_secs(20);
    while child.try_wait().expect("it is ours").is_none() {
        if Instant::now() > end {
            child.kill().expect("it runs");
            panic!("the child did not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut output = child.wait_with_output().expect("it has ended");
    output.stdout = lines.map_while(Result::ok).collect::<Vec<_>>().join("\n").into_bytes();
    output
}

#[test]
fn sigterm_writes_the_report_and_still_ends_the_process() {
    if is_child() {
        work();
        println_ran_on();
        scope!("endless");
        std::thread::sleep(Duration::from_secs(30));
        std::process::exit(1);
    }
    let folder = folder("sigterm");
    let output = terminate(reporting("sigterm_writes_the_report_and_still_ends_the_process", &folder));
    assert_eq!(output.status.signal(), Some(libc::SIGTERM), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn own_handler(_: libc::c_int) {
    ASKED.store(true, Ordering::SeqCst);
}

fn install_own_handler() {
    let handler = own_handler as extern "C" fn(libc::c_int);
    // SAFETY: the handler only stores to an atomic.
    unsafe { libc::signal(libc::SIGTERM, handler as libc::sighandler_t) };
}

/// Runs on until the program's own handler was called, and ends as the program wants.
fn until_asked() -> ! {
    println_ran_on();
    let end = Instant::now() + Duration::from_secs(20);
    while !ASKED.load(Ordering::SeqCst) {
        assert!(Instant::now() < end, "the program's own handler was not called");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Long enough for a signal that ends the process to arrive, if one did.
    std::thread::sleep(Duration::from_millis(100));
    work();
    std::process::exit(9);
}

#[test]
fn a_handler_installed_before_runs_and_decides() {
    if is_child() {
        install_own_handler();
        work();
        until_asked();
    }
    let folder = folder("handler-before");
    let output = terminate(reporting("a_handler_installed_before_runs_and_decides", &folder));
    assert_eq!(output.status.code(), Some(9), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

/// As tokio's handler does: without the sender's particulars it ends the process.
extern "C" fn particular_handler(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    if info.is_null() {
        std::process::abort();
    }
    ASKED.store(true, Ordering::SeqCst);
}

#[test]
fn a_handler_installed_before_is_told_who_sent_the_signal() {
    if is_child() {
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = particular_handler;
        // SAFETY: all-zero is a valid sigaction, and the handler only reads its argument and stores to an
        // atomic.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as libc::sighandler_t;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGTERM, &raw const action, std::ptr::null_mut());
        }
        work();
        until_asked();
    }
    let folder = folder("handler-siginfo");
    let output = terminate(reporting("a_handler_installed_before_is_told_who_sent_the_signal", &folder));
    assert_eq!(output.status.code(), Some(9), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

#[test]
fn a_handler_installed_after_runs_and_decides() {
    if is_child() {
        work();
        install_own_handler();
        until_asked();
    }
    let folder = folder("handler-after");
    let output = terminate(reporting("a_handler_installed_after_runs_and_decides", &folder));
    assert_eq!(output.status.code(), Some(9), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

#[test]
fn a_signal_that_is_ignored_stays_ignored() {
    if is_child() {
        // SAFETY: sets a disposition.
        unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
        work();
        println_ran_on();
        std::thread::sleep(Duration::from_millis(300));
        std::process::exit(10);
    }
    let folder = folder("ignored");
    let output = terminate(reporting("a_signal_that_is_ignored_stays_ignored", &folder));
    assert_eq!(output.status.code(), Some(10), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}
