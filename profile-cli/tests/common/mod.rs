//! The built program, profiles for it to read, and what it said.

#![allow(dead_code, reason = "each test uses its part")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use profile_cost_runtime::{Counts, Label, Profile};

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// The output of a run that must have gone well.
    #[track_caller]
    pub fn fine(self) -> String {
        assert_eq!(self.status, Some(0), "{self:?}");
        self.stdout
    }

    /// The one line of a run that must have failed.
    #[track_caller]
    pub fn error(self) -> String {
        assert_eq!(self.status, Some(2), "{self:?}");
        assert!(self.stderr.starts_with("error: ") && self.stderr.ends_with('\n'), "{self:?}");
        assert_eq!(self.stderr.lines().count(), 1, "{self:?}");
        self.stderr
    }
}

pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-profile-cost"));
    for name in ["NO_COLOR", "CARGO_TERM_COLOR", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Outcome {
    run_with(command().args(arguments), b"")
}

pub fn run_with(command: &mut Command, stdin: &[u8]) -> Outcome {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    // A program that does not read its input closes it.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin);
    let output = child.wait_with_output().expect("the program ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Outcome { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A directory of its own, gone at the end of the test.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("profile-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        fs::create_dir_all(&dir).expect("a directory");
        Self(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The name as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    pub fn save(&self, name: &str, profile: &Profile) -> String {
        profile.save(self.path(name)).expect("saved");
        self.arg(name)
    }

    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("a directory");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Orders: a request of `calls` calls whose query takes `query_ns` each, by a fresh path or two.
pub fn shop(calls: u64, query_ns: u64) -> Profile {
    let mut profile = Profile::new();
    let label = |name: &str, line| Label::new("/srv/shop/src/orders.rs", line, name);
    let handle = profile.add_function(label("handle", 10));
    let load = profile.add_function(label("Orders::load", 20));
    let query = profile.add_function(Label::new("/srv/shop/src/db.rs", 7, "query"));
    let render = profile.add_function(Label::new("/srv/shop/src/page.rs", 3, "render"));
    let counts = |starts, self_busy| Counts { starts, returned: starts, self_busy, ..Counts::default() };
    let root = profile.add_path(None, handle, &counts(10, 1_000_000));
    let loading = profile.add_path(Some(root), load, &counts(10, 2_000_000));
    profile.add_path(
        Some(loading),
        query,
        &Counts { self_await: 500_000, polls: 2 * calls, ..counts(calls, calls * query_ns) },
    );
    profile.add_path(Some(root), render, &counts(10, 3_000_000));
    let nested = profile.add_path(Some(root), query, &counts(1, query_ns));
    profile.add_path(Some(nested), query, &counts(2, 2 * query_ns));
    profile
}

pub fn dump(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profile-runtime/tests/dumps").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

/// Compares with a file in `tests/golden`; `BLESS=1` writes it anew.
#[track_caller]
pub fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, text).expect("written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name}; BLESS=1 if the new text is right");
}
