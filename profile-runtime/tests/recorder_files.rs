//! The flight recorder's files: folders and disks that will not do, files that others write to, and those that are damaged in
//! any way. Each scenario that records is this binary once more, as a child.
#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::print_stdout, reason = "what was not judged, and why")]

mod recorder_common;

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use profile_cost_runtime::Stats;
use profile_cost_runtime::heap::{self, KeyType, ReportOptions, Snapshot};
use profile_cost_runtime::private::{Site, enter, instrument};
use profile_cost_runtime::recorder::{self, Options, StartError};
use profile_cost_runtime::testing::Random;

use recorder_common::{
    FUNCTIONS, Folder, Truth, again, counts, is_child, kill_oneself, load, number, sites, text,
    wait_for_a_look,
};

#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

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

/// Sets a limit of this process, no higher than it may. Returns what it is now.
fn limit(what: libc::__rlimit_resource_t, to: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: valid structures of ours.
    unsafe {
        assert_eq!(libc::getrlimit(what, &raw mut limit), 0);
        limit.rlim_cur = to.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(what, &raw const limit), 0);
    }
    limit.rlim_cur
}

/// Bytes that this process has the kernel keep in memory.
fn kept_in_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).expect("its line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

#[test]
fn what_threads_count_on_stays_in_memory_in_half_of_what_the_process_may_keep_there() {
    const STEP: u64 = 256 << 10;
    let test = "what_threads_count_on_stays_in_memory_in_half_of_what_the_process_may_keep_there";
    if is_child() {
        let half = limit(libc::RLIMIT_MEMLOCK, number("LIMIT", 0)) / 2;
        recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
        sites("many", 10_000).iter().for_each(|site| drop(enter(site, || {})));
        let kept = kept_in_memory();
        assert!(kept <= half && kept + STEP > half, "{kept} of {half}");
        return;
    }
    let folder = Folder::new("kept");
    for limit in [0, 500 << 10, 600 << 10, 1_100 << 10] {
        let output = again(test, &folder.0).env("LIMIT", limit.to_string()).output().expect("the child runs");
        assert!(output.status.success(), "{}", text(&output));
    }
}

#[test]
fn a_file_that_may_not_grow_is_said_and_the_program_runs_on() {
    if is_child() {
        // As a full disk: the error is another, which is EFBIG.
        // SAFETY: the signal is to be the error that it is otherwise.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        limit(libc::RLIMIT_FSIZE, 600 << 10);
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

/// A disk of its own, of 700 KiB, while it is there.
struct SmallDisk(CString);

impl SmallDisk {
    /// `None` where the test may not mount one.
    fn new(folder: &Path) -> Option<Self> {
        let at = CString::new(folder.to_str().expect("UTF-8")).expect("no zero byte");
        let options = c"size=700k";
        // SAFETY: strings that end with a zero byte.
        let result = unsafe {
            libc::mount(c"none".as_ptr(), at.as_ptr(), c"tmpfs".as_ptr(), 0, options.as_ptr().cast())
        };
        (result == 0).then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // SAFETY: a string that ends with a zero byte.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

#[test]
fn a_full_disk_is_said_and_the_program_runs_on() {
    if is_child() {
        call_many();
    }
    let test = "a_full_disk_is_said_and_the_program_runs_on";
    let folder = Folder::new("full-disk");
    let Some(_disk) = SmallDisk::new(&folder.0) else {
        return println!("# NOT JUDGED: there may be no disk of the test's own");
    };
    check_full(&folder.0, &again(test, &folder.0).output().expect("the child runs"), "No space left");
    // And one that is full from the start.
    while fs::write(folder.0.join("more"), vec![1; 700 << 10]).is_ok() {}
    let output = again("a_folder_that_will_not_do_is_one_line_and_the_program_runs_on", &folder.0)
        .env("PROFILE_COST_RECORD", &folder.0)
        .output()
        .expect("the child runs");
    assert!(output.status.success(), "{}", text(&output));
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("profile-cost: ")).collect();
    assert!(lines.len() == 1 && lines[0].contains("make room"), "{}", text(&output));
}

/// Whoever may write to the file can make it say anything, and the program that counts in it has nothing of that: figures
/// that are wrong, and nothing else.
#[test]
fn a_file_that_others_write_over_costs_the_program_its_figures_alone() {
    if is_child() {
        return count_while_others_write();
    }
    let folder = Folder::new("written-over");
    let test = "a_file_that_others_write_over_costs_the_program_its_figures_alone";
    let output = again(test, &folder.0).output().expect("the child runs");
    assert!(output.status.success(), "{}", text(&output));
    // Whatever it says.
    survive(
        &fs::read(recorder::newest(&folder.0).expect("the folder").expect("a file")).expect("it is ours"),
        true,
    );
}

/// At its end, and be it by a panic, threads are to end that look at it.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn count_while_others_write() {
    static WAITS: Site = Site::new("waits", file!(), line!(), true);
    let path = recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
    let _ = heap::start(10);
    let sites = sites("over", FUNCTIONS as u32);
    let truth = Truth::open(&Folder::of_parent().join("truth"));
    let file = File::options().write(true).open(path).expect("it is ours");
    let length = file.metadata().expect("it is open").len();
    let ends = AtomicBool::new(false);
    let is_on = || !ends.load(Ordering::Relaxed);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random::of_seed(number("PROFILE_COST_TEST_SEED", 1));
            while is_on() {
                let values = [0, 1, u64::MAX, u64::MAX >> 1, 1 << 32, 0x0001_0001, random.any()];
                let value = values[random.below(values.len() as u64) as usize];
                let at = random.below(length / 8) * 8;
                file.write_at(&value.to_ne_bytes(), at).expect("it is open");
            }
        });
        for thread in 0..2 {
            let (truth, sites) = (&truth, &sites);
            scope.spawn(move || {
                let mut random = Random::of_seed(thread);
                while is_on() {
                    load(truth, thread as usize, sites, &mut random, 0);
                    drop(std::hint::black_box(vec![1u8; 1 + random.below(3_000) as usize]));
                    let mut polls = 0;
                    let mut future = pin!(instrument(
                        &WAITS,
                        || {},
                        std::future::poll_fn(|_| {
                            polls += 1;
                            if polls < 3 { Poll::Pending } else { Poll::Ready(()) }
                        })
                    ));
                    while future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
                }
            });
        }
        let _ends = Ends(&ends);
        for round in 0..number("PROFILE_COST_TEST_SCRIBBLES", 30) {
            let profile = profile_cost_runtime::snapshot_with_threads();
            let mut text = Vec::new();
            Stats::from(profile).print_stats(&mut text, 20).expect("memory");
            let _ = profile_cost_runtime::in_flight();
            show_heap(&heap::take_snapshot());
            if round % 10 == 9 {
                profile_cost_runtime::reset();
                heap::stop();
                let _ = heap::start(10);
            }
        }
    });
}

