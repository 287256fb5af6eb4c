//! What the recorder's tests share: children that record, and say themselves what they counted.
#![allow(dead_code, missing_docs, reason = "each test uses its part")]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use profile_cost_runtime::private::{Site, enter};
use profile_cost_runtime::recorder::{self, PostMortem};
use profile_cost_runtime::testing::Random;
use profile_cost_runtime::{Counts, Profile};

pub const CHILD: &str = "PROFILE_COST_TEST_CHILD";
/// Threads of a child under load.
pub const THREADS: usize = 3;
/// Elapsed times that wait on a thread before they are in its histograms.
pub const BATCH: u64 = 128;

pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// This test again, in a process of its own.
pub fn again(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, folder);
    command.env_remove("PROFILE_COST").env_remove("PROFILE_COST_RECORD").stdin(Stdio::null());
    command
}

pub fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// A folder of the test's own, which goes with it.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("profile-cost-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    pub fn of_parent() -> PathBuf {
        PathBuf::from(std::env::var_os(CHILD).expect("a child"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Waits until the file says that.
pub fn wait_until(path: &Path, is: impl Fn(&PostMortem) -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !recorder::read(path).is_ok_and(|post_mortem| is(&post_mortem)) {
        assert!(Instant::now() < end, "it never says that");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the recorder's thread has looked at everything once more, and written a row.
pub fn wait_for_a_look(path: &Path) {
    let rows = |post_mortem: &PostMortem| post_mortem.time_line.len();
    let now = recorder::read(path).map_or(0, |post_mortem| rows(&post_mortem));
    // What comes next may have begun to look before this.
    wait_until(path, |post_mortem| rows(post_mortem) >= now + 2);
}

pub fn kill_oneself() -> ! {
    // SAFETY: a signal to this process.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
    loop {
        std::thread::park();
    }
}

pub fn text(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Functions made at run time.
pub fn sites(prefix: &str, count: u32) -> Vec<&'static Site> {
    (0..count)
        .map(|i| {
            let name: &'static str = Box::leak(format!("{prefix}{i}").into_boxed_str());
            &*Box::leak(Box::new(Site::new(name, "made.rs", i + 1, true)))
        })
        .collect()
}

pub fn counts(profile: &Profile, name: &str) -> Counts {
    let mut sum = Counts::default();
    for path in profile.paths() {
        if profile.function(path.function).label.name == name {
            sum.add(&path.counts);
        }
    }
    sum
}

/// What a child says it did, in a file that it shares with its parent: what each thread began and ended of each function.
pub struct Truth(&'static [AtomicU64]);

pub const FUNCTIONS: usize = 40;

impl Truth {
    pub fn open(path: &Path) -> Self {
        let file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).expect("a file");
        let words = THREADS * FUNCTIONS * 2 + THREADS;
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

    pub fn begun(&self, thread: usize, function: usize) -> &AtomicU64 {
        &self.0[2 * (thread * FUNCTIONS + function)]
    }

    pub fn ended(&self, thread: usize, function: usize) -> &AtomicU64 {
        &self.0[2 * (thread * FUNCTIONS + function) + 1]
    }

    /// Bytes that a thread has asked for, or is about to.
    pub fn allocated(&self, thread: usize) -> &AtomicU64 {
        &self.0[THREADS * FUNCTIONS * 2 + thread]
    }
}

/// Calls functions by chance, one within the other, and says so.
pub fn load(truth: &Truth, thread: usize, sites: &[&'static Site], random: &mut Random, depth: u32) {
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

/// Calls functions on some threads, and does `between` calls whatever else is to be done. The recorder writes into that folder.
pub fn work_until_killed(folder: &Path, between: impl Fn(&Truth, usize, &mut Random) + Sync) {
    assert_eq!(recorder::path().expect("it records").parent(), Some(folder));
    let truth = Truth::open(&folder.join("truth"));
    let sites = sites("f", FUNCTIONS as u32);
    let all_are_there = Barrier::new(THREADS + 1);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (truth, sites, all_are_there, between) = (&truth, &sites, &all_are_there, &between);
            let name = std::thread::Builder::new().name(format!("load {thread}"));
            let work = move || {
                let mut random = Random::of_seed(thread as u64 + u64::from(std::process::id()));
                // All is within a call that never ends.
                truth.begun(thread, FUNCTIONS - 1).fetch_add(1, Ordering::Relaxed);
                let _call = enter(sites[FUNCTIONS - 1], || {});
                all_are_there.wait();
                loop {
                    load(truth, thread, sites, &mut random, 0);
                    between(truth, thread, &mut random);
                }
            };
            name.spawn_scoped(scope, work).expect("a thread");
        }
        all_are_there.wait();
        say_ready();
    });
}

/// A figure is what the child says, or that of a call begun or ended since.
pub fn check_truth(post_mortem: &PostMortem, truth: &Truth, kill: u64) {
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
    let untimed: u64 = profile.paths().iter().map(|path| path.counts.untimed).sum();
    // At most one that is in the file and not yet counted as returned, and what waits on each thread.
    assert!(elapsed <= returned, "kill {kill}: {elapsed} of {returned}");
    let least = elapsed + THREADS as u64 * BATCH + untimed;
    assert!(least >= returned, "kill {kill}: {elapsed} of {returned}");
    // What was running is what was open.
    let running: usize = post_mortem.running.iter().map(|thread| thread.calls.len()).sum();
    assert!(
        running as u64 <= open && running as u64 + 2 * THREADS as u64 >= open,
        "kill {kill}: {running} of {open}"
    );
}

/// To the parent, by whom the child is waited for.
pub fn say_ready() {
    writeln!(std::io::stdout(), "\nready").expect("the parent reads");
}

/// A child that does not outlive the test.
pub struct Running(Child);

impl Running {
    /// Is there once it says so.
    pub fn start(command: &mut Command) -> Self {
        let mut running = Self(command.stdout(Stdio::piped()).spawn().expect("the child starts"));
        let out = BufReader::new(running.0.stdout.take().expect("piped"));
        assert!(out.lines().map_while(Result::ok).any(|line| line == "ready"), "the child says so");
        running
    }

    pub fn kill(&mut self) -> ExitStatus {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
