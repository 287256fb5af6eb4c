//! The flight recorder: processes that are killed at any moment, files that are damaged in any way, folders and disks that
//! will not do. Each scenario that records is this binary once more, as a child.
#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "a test")]

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use profile_cost_runtime::private::{Site, enter, instrument};
use profile_cost_runtime::recorder::{self, Ending, Options, PostMortem, StartError};
use profile_cost_runtime::testing::Random;
use profile_cost_runtime::{Counts, Profile};

const CHILD: &str = "PROFILE_COST_TEST_CHILD";
/// Threads of a child under load.
const THREADS: usize = 3;
/// Elapsed times that wait on a thread before they are in its histograms.
const BATCH: u64 = 128;

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// This test again, in a process of its own.
fn again(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, folder);
    command.env_remove("PROFILE_COST").env_remove("PROFILE_COST_RECORD").stdin(Stdio::null());
    command
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// A folder of the test's own, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("profile-cost-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn of_parent() -> PathBuf {
        PathBuf::from(std::env::var_os(CHILD).expect("a child"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Functions made at run time.
fn sites(prefix: &str, count: u32) -> Vec<&'static Site> {
    (0..count)
        .map(|i| {
            let name: &'static str = Box::leak(format!("{prefix}{i}").into_boxed_str());
            &*Box::leak(Box::new(Site::new(name, "made.rs", i + 1, true)))
        })
        .collect()
}

fn counts(profile: &Profile, name: &str) -> Counts {
    let mut sum = Counts::default();
    for path in profile.paths() {
        if profile.function(path.function).label.name == name {
            sum.add(&path.counts);
        }
    }
    sum
}

// ---- killed at any moment ----

/// What a child says it did, in a file that it shares with its parent: what each thread began and ended of each function.
struct Truth(&'static [AtomicU64]);

const FUNCTIONS: usize = 40;

impl Truth {
    fn open(path: &Path) -> Self {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).expect("a file");
        let words = THREADS * FUNCTIONS * 2;
        file.set_len(8 * words as u64).expect("room");
        let flags = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of a file that is long enough, which is never unmapped.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), 8 * words, flags, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        assert_ne!(at, libc::MAP_FAILED);
        // SAFETY: mapped for ever, aligned to a page, and any bytes are atomics.
        Self(unsafe { std::slice::from_raw_parts(at.cast(), words) })
    }

    fn begun(&self, thread: usize, function: usize) -> &AtomicU64 {
        &self.0[2 * (thread * FUNCTIONS + function)]
    }

    fn ended(&self, thread: usize, function: usize) -> &AtomicU64 {
        &self.0[2 * (thread * FUNCTIONS + function) + 1]
    }
}

/// Calls functions by chance, one within the other, and says so.
fn load(truth: &Truth, thread: usize, sites: &[&'static Site], random: &mut Random, depth: u32) {
    // Two at each depth: a tree of some hundred paths.
    let function = (depth as usize * 5 + random.index(2)).min(sites.len() - 1);
    truth.begun(thread, function).fetch_add(1, Ordering::Relaxed);
    {
        let _call = enter(sites[function], || {});
        if depth < 6 {
            (0..random.below(3)).for_each(|_| load(truth, thread, sites, random, depth + 1));
        }
    }
    truth.ended(thread, function).fetch_add(1, Ordering::Relaxed);
}

fn work_until_killed(folder: &Path) {
    let path = recorder::start(folder, &Options::default()).expect("it records");
    assert_eq!(recorder::path(), Some(path));
    let truth = Truth::open(&folder.join("truth"));
    let sites = sites("f", FUNCTIONS as u32);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (truth, sites) = (&truth, &sites);
            let name = std::thread::Builder::new().name(format!("load {thread}"));
            let work = move || {
                let mut random = Random::of_seed(thread as u64 + u64::from(std::process::id()));
                // All is within a call that never ends.
                truth.begun(thread, FUNCTIONS - 1).fetch_add(1, Ordering::Relaxed);
                let _call = enter(sites[FUNCTIONS - 1], || {});
                loop {
                    load(truth, thread, sites, &mut random, 0);
                }
            };
            name.spawn_scoped(scope, work).expect("a thread");
        }
        use std::io::Write as _;
        writeln!(std::io::stdout(), "\nready").expect("the parent reads");
    });
}

