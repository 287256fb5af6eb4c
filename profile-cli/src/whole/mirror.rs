//! A copy of the workspace in which every `.rs` file holds calls of the profiler, and all else is a link.
//!
//! The user's tree is only read. Folders of the mirror are always folders of its own: through a link to a folder, what
//! is written in it would be written in the user's.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::embedded;
use super::plan::{Plan, Wanted};
use super::splice::{self, Options};
use crate::failure::Failure;

/// A mirror on disk.
#[derive(Debug)]
pub(crate) struct Mirror<'a> {
    plan: &'a Plan,
    /// `/mirror`, so that `/home/me/app/src/main.rs` is `/mirror/home/me/app/src/main.rs`.
    root: PathBuf,
    index_path: PathBuf,
    index: Index,
    wanted: Wanted,
    /// Files that were seen in this pass.
    seen: BTreeSet<PathBuf>,
}

/// What is in the mirror, by the user's paths.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Index {
    pub(crate) files: BTreeMap<PathBuf, File>,
}

/// One `.rs` file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct File {
    /// Nanoseconds since 1970, and bytes: when these are as they were, so is the file.
    changed: u128,
    length: u64,
    pub(crate) functions: Vec<Function>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) in_macros: usize,
    /// Why it is as it was.
    pub(crate) unreadable: Option<String>,
    /// A build script wrote it.
    #[serde(default)]
    is_generated: bool,
    /// Lines of functions that do not compile with calls in them.
    left_out: BTreeSet<usize>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Of the function's name.
    pub(crate) line: usize,
    /// Of all of it, attributes and body.
    pub(crate) lines: RangeInclusive<usize>,
}

/// A function that is not measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Skipped {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) why: String,
}