/// More functions than fit into the file.
fn call_many() {
    let options = Options { max_bytes: 1 << 20, ..Options::default() };
    let path = recorder::start(Folder::of_parent(), &options).expect("it records");
    let sites = sites("many", 20_000);
    for _ in 0..2 {
        sites.iter().for_each(|site| drop(enter(site, || {})));
    }
    let returned: u64 =
        profile_cost_runtime::snapshot().paths().iter().map(|path| path.counts.returned).sum();
    assert_eq!(returned, 40_000, "what is not in the file is counted all the same");
    // It says so.
    wait_for_a_look(&path);
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
    // Backtraces allocate on hundreds of stacks.
    let output = again(test, &folder.0).env("RUST_BACKTRACE", "0").output().expect("the child runs");
    let file = recorder::newest(&folder.0).expect("the folder").expect("a file");
    assert!(!output.status.success(), "{}", text(&output));
    fs::read(file).expect("it is ours")
}

/// Some of everything, and then killed.
fn some_of_everything() {
    let path = recorder::start(Folder::of_parent(), &Options::default()).expect("it records");
    let sites = sites("some", 50);
    let mut random = Random::of_seed(7);
    let folder = Folder::of_parent();
    let truth = Truth::open(&folder.join("truth"));
    // Where stacks cannot be walked there is less of everything.
    let _ = heap::start(3);
    (0..20).for_each(|_| load(&truth, 0, &sites[..FUNCTIONS], &mut random, 0));
    let _ = std::panic::catch_unwind(|| panic!("a message"));
    let _call = enter(sites[45], || {});
    wait_for_a_look(&path);
    kill_oneself();
}

/// Reads it, and where that is asked for shows what there is in every way.
fn survive(bytes: &[u8], is_shown: bool) -> bool {
    let Ok(post_mortem) = recorder::read_bytes(bytes) else { return false };
    if !is_shown {
        return true;
    }
    let mut text = Vec::new();
    post_mortem.write_text(&mut text, 5).expect("memory");
    post_mortem.write_json(&mut text).expect("memory");
    if let Some(Ok(heap)) = post_mortem.heap() {
        show_heap(&heap);
    }
    let size = text.len();
    assert!(size < 64 * bytes.len() + (1 << 20), "{size} bytes of {}", bytes.len());
    true
}

/// In every way, whatever figures others have put there.
fn show_heap(snapshot: &Snapshot) {
    let mut text = Vec::new();
    snapshot.write_report(&mut text, &ReportOptions::default()).expect("memory");
    snapshot.write_statistics(&mut text, KeyType::Traceback, true, 5).expect("memory");
    // A variance may be no number.
    let _ = snapshot.write_dump(&mut text);
}

#[test]
fn files_cut_off_anywhere_are_read_as_far_as_they_go() {
    if is_child() {
        return some_of_everything();
    }
    let bytes = sample("files_cut_off_anywhere_are_read_as_far_as_they_go");
    assert!(survive(&bytes, true));
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
        survive(&bytes[..length], length % 8 == 0);
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
    for mutation in 0..mutations {
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
        // Showing takes longer than reading by far, and finds inert values only.
        read += u64::from(survive(&damaged, mutation % 8 == 0));
    }
    assert!(read * 4 > mutations, "{read} of {mutations} could be read");
}