fn wait_for_ready(child: &mut Child) {
    let out = BufReader::new(child.stdout.take().expect("piped"));
    assert!(out.lines().map_while(Result::ok).any(|line| line == "ready"), "the child says so");
}

#[test]
fn processes_killed_at_any_moment_have_files_that_are_whole_and_true() {
    if is_child() {
        return work_until_killed(&Folder::of_parent());
    }
    let mut random = Random::of_seed(number("PROFILE_COST_TEST_SEED", 1));
    for kill in 0..number("PROFILE_COST_TEST_KILLS", 10) {
        let folder = Folder::new(&format!("kill-{kill}"));
        let mut command =
            again("processes_killed_at_any_moment_have_files_that_are_whole_and_true", &folder.0);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the child starts");
        wait_for_ready(&mut child);
        std::thread::sleep(Duration::from_micros(random.below(150_000)));
        child.kill().expect("it is ours");
        assert_eq!(child.wait().expect("it is ours").signal(), Some(libc::SIGKILL));
        let post_mortem = recorder::read(&folder.0).expect("the file opens");
        assert_eq!(post_mortem.ending, Ending::Silent);
        check_truth(&post_mortem, &Truth::open(&folder.0.join("truth")), kill);
    }
}

fn check_truth(post_mortem: &PostMortem, truth: &Truth, kill: u64) {
    assert_eq!(post_mortem.notes, Vec::<String>::new(), "kill {kill}");
    let profile = &post_mortem.profile;
    for path in profile.paths() {
        let (counts, label) = (path.counts, &profile.function(path.function).label);
        assert!(counts.starts >= counts.returned, "kill {kill}, {label:?}: {counts:?}");
        assert!(
            label.file == "made.rs" && label.name == format!("f{}", label.line - 1),
            "kill {kill}, {label:?}"
        );
    }
    let mut open = 0;
    for thread in 0..THREADS {
        let name = format!("load {thread}");
        let part = profile.by_thread().iter().find(|part| part.name == name);
        for function in 0..FUNCTIONS {
            let mut is = Counts::default();
            for (path, counts) in part.iter().flat_map(|part| &part.counts) {
                if profile.function(profile.path(*path).function).label.name == format!("f{function}") {
                    is.add(counts);
                }
            }
            let begun = truth.begun(thread, function).load(Ordering::Relaxed);
            let ended = truth.ended(thread, function).load(Ordering::Relaxed);
            let what =
                format!("kill {kill}, thread {thread}, f{function}: {is:?}, in truth {begun}, {ended}");
            // It says so before a call and after it.
            assert!(is.starts <= begun && is.starts + 1 >= begun, "{what}");
            assert!(is.returned >= ended && is.returned <= ended + 1, "{what}");
            open += begun - ended;
        }
    }
    let elapsed: u64 = (profile.functions().iter())
        .filter_map(|function| function.elapsed.as_ref())
        .map(|elapsed| elapsed.len())
        .sum();
    let returned: u64 = profile.paths().iter().map(|path| path.counts.returned).sum();
    // At most one that is in the file and not yet counted as returned, and what waits on each thread.
    assert!(elapsed <= returned, "kill {kill}: {elapsed} of {returned}");
    assert!(elapsed + THREADS as u64 * BATCH >= returned, "kill {kill}: {elapsed} of {returned}");
    // What was running is what was open.
    let running: usize = post_mortem.running.iter().map(|thread| thread.calls.len()).sum();
    assert!(
        running as u64 <= open && running as u64 + 2 * THREADS as u64 >= open,
        "kill {kill}: {running} of {open}"
    );
}

