//! The heap in a flight recorder's file: a process with a leak is killed, and its file says which line holds the memory.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(missing_docs, reason = "a test")]

mod recorder_common;

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use profile_cost_runtime::heap::{self, KeyType, Mode};
use profile_cost_runtime::private::{Site, enter};
use profile_cost_runtime::recorder::{self, Options, PostMortem};
use profile_cost_runtime::testing::Random;

use recorder_common::{
    CHILD, FUNCTIONS, Folder, Running, THREADS, Truth, again, check_truth, counts, is_child, kill_oneself,
    number, wait_until, work_until_killed,
};

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

const MIB: u64 = 1 << 20;

/// What nobody frees.
static KEPT: std::sync::Mutex<Vec<Vec<u8>>> = std::sync::Mutex::new(Vec::new());

#[inline(never)]
fn leaks(bytes: usize) {
    static SITE: Site = Site::new("leaks", file!(), line!(), true);
    let _call = enter(&SITE, || {});
    let block = black_box(vec![1; bytes]);
    KEPT.lock().expect("nobody panics").push(block);
}

fn killed(test: &str, folder: &Path) -> PostMortem {
    let output = again(test, folder).output().expect("the child runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGKILL), "{said}");
    recorder::read(folder).unwrap_or_else(|error| panic!("{error}: {said}"))
}

fn folder(test: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("profile-cost-{}-{test}", std::process::id()))
}

/// The line of this file that holds the most, and how much.
fn culprit(post_mortem: &PostMortem) -> (String, u64) {
    let mut snapshot = post_mortem.heap().expect("there is one").expect("it is whole");
    snapshot.name_from(&[]).expect("this program is there");
    let rows = snapshot.statistics(KeyType::Function, false);
    let row = rows.first().expect("something is live");
    (row.to_string(), row.size)
}

/// As a service does: the heap in mid-life, into the file.
fn leak(modes: Mode, folder: &Path) -> ! {
    recorder::start(folder, &Options::default()).expect("it records");
    heap::set_mode(modes).expect("there is a tracker");
    (0..40).for_each(|_| leaks(MIB as usize));
    // To the last block, whenever a snapshot was taken.
    kill_oneself();
}

/// Recording the heap began before the flight recorder.
fn leak_before(folder: &Path) -> ! {
    heap::start(25).expect("there is a tracker");
    let path = recorder::start(folder, &Options::default()).expect("it records");
    (0..40).for_each(|_| leaks(MIB as usize));
    let is_whole = |post_mortem: &PostMortem| {
        let heap = post_mortem.heap().and_then(Result::ok);
        // Rows come once a second, and snapshots when they may.
        let is_told =
            post_mortem.time_line.iter().any(|row| row.live_bytes.is_some_and(|live| live >= 40 * MIB));
        is_told && heap.is_some_and(|heap| heap.process.live_bytes > 30 * MIB)
    };
    wait_until(&path, is_whole);
    kill_oneself();
}

fn check_leak(post_mortem: &PostMortem) {
    let (function, size) = culprit(post_mortem);
    assert!(function.contains("leaks"), "{function}");
    assert!((30 * MIB..60 * MIB).contains(&size), "{size}");
    // By call path as well.
    let profile = &post_mortem.profile;
    let is_leak = |path: &&profile_cost_runtime::Path| profile.function(path.function).label.name == "leaks";
    let live: u64 = profile.paths().iter().filter(is_leak).map(|path| path.counts.heap.live_bytes()).sum();
    assert!((30 * MIB..60 * MIB).contains(&live), "{live}");
    assert!(profile.notes.heap.live_bytes() >= live);
    let heap = post_mortem.heap().expect("there is one").expect("it is whole").process;
    assert!(heap.peak_bytes >= heap.live_bytes && heap.peak_bytes < 60 * MIB, "{heap:?}");
}

