//! A service that is killed for its memory, by the kernel where the machine lets a test make a memory cgroup, and what its
//! flight recorder's file says of it: the line and the type that hold the memory.
#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::print_stdout, reason = "what the file says, for whoever asks with --nocapture")]

mod common;

use std::ffi::CString;
use std::fs;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use common::{Dir, run};

/// What the service may take, bytes.
const LIMIT: u64 = 128 << 20;
/// It is there within some ten seconds.
const PATIENCE: Duration = Duration::from_secs(100);

/// A memory cgroup of the test's own.
struct Cgroup(PathBuf);

impl Cgroup {
    /// `None` where the machine does not let us.
    fn new(limit: u64) -> Option<Self> {
        let name = format!("profile-cost-{}", std::process::id());
        let versions = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        versions.into_iter().find_map(|(root, file)| {
            let folder = Path::new(root).join(&name);
            fs::create_dir(&folder).ok()?;
            let cgroup = Self(folder);
            // What is no cgroup has none of its files.
            let is_limited =
                cgroup.0.join(file).exists() && fs::write(cgroup.0.join(file), limit.to_string()).is_ok();
            is_limited.then_some(cgroup)
        })
    }

    /// The command will be one of the cgroup.
    fn take(&self, command: &mut Command) {
        let path = self.0.join("cgroup.procs");
        let path = CString::new(path.to_str().expect("UTF-8")).expect("no zero byte");
        let join = move || {
            // SAFETY: between fork and exec: system calls alone, with a path that ends with a zero byte.
            unsafe {
                let file = libc::open(path.as_ptr(), libc::O_WRONLY);
                let written = libc::write(file, c"0".as_ptr().cast(), 1);
                if file < 0 || written != 1 {
                    return Err(std::io::Error::last_os_error());
                }
                libc::close(file);
            }
            Ok(())
        };
        // SAFETY: `join` makes system calls alone.
        unsafe { command.pre_exec(join) };
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// The example, which a run of all tests has built.
fn service() -> PathBuf {
    let tests = std::env::current_exe().expect("the test's own path");
    let profile = tests.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let service = profile.join("examples/oom");
    if !service.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "-p", "profile-cost-example-oom", "--example", "oom"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success());
    }
    service
}

/// Waits for its end, and brings it about where no kernel does.
fn wait(mut child: Child, is_killed_by_us: bool) -> ExitStatus {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            return status;
        }
        let pages = fs::read_to_string(format!("/proc/{}/statm", child.id())).unwrap_or_default();
        let resident: u64 = pages.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
        if is_killed_by_us && resident * 4096 > LIMIT || Instant::now() > end {
            let _ = child.kill();
            assert!(Instant::now() <= end, "after {PATIENCE:?} it has {} MiB", resident >> 8);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_service_that_dies_of_its_memory_names_the_culprit() {
    let (dir, service) = (Dir::new(), service());
    let cgroup =
        std::env::var_os("PROFILE_COST_TEST_NO_CGROUP").is_none().then(|| Cgroup::new(LIMIT)).flatten();
    let mut command = Command::new(&service);
    command.args(["--seconds", "1000", "--out", &dir.arg("out")]);
    command.env("PROFILE_COST_RECORD", dir.path("flights")).env("PROFILE_COST_HEAP", "sample:64KiB");
    match &cgroup {
        Some(cgroup) => cgroup.take(&mut command),
        None => {
            command.env("PROFILE_COST_RECORD_OPTIONS", format!("memory-limit={LIMIT}"));
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = wait(command.spawn().expect("the service starts"), cgroup.is_none());
    assert_eq!(status.signal(), Some(libc::SIGKILL), "{status}");

    let text = run(["postmortem", &dir.arg("flights"), "--binary", service.to_str().expect("UTF-8")]).fine();
    let killer = if cgroup.is_some() { "the kernel" } else { "this test" };
    println!("# killed by {killer}\n{text}");
    for part in ["without a word", "last words", "examples/oom/pages.rs:", "Offer", "128 MiB"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