/// Ready at the second poll.
async fn pending_once() {
    let mut is_first = true;
    let twice = move |_: &mut Context<'_>| {
        if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }
    };
    std::future::poll_fn(twice).await;
}

/// Futures begin on one thread and end on whichever has time.
fn await_until_killed(folder: &Path) {
    static WAITS: Site = Site::new("waits", "made.rs", 1, true);
    type Waiting = Mutex<VecDeque<Pin<Box<dyn Future<Output = ()> + Send>>>>;
    recorder::start(folder, &Options::default()).expect("it records");
    let truth = Truth::open(&folder.join("truth"));
    let waiting: Waiting = Mutex::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (truth, waiting) = (&truth, &waiting);
            scope.spawn(move || {
                let mut context = Context::from_waker(Waker::noop());
                for n in 0u64.. {
                    if n % 3 > 0 {
                        let Some(mut future) = waiting.lock().expect("nobody panics").pop_front() else {
                            continue;
                        };
                        assert!(future.as_mut().poll(&mut context).is_ready());
                        truth.ended(thread, 0).fetch_add(1, Ordering::Relaxed);
                    } else if waiting.lock().expect("nobody panics").len() < 50 {
                        let mut future = Box::pin(instrument(&WAITS, || {}, pending_once()));
                        truth.begun(thread, 0).fetch_add(1, Ordering::Relaxed);
                        assert!(future.as_mut().poll(&mut context).is_pending());
                        waiting.lock().expect("nobody panics").push_back(future);
                    }
                }
            });
        }
        use std::io::Write as _;
        writeln!(std::io::stdout(), "\nready").expect("the parent reads");
    });
}

#[test]
fn futures_that_were_on_their_way_between_threads_are_counted_and_suspended() {
    let test = "futures_that_were_on_their_way_between_threads_are_counted_and_suspended";
    if is_child() {
        return await_until_killed(&Folder::of_parent());
    }
    let mut random = Random::of_seed(number("PROFILE_COST_TEST_SEED", 1));
    for kill in 0..number("PROFILE_COST_TEST_KILLS", 10) {
        let folder = Folder::new(&format!("futures-{kill}"));
        let mut child = again(test, &folder.0).stdout(Stdio::piped()).spawn().expect("the child starts");
        wait_for_ready(&mut child);
        std::thread::sleep(Duration::from_micros(random.below(150_000)));
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        let post_mortem = recorder::read(&folder.0).expect("the file opens");
        let truth = Truth::open(&folder.0.join("truth"));
        let sum = |of: &dyn Fn(usize) -> u64| (0..THREADS).map(of).sum::<u64>();
        let begun = sum(&|thread| truth.begun(thread, 0).load(Ordering::Relaxed));
        let ended = sum(&|thread| truth.ended(thread, 0).load(Ordering::Relaxed));
        let is = counts(&post_mortem.profile, "waits");
        let what = format!("kill {kill}: {is:?}, in truth {begun} and {ended}");
        let most = THREADS as u64;
        assert!(is.starts <= begun && is.starts + most >= begun, "{what}");
        assert!(is.returned >= ended && is.returned <= ended + most, "{what}");
        assert!(is.polls <= 2 * begun && is.polls + 2 * most >= is.starts + is.returned, "{what}");
        let suspended: u64 = post_mortem.suspended.iter().map(|path| path.count).sum();
        assert!(
            suspended <= is.active() + most && suspended + most >= is.active(),
            "{what}, {suspended} suspended"
        );
        // No more than 50 and what is in hands were suspended at any time.
        let longest = post_mortem.profile.duration.as_nanos() as u64 * (50 + most);
        assert!(is.self_await <= longest, "{what}, {longest}");
    }
}

