//! Processes that record and are killed at any moment, and what their files say then. Each scenario is this binary once more,
//! as a child.
#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "a test")]

mod recorder_common;

use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use profile_cost_runtime::Counts;
use profile_cost_runtime::private::{Site, enter, instrument};
use profile_cost_runtime::recorder::{self, Ending, Options};
use profile_cost_runtime::testing::Random;

use recorder_common::{
    BATCH, Folder, Running, THREADS, Truth, again, check_truth, counts, is_child, kill_oneself, number,
    say_ready, sites, text, wait_for_a_look, work_until_killed,
};

#[test]
fn processes_killed_at_any_moment_have_files_that_are_whole_and_true() {
    if is_child() {
        recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
        return work_until_killed(&Folder::of_parent(), |_, _, _| {});
    }
    let mut random = Random::of_seed(number("PROFILE_COST_TEST_SEED", 1));
    for kill in 0..number("PROFILE_COST_TEST_KILLS", 10) {
        let folder = Folder::new(&format!("kill-{kill}"));
        let mut command =
            again("processes_killed_at_any_moment_have_files_that_are_whole_and_true", &folder.0);
        let mut child = Running::start(&mut command);
        std::thread::sleep(Duration::from_micros(random.below(150_000)));
        assert_eq!(child.kill().signal(), Some(libc::SIGKILL));
        let post_mortem = recorder::read(&folder.0).expect("the file opens");
        assert_eq!(post_mortem.ending, Ending::Silent);
        check_truth(&post_mortem, &Truth::open(&folder.0.join("truth")), kill);
    }
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
        say_ready();
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
        let began = Instant::now();
        let mut child = Running::start(&mut again(test, &folder.0));
        std::thread::sleep(Duration::from_micros(random.below(150_000)));
        child.kill();
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
        // No more than 50 and what is in hands were suspended at any time. (What the file says of its duration may be less, by
        // what came after the last look at the clock.)
        let longest = began.elapsed().as_nanos() as u64 * (50 + 2 * most);
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
        profile_cost_runtime::runcall(|| -> () {
            (0..3).for_each(|_| drop(enter(&DONE, || {})));
            let _call = enter(&OPEN, || {});
            kill_oneself()
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
        let path = recorder::start(Folder::of_parent(), &options).expect("it records");
        drop(enter(&CALLED, || {}));
        // The thread reports first of all.
        wait_for_a_look(&path);
        kill_oneself();
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
        let path = recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
        (0..2_000).for_each(|_| drop(enter(&EARLY, || {})));
        // New chunks of counters are in the file themselves.
        std::thread::spawn(|| (0..500).for_each(|_| drop(enter(&LATE, || {})))).join().expect("it ends");
        wait_for_a_look(&path);
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
fn a_file_of_a_process_that_lives_is_read_as_such() {
    if is_child() {
        recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
        return work_until_killed(&Folder::of_parent(), |_, _, _| {});
    }
    let folder = Folder::new("alive");
    let mut command = again("a_file_of_a_process_that_lives_is_read_as_such", &folder.0);
    let mut child = Running::start(&mut command);
    // Until the recorder has looked where its threads are.
    let (end, mut running) = (Instant::now() + Duration::from_secs(60), 0);
    while running < THREADS && Instant::now() < end {
        let post_mortem = recorder::read(&folder.0).expect("the file opens");
        assert_eq!(post_mortem.ending, Ending::Running);
        assert!(!post_mortem.time_line.is_empty());
        for path in post_mortem.profile.paths() {
            assert!(path.counts.starts >= path.counts.returned);
        }
        running = post_mortem.running.len();
    }
    assert_eq!(running, THREADS);
    child.kill();
    let post_mortem = recorder::read(&folder.0).expect("the file opens");
    assert_eq!(post_mortem.ending, Ending::Silent);
    let mut shown = Vec::new();
    post_mortem.write_text(&mut shown, 10).expect("memory");
    let shown = String::from_utf8(shown).expect("text");
    for part in ["without a word", "resident", "WHAT WAS RUNNING", "load 1", "made.rs:"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let mut json = Vec::new();
    post_mortem.write_json(&mut json).expect("memory");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["ending"], "silent");
    assert!(json["profile"]["paths"].as_array().is_some_and(|paths| !paths.is_empty()), "{json}");
}