#[test]
fn a_leak_is_in_the_file_of_the_process_that_was_killed() {
    let test = "a_leak_is_in_the_file_of_the_process_that_was_killed";
    if let Some(folder) = std::env::var_os(CHILD) {
        leak(Mode::Exact { frames: 25 }, Path::new(&folder));
    }
    let folder = folder("exact");
    let post_mortem = killed(test, &folder);
    check_leak(&post_mortem);
    let (function, size) = culprit(&post_mortem);
    assert_eq!(size, 40 * MIB + 64 * size_of::<Vec<u8>>() as u64, "{function}, and the list of them");
    let leaked = counts(&post_mortem.profile, "leaks").heap;
    assert!((40..50).contains(&leaked.allocations), "{leaked:?}: the list of blocks grows as well");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_recording_that_begins_anew_has_nothing_of_the_one_before() {
    let test = "a_recording_that_begins_anew_has_nothing_of_the_one_before";
    if let Some(folder) = std::env::var_os(CHILD) {
        recorder::start(Path::new(&folder), &Options::default()).expect("it records");
        for _ in 0..40 {
            heap::start(25).expect("there is a tracker");
            // On a thread that ends: what it counted is handed over to tallies, with what is counted beside.
            let leaking = std::thread::spawn(|| {
                (0..4).for_each(|_| leaks(MIB as usize));
                let mut grows: Vec<u8> = Vec::new();
                (0..10_000).for_each(|byte| grows.push(byte as u8));
                black_box(&grows);
            });
            leaking.join().expect("it ends");
            heap::stop();
            KEPT.lock().expect("nobody panics").clear();
        }
        heap::start(25).expect("there is a tracker");
        (0..10).for_each(|_| leaks(MIB as usize));
        kill_oneself();
    }
    let folder = folder("anew");
    let post_mortem = killed(test, &folder);
    let (function, size) = culprit(&post_mortem);
    // The list of them may grow, too.
    assert!((10 * MIB..10 * MIB + 8_192).contains(&size), "{function}");
    let heap = post_mortem.heap().expect("there is one").expect("it is whole");
    let copied: u64 = heap.traces.iter().map(|trace| trace.counts.copied_bytes).sum();
    assert!(copied < 8_192, "{copied}");
    assert!(heap.process.peak_bytes < 11 * MIB, "{:?}", heap.process);
    let length =
        std::fs::metadata(recorder::newest(&folder).expect("the folder").expect("a file")).expect("it").len();
    assert!(length < 2 * MIB, "{length} bytes: pieces of the last recording are used again");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn one_that_was_recorded_before_the_flight_recorder_is_in_its_snapshots() {
    let test = "one_that_was_recorded_before_the_flight_recorder_is_in_its_snapshots";
    if let Some(folder) = std::env::var_os(CHILD) {
        leak_before(Path::new(&folder));
    }
    let folder = folder("before");
    let post_mortem = killed(test, &folder);
    check_leak(&post_mortem);
    assert!(post_mortem.peak_bytes >= 40 * MIB);
    assert!(post_mortem.time_line.iter().any(|row| row.live_bytes.is_some_and(|live| live >= 40 * MIB)));
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn so_is_one_that_was_sampled() {
    if let Some(folder) = std::env::var_os(CHILD) {
        leak(Mode::Sample { rate: 64 << 10 }, Path::new(&folder));
    }
    let folder = folder("sampled");
    let post_mortem = killed("so_is_one_that_was_sampled", &folder);
    check_leak(&post_mortem);
    let heap = post_mortem.heap().expect("there is one").expect("it is whole");
    let sampled = || heap.traces.iter().filter(|trace| trace.counts.samples > 0);
    assert!(sampled().map(|trace| trace.counts.samples).sum::<u64>() > 30, "{:?}", heap.traces);
    assert!(sampled().all(|trace| trace.counts.variance > 0.0), "{:?}", heap.traces);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn recording_begins_when_memory_is_near_its_limit_where_that_is_asked_for() {
    let test = "recording_begins_when_memory_is_near_its_limit_where_that_is_asked_for";
    if let Some(folder) = std::env::var_os(CHILD) {
        let heap_near_limit = Some(Mode::Sample { rate: 64 << 10 });
        let options = Options { memory_limit: Some(300 * MIB), heap_near_limit, ..Options::default() };
        let path = recorder::start(Path::new(&folder), &options).expect("it records");
        (0..275).for_each(|_| leaks(MIB as usize));
        wait_until(&path, |post_mortem| !post_mortem.messages.is_empty());
        (0..10).for_each(|_| leaks(MIB as usize));
        wait_until(&path, |post_mortem| {
            let heap = post_mortem.heap().and_then(Result::ok);
            heap.is_some_and(|heap| heap.process.live_bytes > 9 * MIB)
        });
        kill_oneself();
    }
    let folder = folder("switched");
    let post_mortem = killed(test, &folder);
    let told = &post_mortem.messages[0].text;
    assert!(told.contains("the heap is recorded from here on: sample:64KiB"), "{told}");
    let (function, size) = culprit(&post_mortem);
    assert!(function.contains("leaks") && (5 * MIB..20 * MIB).contains(&size), "{function}");
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn memory_near_its_limit_is_told_before_it_is_too_late() {
    let test = "memory_near_its_limit_is_told_before_it_is_too_late";
    if let Some(folder) = std::env::var_os(CHILD) {
        heap::start(25).expect("there is a tracker");
        let options = Options { memory_limit: Some(300 * MIB), ..Options::default() };
        let path = recorder::start(Path::new(&folder), &options).expect("it records");
        let is_told = |post_mortem: &PostMortem| post_mortem.messages.iter().any(|message| !message.is_panic);
        // As a service that is killed at its limit; and never beyond it, whatever is told.
        (0..280).for_each(|_| leaks(MIB as usize));
        wait_until(&path, is_told);
        kill_oneself();
    }
    let folder = folder("near");
    let post_mortem = killed(test, &folder);
    let told = &post_mortem.messages.iter().find(|message| !message.is_panic).expect("it was told").text;
    assert!(told.contains("of the limit of 300 MiB") && told.contains("leaks"), "{told}");
    let (function, size) = culprit(&post_mortem);
    assert!(function.contains("leaks") && size > 100 * MIB, "{function}");
    let _ = std::fs::remove_dir_all(folder);
}

/// Blocks of any size, some of them kept for a while, by a function that says how much.
fn allocate_until_killed(mode: Mode) {
    static KEEPS: Site = Site::new("f38", "made.rs", 39, true);
    const KEEPS_AT: usize = FUNCTIONS - 2;
    let kept: [std::sync::Mutex<Vec<Vec<u8>>>; THREADS] = Default::default();
    let folder = Folder::of_parent();
    // The heap is looked at as soon as there is a look at all, and at every one where memory has grown so far.
    let options = Options { memory_limit: Some(MIB), ..Options::default() };
    recorder::start(&folder, &options).expect("it records");
    heap::set_mode(mode).expect("there is a tracker");
    work_until_killed(&folder, |truth, thread, random| {
        truth.begun(thread, KEEPS_AT).fetch_add(1, Ordering::Relaxed);
        {
            let _call = enter(&KEEPS, || {});
            let size = 1 + random.below(20_000);
            truth.allocated(thread).fetch_add(size, Ordering::Relaxed);
            let block = black_box(vec![1; size as usize]);
            let mut kept = kept[thread].lock().expect("nobody panics");
            if kept.len() < 1_000 {
                kept.push(block);
            } else {
                let at = random.index(kept.len());
                kept[at] = block;
            }
        }
        truth.ended(thread, KEEPS_AT).fetch_add(1, Ordering::Relaxed);
    });
}

fn kill_while_the_heap_is_recorded(test: &str, mode: Mode) {
    if is_child() {
        return allocate_until_killed(mode);
    }
    let mut random = Random::of_seed(number("PROFILE_COST_TEST_SEED", 1));
    let mut seen = 0;
    let kills = number("PROFILE_COST_TEST_KILLS", 10);
    for kill in 0..kills {
        let folder = Folder::new(&format!("{test}-{kill}"));
        let mut child = Running::start(&mut again(test, &folder.0));
        std::thread::sleep(Duration::from_micros(random.below(600_000)));
        assert_eq!(child.kill().signal(), Some(libc::SIGKILL));
        let post_mortem = recorder::read(&folder.0).expect("the file opens");
        let truth = Truth::open(&folder.0.join("truth"));
        check_truth(&post_mortem, &truth, kill);
        let snapshot = post_mortem
            .heap()
            .expect("it is recorded")
            .unwrap_or_else(|error| panic!("kill {kill}: {error}"));
        let profile = &post_mortem.profile;
        let heap = counts(profile, "f38").heap;
        let sum = |of: &dyn Fn(usize) -> u64| (0..THREADS).map(of).sum::<u64>();
        let allocated = sum(&|thread| truth.allocated(thread).load(Ordering::Relaxed));
        let begun = sum(&|thread| truth.begun(thread, FUNCTIONS - 2).load(Ordering::Relaxed));
        let ended = sum(&|thread| truth.ended(thread, FUNCTIONS - 2).load(Ordering::Relaxed));
        let what =
            format!("kill {kill}: {heap:?}, in truth {allocated} bytes in {begun} calls, {ended} ended");
        if matches!(mode, Mode::Exact { .. }) {
            // The list of blocks grows in steps, by `realloc`; of calls under way the block may be there or not.
            let threads = THREADS as u64;
            assert!((ended..=begun + 20 * threads).contains(&heap.allocations), "{what}");
            let (least, most) = (allocated.saturating_sub(20_000 * threads), allocated + 100_000 * threads);
            assert!((least..=most).contains(&heap.allocated_bytes), "{what}");
            // A block is freed when it was counted, and no thread keeps more than 1,000 and one.
            assert!(heap.allocations - heap.frees <= 1_003 * threads, "{what}");
            let process = snapshot.process;
            assert!(process.peak_bytes < 1_003 * threads * 20_000 + MIB, "{what}: {process:?}");
            let peaks: u64 = snapshot.traces.iter().map(|trace| trace.counts.peak_bytes).sum();
            assert!(peaks <= process.peak_bytes + threads * 150_000, "{what}: {peaks}, {process:?}");
            seen += u64::from(heap.allocations > 0);
        } else {
            seen += u64::from(heap.samples > 0);
        }
        assert!(heap.live_bytes() <= heap.allocated_bytes, "{what}");
    }
    assert!(seen * 2 >= kills, "something in {seen} of {kills} files");
}

#[test]
fn processes_killed_while_all_of_the_heap_is_recorded_have_files_that_are_whole_and_true() {
    let test = "processes_killed_while_all_of_the_heap_is_recorded_have_files_that_are_whole_and_true";
    kill_while_the_heap_is_recorded(test, Mode::Exact { frames: 25 });
}

#[test]
fn and_so_have_those_whose_heap_is_sampled() {
    kill_while_the_heap_is_recorded(
        "and_so_have_those_whose_heap_is_sampled",
        Mode::Sample { rate: 16 << 10 },
    );
}
