//! A workspace of its own for a test: a folder below the target folder, the cargo and the tool that are run in it, and
//! what stands in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::said::Said;

/// Its folder's name has a space in it.
#[derive(Debug)]
pub struct Copy {
    pub folder: PathBuf,
}

/// What stands at a path. Folders have no time: what is built makes `target` in one.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    Folder,
    Link(PathBuf),
    File(Vec<u8>, SystemTime),
}

impl Copy {
    /// Of `tests/whole/torture`.
    pub fn of_torture(name: &str) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/whole/torture");
        let copy = Self::empty(name);
        copy_all(&from, &copy.folder);
        copy
    }

    /// A package of one file, `src/main.rs`.
    pub fn of_package(name: &str, manifest: &str, main: &str) -> Self {
        let copy = Self::empty(name);
        let package = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
        copy.write("Cargo.toml", &format!("{package}{manifest}\n[workspace]\n"));
        copy.write("src/main.rs", main);
        copy
    }

    fn empty(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole programs").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().expect("in a folder")).expect("a folder");
        fs::write(self.path(name), text).expect(name);
    }

    /// `cargo ARGUMENTS`, as the user would without the tool.
    pub fn cargo(&self, arguments: &str) -> Said {
        Said::by(&mut self.cargo_command(arguments))
    }

    pub fn cargo_command(&self, arguments: &str) -> Command {
        let mut cargo = Command::new(env!("CARGO"));
        self.at_home(&mut cargo).args(arguments.split_whitespace());
        cargo
    }

    /// `cargo profile-cost ARGUMENTS`.
    pub fn tool(&self, arguments: &str) -> Said {
        Said::by(&mut self.tool_command(arguments))
    }

    pub fn tool_command(&self, arguments: &str) -> Command {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_cargo-profile-cost"));
        self.at_home(&mut tool).args(arguments.split_whitespace());
        // The library that all tests share is compiled once.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole programs").join("cache");
        tool.env("PROFILE_COST_CACHE", cache).env("CARGO", env!("CARGO"));
        tool
    }

    /// In its folder, and with nothing of the cargo that runs this test.
    fn at_home<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let is_kept = ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_GOVERNED"].contains(&name.as_str());
            let is_of_cargo =
                ["CARGO", "PROFILE_COST", "RUSTC", "RUSTDOC", "RUST_BACKTRACE", "LD_LIBRARY_PATH"];
            if !is_kept && is_of_cargo.iter().any(|start| name.starts_with(start)) {
                command.env_remove(&name);
            }
        }
        command.env("NO_COLOR", "1").env("CARGO_TERM_COLOR", "never").current_dir(&self.folder)
    }

    /// All but what is built.
    pub fn entries(&self) -> BTreeMap<PathBuf, Entry> {
        let mut entries = BTreeMap::new();
        collect(&self.folder, &mut entries);
        entries
    }

    /// What the last run was.
    pub fn profile(&self) -> PathBuf {
        self.path("target/profile-cost/latest.json")
    }

    /// Another folder for what programs count.
    pub fn counts(&self, name: &str) -> PathBuf {
        let folder = self.path("target/counts").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }
}

pub fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("of a kind");
        if kind.is_symlink() {
            #[cfg(unix)]
            std::os::unix::fs::symlink(fs::read_link(&path).expect("a link"), &to).expect("a link");
        } else if kind.is_dir() {
            if entry.file_name() != "target" {
                copy_all(&path, &to);
            }
        } else {
            fs::copy(&path, &to).expect("a file");
        }
    }
}

fn collect(folder: &Path, entries: &mut BTreeMap<PathBuf, Entry>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, kind) = (entry.path(), entry.file_type().expect("of a kind"));
        if kind.is_symlink() {
            let target = fs::read_link(&path).expect("a link");
            entries.insert(path, Entry::Link(target));
        } else if kind.is_dir() {
            if entry.file_name() != "target" {
                collect(&path, entries);
                entries.insert(path, Entry::Folder);
            }
        } else {
            let changed = entry.metadata().and_then(|metadata| metadata.modified()).expect("a time");
            let text = fs::read(&path).expect("a file");
            entries.insert(path, Entry::File(text, changed));
        }
    }
}

/// The same but for what is named; says what is not.
#[track_caller]
pub fn assert_untouched(before: &BTreeMap<PathBuf, Entry>, after: &BTreeMap<PathBuf, Entry>) {
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let changed: Vec<_> = paths.into_iter().filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(changed.is_empty(), "changed: {changed:?}");
}
