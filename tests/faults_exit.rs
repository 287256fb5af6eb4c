//! How processes end: on `process::exit`, on signals, with nonsense in the environment. Each scenario is
//! this binary once more, as a child.
#![cfg(unix)]
#![allow(missing_docs, reason = "a test")]

mod common;

use std::io::{BufRead, BufReader, Lines, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
fn files_are_written_where_the_program_was_started() {
    if is_child() {
        work();
        std::env::set_current_dir("elsewhere").expect("it is there");
        std::process::exit(13);
    }
    let folder = folder("elsewhere");
    std::fs::create_dir(folder.join("elsewhere")).expect("the folder is ours");
    let mut command = again("files_are_written_where_the_program_was_started");
    command.env("PROFILE_COST_OUT", "b.folded, ./c.txt").current_dir(&folder);
    let output = command.output().expect("the child runs");
    assert_eq!(output.status.code(), Some(13), "{}", text(&output));
    let here = folder.canonicalize().expect("it is there");
    for name in ["b.folded", "c.txt"] {
        let path = here.join(name);
        assert!(path.exists(), "{name}: {}", text(&output));
        assert!(text(&output).contains(&format!("wrote {}", path.display())), "{}", text(&output));
    }
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

#[test]
fn a_long_report_is_whole_where_stderr_does_not_wait() {
    if is_child() {
        for site in common::sites("one of many", 3_000) {
            let _call = common::enter(site, || {});
        }
        // SAFETY: as a parent does that shares the pipe and does not want to wait itself.
        assert_eq!(unsafe { libc::fcntl(2, libc::F_SETFL, libc::O_NONBLOCK) }, 0);
        std::process::exit(14);
    }
    let mut command = again("a_long_report_is_whole_where_stderr_does_not_wait");
    command.env("PROFILE_COST", "cumulative").env("PROFILE_COST_TOP", "100000");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the child starts");
    let mut stderr = child.stderr.take().expect("it is piped");
    // Nothing is read until the pipe is full.
    let (mut waiting, mut most) = (0 as libc::c_int, 0);
    let end = Instant::now() + Duration::from_secs(30);
    while waiting == 0 || waiting > most {
        assert!(Instant::now() < end, "nothing came");
        most = waiting;
        std::thread::sleep(Duration::from_millis(20));
        // SAFETY: asks how much there is to read, into a number.
        assert_eq!(unsafe { libc::ioctl(stderr.as_raw_fd(), libc::FIONREAD, &raw mut waiting) }, 0);
    }
    let mut report = String::new();
    stderr.read_to_string(&mut report).expect("text");
    assert_eq!(child.wait().expect("it is ours").code(), Some(14));
    assert!(report.len() > 4 * most as usize, "{} of {most}", report.len());
    // Each in the table and in that of callers.
    for number in [0, 1_500, 2_999] {
        let function = format!("one of many{number}  made.rs:{}", number + 1);
        assert_eq!(report.lines().filter(|line| line.ends_with(&function)).count(), 2, "{function}");
    }
    assert!(!report.contains("could not be written"));
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
fn terminate(command: Command) -> Output {
    terminate_by(libc::SIGTERM, command)
}

fn terminate_by(signal: libc::c_int, command: Command) -> Output {
    let (mut child, lines) = signalled(signal, command);
    let end = Instant::now() + Duration::from_secs(15);
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

/// The child, told to end as soon as it said that it runs, and what more it says.
fn signalled(signal: libc::c_int, mut command: Command) -> (Child, Lines<BufReader<ChildStdout>>) {
    let name = if signal == libc::SIGINT { "PROFILE_COST_SIGINT" } else { "PROFILE_COST_SIGTERM" };
    command.env(name, "1").stdout(Stdio::piped()).stderr(Stdio::piped());
    // Shells let what they start in the background ignore Ctrl-C, and so would the child.
    // SAFETY: between fork and exec nothing else is done.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(&mut command, move || {
            libc::signal(signal, libc::SIG_DFL);
            Ok(())
        });
    }
    let mut child = command.spawn().expect("the child starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("ran on"))), "the child is ready");
    // SAFETY: signals a child that has not been waited for, so that its id is still its own.
    assert_eq!(unsafe { libc::kill(child.id() as libc::pid_t, signal) }, 0);
    (child, lines)
}

/// In a call at the end, which a signal ends.
fn work_until_the_signal() -> ! {
    work();
    println_ran_on();
    scope!("endless");
    std::thread::sleep(Duration::from_secs(30));
    std::process::exit(1);
}

#[test]
fn sigterm_writes_the_report_and_still_ends_the_process() {
    if is_child() {
        work_until_the_signal();
    }
    let folder = folder("sigterm");
    let output = terminate(reporting("sigterm_writes_the_report_and_still_ends_the_process", &folder));
    assert_eq!(output.status.signal(), Some(libc::SIGTERM), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

#[test]
fn ctrl_c_writes_the_report_and_still_ends_the_process() {
    if is_child() {
        work_until_the_signal();
    }
    let folder = folder("sigint");
    let command = reporting("ctrl_c_writes_the_report_and_still_ends_the_process", &folder);
    let output = terminate_by(libc::SIGINT, command);
    assert_eq!(output.status.signal(), Some(libc::SIGINT), "{} {}", output.status, text(&output));
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
    // Whichever thread the signal would come to: this one does not hold it back.
    // SAFETY: all-zero is a valid set, into which that of this thread is written.
    let held_back = unsafe {
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut mask);
        libc::sigismember(&raw const mask, libc::SIGTERM)
    };
    assert_eq!(held_back, 0);
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
        // What this process starts ignores it too: a handler would not be passed on.
        assert_eq!(disposition().sa_sigaction, libc::SIG_IGN);
        println_ran_on();
        std::thread::sleep(Duration::from_millis(300));
        std::process::exit(10);
    }
    let folder = folder("ignored");
    let output = terminate(reporting("a_signal_that_is_ignored_stays_ignored", &folder));
    assert_eq!(output.status.code(), Some(10), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

/// What happens on SIGTERM.
fn disposition() -> libc::sigaction {
    // SAFETY: all-zero is a valid sigaction, into which the present one is written.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut action);
        action
    }
}

/// Installs a handler with these flags, which also holds SIGUSR1 back.
fn install(handler: extern "C" fn(libc::c_int), flags: libc::c_int) {
    // SAFETY: all-zero is a valid sigaction; the handlers here only touch atomics and chain.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = flags;
        libc::sigaddset(&raw mut action.sa_mask, libc::SIGUSR1);
        assert_eq!(libc::sigaction(libc::SIGTERM, &raw const action, std::ptr::null_mut()), 0);
    }
}

#[test]
fn a_handler_installed_before_keeps_its_flags_and_mask() {
    let test = "a_handler_installed_before_keeps_its_flags_and_mask";
    let choices = [0, libc::SA_RESTART, libc::SA_ONSTACK | libc::SA_NODEFER, libc::SA_RESETHAND];
    if is_child() {
        let choice: usize = std::env::var("CHOICE").expect("it is set").parse().expect("a number");
        install(own_handler, choices[choice]);
        let before = disposition();
        work();
        let now = disposition();
        assert_ne!(now.sa_sigaction, before.sa_sigaction, "ours is in front");
        let all = libc::SA_RESTART | libc::SA_ONSTACK | libc::SA_NODEFER | libc::SA_RESETHAND;
        assert_eq!(now.sa_flags & all, choices[choice]);
        // SAFETY: a valid set.
        assert_eq!(unsafe { libc::sigismember(&raw const now.sa_mask, libc::SIGUSR1) }, 1);
        until_asked();
    }
    for choice in 0..choices.len() {
        let folder = folder(&format!("flags-{choice}"));
        let mut command = reporting(test, &folder);
        command.env("CHOICE", choice.to_string());
        let output = terminate(command);
        assert_eq!(output.status.code(), Some(9), "{choice}: {} {}", output.status, text(&output));
        assert_reported(&folder, &output);
    }
}

static CHAINS_TO: AtomicUsize = AtomicUsize::new(0);

extern "C" fn chaining_handler(signal: libc::c_int) {
    ASKED.store(true, Ordering::SeqCst);
    let next = CHAINS_TO.load(Ordering::SeqCst);
    if next != 0 {
        // SAFETY: ours, installed with one argument more than is given here: it hands them on only to
        // this handler, which has one.
        let next =
            unsafe { std::mem::transmute::<usize, extern "C" fn(libc::c_int, *mut u8, *mut u8)>(next) };
        next(signal, std::ptr::null_mut(), std::ptr::null_mut());
    }
}

#[test]
fn a_handler_installed_before_and_after_that_chains_is_called_and_ends() {
    if is_child() {
        install(chaining_handler, 0);
        work();
        CHAINS_TO.store(disposition().sa_sigaction, Ordering::SeqCst);
        install(chaining_handler, 0);
        until_asked();
    }
    let folder = folder("chain");
    let test = "a_handler_installed_before_and_after_that_chains_is_called_and_ends";
    let output = terminate(reporting(test, &folder));
    assert_eq!(output.status.code(), Some(9), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

#[test]
fn a_handler_installed_after_that_chains_decides() {
    if is_child() {
        work();
        CHAINS_TO.store(disposition().sa_sigaction, Ordering::SeqCst);
        install(chaining_handler, 0);
        until_asked();
    }
    let folder = folder("chain-after");
    let output = terminate(reporting("a_handler_installed_after_that_chains_decides", &folder));
    assert_eq!(output.status.code(), Some(9), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

#[test]
fn exit_waits_for_the_report_that_a_signal_began() {
    if is_child() {
        install_own_handler();
        work();
        fill_stderr();
        println_ran_on();
        // The last file: the report that follows it on stderr stands until the parent reads.
        let files = std::env::var("PROFILE_COST_OUT").expect("set");
        let last = PathBuf::from(files.rsplit(',').next().expect("one at least"));
        while !(ASKED.load(Ordering::SeqCst) && last.exists()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::process::exit(9);
    }
    let folder = folder("exit-waits");
    let command = reporting("exit_waits_for_the_report_that_a_signal_began", &folder);
    let (mut child, _lines) = signalled(libc::SIGTERM, command);
    // Nobody reads for so long, and it does not end.
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end && child.try_wait().expect("it is ours").is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(9), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

/// Fills the pipe that stderr is, and makes it one that waits.
fn fill_stderr() {
    // SAFETY: descriptor 2 is a pipe, and what is written is as long as is said.
    unsafe {
        libc::fcntl(2, libc::F_SETFL, libc::O_NONBLOCK);
        while libc::write(2, [b'.'; 512].as_ptr().cast(), 512) > 0 {}
        libc::fcntl(2, libc::F_SETFL, 0);
    }
}

#[test]
fn a_report_that_nobody_reads_does_not_keep_the_process_from_ending() {
    if is_child() {
        work();
        fill_stderr();
        println_ran_on();
        std::thread::sleep(Duration::from_secs(30));
        std::process::exit(1);
    }
    let folder = folder("unread");
    let test = "a_report_that_nobody_reads_does_not_keep_the_process_from_ending";
    let output = terminate(reporting(test, &folder));
    assert_eq!(output.status.signal(), Some(libc::SIGTERM), "{}", output.status);
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

/// Forks; the child does `f`, and how it ended is returned once it was sent `signal`, if it was.
fn forked(f: impl FnOnce(), signal: Option<libc::c_int>) -> ExitStatus {
    // SAFETY: the child does no more than `f`, which takes no lock that another thread may have held.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            f();
            libc::_exit(99);
        }
        assert!(child > 0);
        if let Some(signal) = signal {
            libc::kill(child, signal);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
        ExitStatus::from_raw(status)
    }
}

#[test]
fn a_forked_child_ends_by_itself_and_leaves_the_report_to_its_parent() {
    if is_child() {
        work();
        // SAFETY: sleeps.
        let asleep = || _ = unsafe { libc::sleep(10) };
        assert_eq!(forked(asleep, Some(libc::SIGTERM)).signal(), Some(libc::SIGTERM));
        // SAFETY: ends the process as a program does.
        assert_eq!(forked(|| unsafe { libc::exit(5) }, None).code(), Some(5));
        std::thread::sleep(Duration::from_millis(200));
        let files = std::env::var("PROFILE_COST_OUT").expect("it is set");
        assert!(!files.split(',').any(|file| std::path::Path::new(file).exists()));
        std::process::exit(11);
    }
    let folder = folder("forked");
    let test = "a_forked_child_ends_by_itself_and_leaves_the_report_to_its_parent";
    let mut command = reporting(test, &folder);
    let output = command.env("PROFILE_COST_SIGTERM", "1").output().expect("the child runs");
    assert_eq!(output.status.code(), Some(11), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

/// The status of the profiler's own thread, as Linux shows it.
#[cfg(target_os = "linux")]
fn own_thread() -> Option<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has it");
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok())
        .find(|status| status.starts_with("Name:\tprofile-cost\n"))
}

/// As [`own_thread`], once it has begun: a thread gives itself its name.
#[cfg(target_os = "linux")]
fn started() -> String {
    loop {
        match own_thread() {
            Some(status) => return status,
            None => std::thread::yield_now(),
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_thread_takes_no_signal_that_the_program_waits_for() {
    if is_child() {
        work();
        let status = started();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).expect("a mask");
        let blocked = u64::from_str_radix(blocked, 16).expect("a mask");
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGCHLD] {
            assert_ne!(blocked & (1 << (signal - 1)), 0, "{signal}");
        }
        std::process::exit(12);
    }
    let folder = folder("mask");
    let mut command = reporting("the_thread_takes_no_signal_that_the_program_waits_for", &folder);
    let output = command.env("PROFILE_COST_SIGTERM", "1").output().expect("the child runs");
    assert_eq!(output.status.code(), Some(12), "{} {}", output.status, text(&output));
    assert_reported(&folder, &output);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_closes_all_descriptors_is_not_written_to_and_ends() {
    if is_child() {
        work();
        started();
        // SAFETY: as daemons do; nothing here uses one of them later.
        (3..1_000).for_each(|fd| _ = unsafe { libc::close(fd) });
        while own_thread().is_some() {
            std::thread::yield_now();
        }
        let name = std::env::var("PROGRAMS_FILE").expect("it is set");
        let files: Vec<_> = (0..20).map(|_| std::fs::File::options().append(true).open(&name)).collect();
        assert!(files.iter().all(Result::is_ok));
        println_ran_on();
        std::thread::sleep(Duration::from_secs(30));
        std::process::exit(1);
    }
    let folder = folder("closed");
    let file = folder.join("programs-file");
    std::fs::write(&file, "").expect("the folder is ours");
    let mut command = reporting("a_program_that_closes_all_descriptors_is_not_written_to_and_ends", &folder);
    command.env("PROGRAMS_FILE", &file);
    let output = terminate(command);
    assert_eq!(output.status.signal(), Some(libc::SIGTERM), "{} {}", output.status, text(&output));
    assert_eq!(std::fs::read(&file).expect("it is there"), b"");
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}