#[test]
fn a_call_with_a_tree_of_its_own_is_added_at_its_end_and_shown_while_it_runs() {
    static DONE: Site = Site::new("done", file!(), line!(), true);
    static OPEN: Site = Site::new("open", file!(), line!(), true);
    let test = "a_call_with_a_tree_of_its_own_is_added_at_its_end_and_shown_while_it_runs";
    if is_child() {
        recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
        profile_cost_runtime::runcall(|| (0..5).for_each(|_| drop(enter(&DONE, || {}))));
        profile_cost_runtime::runcall(|| {
            (0..3).for_each(|_| drop(enter(&DONE, || {})));
            let _call = enter(&OPEN, || {});
            // SAFETY: a signal to this process.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        });
    }
    let folder = Folder::new("captured");
    let output = again(test, &folder.0).output().expect("the child runs");
    assert_eq!(output.status.signal(), Some(libc::SIGKILL), "{}", text(&output));
    let post_mortem = recorder::read(&folder.0).expect("the file opens");
    let (done, open) = (counts(&post_mortem.profile, "done"), counts(&post_mortem.profile, "open"));
    assert_eq!((done.starts, done.returned), (5, 5), "{done:?}");
    assert_eq!((open.starts, open.active()), (1, 1), "{open:?}");
    let running: Vec<_> = post_mortem.running.iter().flat_map(|thread| &thread.calls).collect();
    assert_eq!(running.last().map(|call| call.label.name.as_str()), Some("open"), "{running:?}");
}

#[test]
fn elapsed_times_of_functions_that_are_called_seldom_are_there_too() {
    let test = "elapsed_times_of_functions_that_are_called_seldom_are_there_too";
    if is_child() {
        recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
        let sites = sites("seldom", 200);
        (0..2).for_each(|_| sites.iter().for_each(|site| drop(enter(site, || {}))));
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    let folder = Folder::new("seldom");
    let output = again(test, &folder.0).output().expect("the child runs");
    let profile =
        recorder::read(&folder.0).unwrap_or_else(|error| panic!("{error}: {}", text(&output))).profile;
    let elapsed = profile.functions().iter().filter_map(|function| function.elapsed.as_ref());
    let elapsed: u64 = elapsed.map(|elapsed| elapsed.len()).sum();
    assert!((400 - BATCH..=400).contains(&elapsed), "{elapsed}");
}

// ---- how it begins and ends ----

#[test]
fn the_report_on_sigterm_is_written_as_ever_and_the_signal_noted() {
    static CALLED: Site = Site::new("called", file!(), line!(), true);
    let test = "the_report_on_sigterm_is_written_as_ever_and_the_signal_noted";
    if is_child() {
        drop(enter(&CALLED, || {}));
        // SAFETY: a signal to this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
        loop {
            std::thread::park();
        }
    }
    let folder = Folder::new("sigterm");
    let mut command = again(test, Path::new("unused"));
    command
        .env("PROFILE_COST_RECORD", &folder.0)
        .env("PROFILE_COST", "cumulative")
        .env("PROFILE_COST_SIGTERM", "1");
    let output = command.output().expect("the child runs");
    assert_eq!(output.status.signal(), Some(libc::SIGTERM), "{}", text(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("called"), "{}", text(&output));
    let post_mortem = recorder::read(&folder.0).expect("the file opens");
    assert_eq!(post_mortem.ending, Ending::Signal(libc::SIGTERM));
}

#[test]
fn the_process_before_is_reported_at_the_next_start() {
    static CALLED: Site = Site::new("called", file!(), line!(), true);
    let test = "the_process_before_is_reported_at_the_next_start";
    if is_child() {
        let options = Options { report_previous: true, keep: 1, ..Options::default() };
        recorder::start(Folder::of_parent(), &options).expect("it records");
        drop(enter(&CALLED, || {}));
        std::thread::sleep(Duration::from_millis(500));
        // SAFETY: a signal to this process.
        unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    }
    let folder = Folder::new("previous");
    let run = || {
        let output = again(test, &folder.0).output().expect("the child runs");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(!run().contains("POST-MORTEM"));
    let second = run();
    assert!(second.contains("POST-MORTEM") && second.contains("called"), "{second}");
}

#[test]
fn what_was_counted_before_is_copied_and_said() {
    static EARLY: Site = Site::new("early", file!(), line!(), true);
    static LATE: Site = Site::new("late", file!(), line!(), true);
    if is_child() {
        profile_cost_runtime::enable();
        (0..1_000).for_each(|_| drop(enter(&EARLY, || {})));
        recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
        (0..2_000).for_each(|_| drop(enter(&EARLY, || {})));
        // New chunks of counters are in the file themselves.
        std::thread::spawn(|| (0..500).for_each(|_| drop(enter(&LATE, || {})))).join().expect("it ends");
        std::thread::sleep(Duration::from_millis(600));
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    let folder = Folder::new("late");
    let output =
        again("what_was_counted_before_is_copied_and_said", &folder.0).output().expect("the child runs");
    let post_mortem = recorder::read(&folder.0).unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    assert_eq!(counts(&post_mortem.profile, "early").returned, 3_000);
    assert_eq!(counts(&post_mortem.profile, "late").returned, 500);
    assert!(
        post_mortem.notes.iter().any(|note| note.contains("before recording")),
        "{:?}",
        post_mortem.notes
    );
}

#[test]
fn a_child_that_was_forked_counts_for_itself() {
    static BEFORE: Site = Site::new("before", file!(), line!(), true);
    static AFTER: Site = Site::new("after", file!(), line!(), true);
    if is_child() {
        recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
        (0..100).for_each(|_| drop(enter(&BEFORE, || {})));
        // SAFETY: the child makes calls that are measured, and ends.
        match unsafe { libc::fork() } {
            0 => {
                (0..1_000).for_each(|_| drop(enter(&BEFORE, || {})));
                (0..1_000).for_each(|_| drop(enter(&AFTER, || {})));
                // SAFETY: ends the process.
                unsafe { libc::_exit(if profile_cost_runtime::snapshot().is_empty() { 1 } else { 0 }) };
            }
            child => {
                let mut status = 0;
                // SAFETY: waits for a child of ours.
                assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
                assert_eq!(status, 0);
            }
        }
        (0..10).for_each(|_| drop(enter(&BEFORE, || {})));
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    let folder = Folder::new("fork");
    let output =
        again("a_child_that_was_forked_counts_for_itself", &folder.0).output().expect("the child runs");
    assert!(output.status.success(), "{}", text(&output));
    let post_mortem = recorder::read(&folder.0).expect("the file opens");
    assert_eq!(counts(&post_mortem.profile, "before").returned, 110);
    assert_eq!(counts(&post_mortem.profile, "after"), Counts::default());
}

#[test]
fn files_are_private_are_kept_in_number_and_follow_no_links() {
    static CALLED: Site = Site::new("called", file!(), line!(), true);
    if is_child() {
        recorder::start(Folder::of_parent(), &Options { keep: 3, ..Options::default() }).expect("it records");
        drop(enter(&CALLED, || {}));
        let again = recorder::start(Folder::of_parent(), &Options::default());
        assert!(matches!(again, Err(StartError::Started(_))), "{again:?}");
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    let folder = Folder::new("kept");
    let precious = folder.0.join("precious");
    fs::write(&precious, "not ours").expect("a file");
    std::os::unix::fs::symlink(&precious, folder.0.join("link.flight")).expect("a link");
    // The oldest of all, of a process that lives.
    let living = folder.0.join("living.flight");
    let held = File::create(&living).expect("a file");
    // SAFETY: the descriptor is open.
    assert_eq!(unsafe { libc::flock(held.as_raw_fd(), libc::LOCK_EX) }, 0);
    for run in 1..=5 {
        let mut command = again("files_are_private_are_kept_in_number_and_follow_no_links", &folder.0);
        let output = command.output().expect("the child runs");
        assert!(output.status.success(), "{}", text(&output));
        let files: Vec<PathBuf> = fs::read_dir(&folder.0)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "flight") && !path.is_symlink())
            .filter(|path| *path != living)
            .collect();
        assert_eq!(files.len(), run.min(3), "{files:?}");
        for file in &files {
            let data = fs::metadata(file).expect("it is there");
            assert_eq!(data.permissions().mode() & 0o777, 0o600);
            // As long as what is used, not as what may be.
            assert!(data.len() <= 1 << 20, "{}", data.len());
            assert!(data.blocks() * 512 >= data.len(), "room is taken before it is needed");
        }
    }
    assert!(living.exists());
    assert_eq!(fs::read_to_string(&precious).expect("it is there"), "not ours");
    assert!(folder.0.join("link.flight").is_symlink());
}

#[test]
fn a_file_of_a_process_that_lives_is_read_as_such() {
    if is_child() {
        return work_until_killed(&Folder::of_parent());
    }
    let folder = Folder::new("alive");
    let mut command = again("a_file_of_a_process_that_lives_is_read_as_such", &folder.0);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the child starts");
    wait_for_ready(&mut child);
    for _ in 0..20 {
        let post_mortem = recorder::read(&folder.0).expect("the file opens");
        assert_eq!(post_mortem.ending, Ending::Running);
        assert!(!post_mortem.time_line.is_empty());
        for path in post_mortem.profile.paths() {
            assert!(path.counts.starts >= path.counts.returned);
        }
    }
    child.kill().expect("it is ours");
    child.wait().expect("it is ours");
    let post_mortem = recorder::read(&folder.0).expect("the file opens");
    assert_eq!(post_mortem.ending, Ending::Silent);
    let mut shown = Vec::new();
    post_mortem.write_text(&mut shown, 10).expect("memory");
    let shown = String::from_utf8(shown).expect("text");
    for part in ["without a word", "resident", "WHAT WAS RUNNING", "load 1", "f1"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let mut json = Vec::new();
    post_mortem.write_json(&mut json).expect("memory");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["ending"], "silent");
    assert!(json["profile"]["paths"].as_array().is_some_and(|paths| !paths.is_empty()), "{json}");
}

#[test]
fn a_folder_that_will_not_do_is_one_line_and_the_program_runs_on() {
    static CALLED: Site = Site::new("called", file!(), line!(), true);
    if is_child() {
        drop(enter(&CALLED, || {}));
        return;
    }
    let folder = Folder::new("no-folder");
    let file = folder.0.join("file");
    fs::write(&file, "").expect("a file");
    for folder in [file.join("below"), PathBuf::from("/proc/nowhere"), PathBuf::from("/dev/full")] {
        let mut command =
            again("a_folder_that_will_not_do_is_one_line_and_the_program_runs_on", Path::new("unused"));
        let output = command.env("PROFILE_COST_RECORD", &folder).output().expect("the child runs");
        assert!(output.status.success(), "{}", text(&output));
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<_> = said.lines().filter(|line| line.starts_with("profile-cost: ")).collect();
        assert_eq!(lines.len(), 1, "{}", text(&output));
        assert!(lines[0].contains(&folder.display().to_string()), "{lines:?}");
    }
}

#[test]
fn a_file_that_may_not_grow_is_said_and_the_program_runs_on() {
    if is_child() {
        // As a full disk: the error is another, which is EFBIG.
        let limit = libc::rlimit { rlim_cur: 600 << 10, rlim_max: 600 << 10 };
        // SAFETY: a valid structure; the signal is to be the error that it is otherwise.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
        }
        call_many();
    }
    let folder = Folder::new("no-room");
    let output = again("a_file_that_may_not_grow_is_said_and_the_program_runs_on", &folder.0).output();
    check_full(&folder.0, &output.expect("the child runs"), "could not grow");
}

#[test]
fn a_file_with_all_that_it_may_have_is_said_and_the_program_runs_on() {
    if is_child() {
        call_many();
    }
    let folder = Folder::new("cap");
    let output =
        again("a_file_with_all_that_it_may_have_is_said_and_the_program_runs_on", &folder.0).output();
    check_full(&folder.0, &output.expect("the child runs"), "1.0 MiB that it may have");
    let file = recorder::newest(&folder.0).expect("the folder").expect("a file");
    assert_eq!(fs::metadata(file).expect("it is there").len(), 1 << 20);
}

/// More functions than fit into the file.
fn call_many() {
    let options = Options { max_bytes: 1 << 20, ..Options::default() };
    recorder::start(Folder::of_parent(), &options).expect("it records");
    let sites = sites("many", 20_000);
    for _ in 0..2 {
        sites.iter().for_each(|site| drop(enter(site, || {})));
    }
    let returned: u64 =
        profile_cost_runtime::snapshot().paths().iter().map(|path| path.counts.returned).sum();
    assert_eq!(returned, 40_000, "what is not in the file is counted all the same");
    std::thread::sleep(Duration::from_millis(600));
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) };
}

fn check_full(folder: &Path, output: &Output, why: &str) {
    assert!(output.status.success(), "{}", text(output));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().filter(|line| line.contains("is not recorded")).count(), 1, "{said}");
    let post_mortem = recorder::read(folder).expect("the file opens");
    assert!(post_mortem.notes.iter().any(|note| note.contains(why)), "{:?}", post_mortem.notes);
    let is = counts(&post_mortem.profile, "many0");
    assert_eq!((is.starts, is.returned), (2, 2));
}

// ---- files that are damaged ----

/// A file of a process that was killed.
fn sample(test: &str) -> Vec<u8> {
    let folder = Folder::new(test);
    let output = again(test, &folder.0).output().expect("the child runs");
    let file = recorder::newest(&folder.0).expect("the folder").expect("a file");
    assert!(!output.status.success(), "{}", text(&output));
    fs::read(file).expect("it is ours")
}

/// Some of everything, and then killed.
fn some_of_everything() {
    recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
    let sites = sites("some", 50);
    let mut random = Random::of_seed(7);
    let folder = Folder::of_parent();
    let truth = Truth::open(&folder.join("truth"));
    (0..2_000).for_each(|_| load(&truth, 0, &sites[..FUNCTIONS], &mut random, 0));
    let _ = std::panic::catch_unwind(|| panic!("a message"));
    let _call = enter(sites[45], || {});
    std::thread::sleep(Duration::from_millis(300));
    // SAFETY: a signal to this process.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

/// Reads it, and shows what there is in every way.
fn survive(bytes: &[u8]) -> bool {
    let Ok(post_mortem) = recorder::read_bytes(bytes) else { return false };
    let mut text = Vec::new();
    post_mortem.write_text(&mut text, 5).expect("memory");
    post_mortem.write_json(&mut text).expect("memory");
    let size = text.len();
    assert!(size < 64 * bytes.len() + (1 << 20), "{size} bytes of {}", bytes.len());
    true
}

#[test]
fn files_cut_off_anywhere_are_read_as_far_as_they_go() {
    if is_child() {
        return some_of_everything();
    }
    let bytes = sample("files_cut_off_anywhere_are_read_as_far_as_they_go");
    assert!(survive(&bytes));
    let step = number("PROFILE_COST_TEST_CUT_STEP", 797) as usize;
    let all = counts(&recorder::read_bytes(&bytes).expect("a file").profile, "some1").starts;
    let mut last = 0;
    for length in (0..bytes.len()).filter(|length| *length < 4_200 && length % 7 == 0 || length % step == 0) {
        let read = recorder::read_bytes(&bytes[..length]);
        assert_eq!(read.is_ok(), length >= 4_096, "{length}");
        let Ok(post_mortem) = read else { continue };
        let is = counts(&post_mortem.profile, "some1").starts;
        assert!(is >= last && is <= all, "{length}: {last}, {is}, {all}");
        last = is;
        survive(&bytes[..length]);
    }
    assert_eq!(last, all);
}

#[test]
fn other_files_and_other_versions_are_refused_in_words() {
    if is_child() {
        return some_of_everything();
    }
    let bytes = sample("other_files_and_other_versions_are_refused_in_words");
    let said = |bytes: &[u8]| recorder::read_bytes(bytes).expect_err("it is refused").to_string();
    assert!(said(b"").contains("not a flight recorder's file"));
    assert!(said(b"{\"format\": \"profile-cost\"}").contains("not a flight recorder's file"));
    assert!(said(&bytes[..100]).contains("cut off after 100 bytes"));
    let changed = |at: usize, by: &[u8]| {
        let mut changed = bytes.clone();
        changed[at..at + by.len()].copy_from_slice(by);
        changed
    };
    assert!(said(&changed(20, &2u32.to_ne_bytes())).contains("version 2 of the format"));
    assert!(said(&changed(24, &0x0403_0201u32.to_ne_bytes())).contains("byte order"));
    assert!(said(&changed(28, &[0xff; 4])).contains("checksum"));
    let folder = Folder::new("nothing");
    assert!(recorder::read(&folder.0).expect_err("none").to_string().contains("no file"));
}

/// CRC-32, so that what a checksum guards is tried as well.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _: u32| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step))
}

#[test]
fn files_damaged_in_any_way_are_read_as_far_as_they_are_sound() {
    if is_child() {
        return some_of_everything();
    }
    let bytes = sample("files_damaged_in_any_way_are_read_as_far_as_they_are_sound");
    // Where chunks begin, and what is not zero.
    let chunks: Vec<usize> =
        (4_096..bytes.len() - 64).step_by(64).filter(|at| bytes[*at..].starts_with(b"chnk")).collect();
    assert!(chunks.len() > 20, "{}", chunks.len());
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let mut random = Random::of_seed(number("PROFILE_COST_TEST_SEED", 1));
    let mut read = 0;
    let mutations = number("PROFILE_COST_TEST_MUTATIONS", 300);
    let mut damaged = bytes.clone();
    for _ in 0..mutations {
        damaged.copy_from_slice(&bytes);
        for _ in 0..=random.below(4) {
            let pick = |random: &mut Random, from: &[usize]| from[random.below(from.len() as u64) as usize];
            match random.below(4) {
                0 => {
                    let at = pick(&mut random, &used);
                    damaged[at] ^= 1 << random.below(8);
                }
                1 => {
                    let at = pick(&mut random, &used).min(bytes.len() - 8) & !7;
                    let values = [0, 1, u64::MAX, u64::MAX >> 1, 1 << 32, random.any()];
                    let value = values[random.below(values.len() as u64) as usize];
                    damaged[at..at + 8].copy_from_slice(&value.to_ne_bytes());
                }
                // What a chunk says of itself, with a checksum that says so too.
                2 => {
                    let at = pick(&mut random, &chunks);
                    let byte = at + 4 + random.below(52) as usize;
                    damaged[byte] = random.any() as u8;
                    let check = checksum(&damaged[at..at + 56]);
                    damaged[at + 60..at + 64].copy_from_slice(&check.to_ne_bytes());
                }
                // A header that says other things.
                _ => {
                    let byte = 28 + random.below(1_060) as usize;
                    damaged[byte] = random.any() as u8;
                    let check = checksum(&damaged[..1_088]);
                    damaged[1_088..1_092].copy_from_slice(&check.to_ne_bytes());
                }
            }
        }
        read += u64::from(survive(&damaged));
    }
    assert!(read * 4 > mutations, "{read} of {mutations} could be read");
}