impl<'a> Mirror<'a> {
    /// The mirror of this plan in the plan's folder, as the last build left it.
    pub(crate) fn open(plan: &'a Plan, folder: &Path) -> Result<Self, Failure> {
        let index_path = folder.join("index.json");
        let index = fs::read(&index_path).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let root = folder.join("mirror");
        fs::create_dir_all(&root).map_err(|error| Failure::of_file(&root, &error))?;
        // NOTE: compared with below, and rustc sees links.
        let root = root.canonicalize().map_err(|error| Failure::of_file(&root, &error))?;
        let index = index.unwrap_or_default();
        Ok(Self { plan, root, index_path, index, wanted: plan.wanted()?, seen: BTreeSet::new() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// Where the mirror holds the user's file.
    pub(crate) fn of(&self, path: &Path) -> PathBuf {
        let mut mirrored = self.root.clone();
        mirrored.extend(path.components().filter(|c| matches!(c, std::path::Component::Normal(_))));
        mirrored
    }

    /// Brings the mirror up to date with the user's files.
    pub(crate) fn update(&mut self) -> Result<(), Failure> {
        on_a_large_stack(|| {
            let mut folders = self.plan.folders.iter();
            folders
                .try_for_each(|folder| self.folder(folder).map_err(|error| Failure::of_file(folder, &error)))
        })?;
        let seen = std::mem::take(&mut self.seen);
        self.index.files.retain(|path, file| seen.contains(path) || (file.is_generated && path.exists()));
        self.write_index()
    }

    /// Mirrors what a build script wrote.
    pub(crate) fn add_generated(&mut self, folder: &Path) -> Result<(), Failure> {
        on_a_large_stack(|| self.folder(folder)).map_err(|error| Failure::of_file(folder, &error))?;
        for path in std::mem::take(&mut self.seen) {
            if let Some(file) = self.index.files.get_mut(&path) {
                file.is_generated = true;
            }
        }
        self.write_index()
    }

    /// Takes the calls out of the functions on these lines of the user's files.
    pub(crate) fn leave_out(
        &mut self,
        functions: &BTreeMap<PathBuf, BTreeSet<usize>>,
    ) -> Result<(), Failure> {
        for (path, lines) in functions {
            if let Some(file) = self.index.files.get_mut(path) {
                file.left_out.extend(lines);
                let left_out = file.left_out.clone();
                on_a_large_stack(|| self.splice(path, left_out))
                    .map_err(|error| Failure::of_file(path, &error))?;
            }
        }
        self.write_index()
    }

    fn write_index(&self) -> Result<(), Failure> {
        let text = serde_json::to_vec(&self.index).map_err(|error| Failure::new(error.to_string()))?;
        replace(&self.index_path, |new| fs::write(new, &text))
            .map_err(|error| Failure::of_file(&self.index_path, &error))
    }

    fn folder(&mut self, from: &Path) -> io::Result<()> {
        let to = self.of(from);
        self.make_folder(&to)?;
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            // A link to a folder is followed: what it leads to is found under both names.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let is_link = entry.file_type()?.is_symlink();
            if metadata.is_dir() {
                if self.is_mirrored(&path) && !(is_link && leads_up(&path)) {
                    self.folder(&path)?;
                    names.insert(name);
                }
            } else if metadata.is_file() {
                if path.extension() == Some(OsStr::new("rs")) {
                    self.source(&path, &metadata)?;
                } else {
                    link(&path, &to.join(&name))?;
                }
                names.insert(name);
            }
        }
        // What the user removed or renamed.
        for entry in fs::read_dir(&to)?.flatten().filter(|entry| !names.contains(&entry.file_name())) {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
        }
        Ok(())
    }

    /// Not what builds and version control leave.
    fn is_mirrored(&self, folder: &Path) -> bool {
        let name = folder.file_name().unwrap_or_default();
        let is_left = [".git", ".hg", ".svn", ".jj"].iter().any(|left| name == *left);
        !is_left
            && !folder.join("CACHEDIR.TAG").exists()
            && !self.root.starts_with(folder.join("profile-cost"))
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let inside = folder.strip_prefix(&self.root).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut made = self.root.clone();
        for name in inside {
            made.push(name);
            if fs::symlink_metadata(&made).is_ok_and(|there| !there.is_dir()) {
                fs::remove_file(&made)?;
            }
        }
        fs::create_dir_all(folder)?;
        if folder.canonicalize()?.starts_with(&self.root) {
            Ok(())
        } else {
            Err(io::Error::other("leads out of the mirror; remove target/profile-cost and try again"))
        }
    }

    fn source(&mut self, path: &Path, metadata: &Metadata) -> io::Result<()> {
        self.seen.insert(path.to_owned());
        let known = self.index.files.get(path);
        if known.is_some_and(|file| file.is(metadata)) && fs::symlink_metadata(self.of(path)).is_ok() {
            return Ok(());
        }
        self.splice(path, BTreeSet::new())
    }

    fn splice(&mut self, path: &Path, left_out: BTreeSet<usize>) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        let is_generated = self.index.files.get(path).is_some_and(|file| file.is_generated);
        let mut file = File { left_out, is_generated, ..File::default() };
        (file.changed, file.length) = stamp(&metadata);
        let spliced = match fs::read_to_string(path) {
            Ok(source) => {
                let name = path.to_string_lossy();
                let short = self.name_of_dependency(path);
                let options = Options {
                    edition_2015: self.is_of_2015(path),
                    file: short.as_deref(),
                    min_size: self.plan.min_size,
                    wanted: &|function| self.wanted.is(&name, function),
                    left_out: &file.left_out,
                    is_root: self.plan.roots.contains_key(path),
                };
                let folder = path.parent().unwrap_or(path);
                let source = embedded::with_whole_paths(&source, folder);
                splice::splice(&source, &options).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        let to = self.of(path);
        match spliced {
            Ok(spliced) => {
                replace(&to, |new| fs::write(new, &spliced.text))?;
                let functions = spliced.functions.into_iter();
                file.functions =
                    functions.map(|f| Function { name: f.name, line: f.line, lines: f.lines }).collect();
                let skipped = spliced.skipped.into_iter();
                let skipped = skipped.map(|s| Skipped { name: s.name, line: s.line, why: s.why.to_string() });
                file.skipped = skipped.collect();
                file.in_macros = spliced.in_macros;
            }
            Err(why) => {
                link(path, &to)?;
                file.unreadable = Some(why);
            }
        }
        self.index.files.insert(path.to_owned(), file);
        Ok(())
    }

    /// Without the folders that downloaded packages lie in: `log-0.4.29/src/lib.rs`.
    fn name_of_dependency(&self, path: &Path) -> Option<String> {
        let (_, others) = self.plan.folders.split_first()?;
        let package = others.iter().find(|package| path.starts_with(package))?;
        Some(path.strip_prefix(package.parent()?).ok()?.to_string_lossy().into_owned())
    }

    /// The edition of the crate that the file most likely is of: of the root nearest to it.
    fn is_of_2015(&self, path: &Path) -> bool {
        if let Some(root) = self.plan.roots.get(path) {
            return root.edition_2015;
        }
        let mut folders = path.ancestors().skip(1);
        let nearest = folders.find_map(|folder| {
            let below = self.plan.roots.iter().find(|(root, _)| root.starts_with(folder));
            below.map(|(_, root)| root.edition_2015)
        });
        nearest.unwrap_or(false)
    }
}

/// Expressions that machines wrote nest deeper than a thread's usual stack lets them be read. Of what is set aside only
/// what is used takes memory.
fn on_a_large_stack<R: Send>(read: impl FnOnce() -> R + Send) -> R {
    const STACK: usize = if cfg!(target_pointer_width = "64") { 1 << 30 } else { 64 << 20 };
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, read);
        let read = reader.unwrap_or_else(|error| panic!("a thread cannot be had: {error}")).join();
        read.unwrap_or_else(|thrown| std::panic::resume_unwind(thrown))
    })
}

impl File {
    fn is(&self, metadata: &Metadata) -> bool {
        (self.changed, self.length) == stamp(metadata)
    }
}

fn stamp(metadata: &Metadata) -> (u128, u64) {
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    (changed.map_or(0, |since| since.as_nanos()), metadata.len())
}

/// A link to a folder that it lies in, or one it would be followed into for ever.
fn leads_up(link: &Path) -> bool {
    let lies_in = |target: PathBuf| {
        link.parent().and_then(|p| p.canonicalize().ok()).is_some_and(|p| p.starts_with(target))
    };
    link.canonicalize().is_ok_and(lies_in)
}

/// Makes `to` a link to `from`, or a copy where links cannot be made.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    if fs::read_link(to).is_ok_and(|target| target == from) {
        return Ok(());
    }
    replace(to, |new| {
        #[cfg(unix)]
        return std::os::unix::fs::symlink(from, new);
        #[cfg(not(unix))]
        return fs::copy(from, new).map(drop);
    })
}

/// Puts a new file in the place of an old one, or of a link, which is not followed.
fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = path.with_file_name(name);
    let _ = fs::remove_file(&new);
    make(&new)?;
    if fs::symlink_metadata(path).is_ok_and(|there| there.is_dir()) {
        fs::remove_dir_all(path)?;
    }
    fs::rename(&new, path)
}
