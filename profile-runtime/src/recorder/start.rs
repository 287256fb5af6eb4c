//! Switching the recorder on: once in the life of a process.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Options;
use super::ending;
use super::folder;
use super::journal::{self, About, Journal};
use super::layout::Live;
use super::watch::{self, Copies};
use crate::engine;
use crate::thread::Inside;

/// The least that a file may grow to, bytes.
const LEAST: u64 = 1 << 20;
/// And the most.
const MOST: u64 = 1 << 30;

/// The journal of the process.
static STARTED: OnceLock<&'static Journal> = OnceLock::new();
/// The C library has not called `main` yet.
static BEFORE_MAIN: AtomicBool = AtomicBool::new(false);

/// Why nothing is recorded. The program runs on without it.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// This process records already, into that file. One file a process: go on with it.
    Started(PathBuf),
    /// The folder cannot be written to, or its disk is full: name another.
    Folder(PathBuf, io::Error),
    /// There can be no further thread: raise the limit.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(path) => write!(f, "this process records already, into {}", path.display()),
            Self::Folder(path, error) => {
                let remedy = match error.kind() {
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        "; name a folder that the process may write to"
                    }
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                        "; make room, or name a folder on another disk"
                    }
                    _ => "",
                };
                write!(f, "{}: {error}{remedy}", path.display())
            }
            Self::Thread(error) => write!(f, "no thread can be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Records into a file of this process in `folder` from now on, and switches the counting of calls on. Returns the file's path.
///
/// Best the first thing in `main`: what was counted before is copied into the file four times a second, and only what
/// comes to be counted later is in it to the last call.
///
/// # Errors
/// See [`StartError`]. The program runs on, and nothing is recorded.
pub fn start(folder: impl AsRef<Path>, options: &Options) -> Result<PathBuf, StartError> {
    // First what the environment asks for: its handlers of signals are to be beneath ours.
    crate::control::decide();
    let path = begin(folder.as_ref(), options)?;
    crate::control::enable();
    Ok(path)
}

/// As [`start`], where the counting is switched on by the caller.
pub(crate) fn begin(folder: &Path, options: &Options) -> Result<PathBuf, StartError> {
    let _inside = Inside::enter();
    let in_folder = |error| StartError::Folder(folder.to_owned(), error);
    if let Some(journal) = STARTED.get() {
        return Err(StartError::Started(journal.path.clone()));
    }
    crate::clock::start();
    let about = about();
    let program = Path::new(&about.program).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let previous = if options.report_previous { folder::newest_ended(folder) } else { None };
    // One more comes now.
    folder::prune(folder, options.keep.saturating_sub(1));
    let (file, path) = folder::create(folder, &program, journal::now() / 1_000_000_000).map_err(in_folder)?;
    let cap = options.max_bytes.clamp(LEAST, MOST) as usize;
    let journal = match Journal::new(file, path.clone(), cap, &about) {
        Ok(journal) => journal,
        Err(error) => {
            // Empty, and of no use to anybody.
            let _ = std::fs::remove_file(&path);
            return Err(in_folder(error));
        }
    };
    let journal: &'static Journal = Box::leak(Box::new(journal));
    if STARTED.set(journal).is_err() {
        let _ = std::fs::remove_file(&path);
        return Err(StartError::Started(STARTED.get().map(|first| first.path.clone()).unwrap_or_default()));
    }
    ending::close_in_children(journal);
    journal.set(Live::NsPerTick, crate::clock::ns_per_tick().to_bits());
    journal.set(Live::MemoryLimit, options.memory_limit.unwrap_or(0));
    #[cfg(feature = "throttle")]
    journal.set(Live::UntimedAfter, crate::throttle::MANY);
    journal.beat();
    let engine = engine::process();
    engine.record_into(journal);
    crate::heap::mapped::record_into(journal);
    engine.paths.each(|path, parent, site| journal.path_added(path, parent, site));
    for block in engine.blocks() {
        journal.thread_began(block.id(), block.thread_name().as_deref());
    }
    let copies = Copies::of(engine, journal);
    copies.refresh();
    ending::begin(options.signals, BEFORE_MAIN.load(Ordering::Relaxed));
    watch::start(journal, copies, previous, options).map_err(StartError::Thread)?;
    Ok(path)
}

/// Does it before `main`: see [`ending::begin`].
pub(crate) fn before_main<R>(f: impl FnOnce() -> R) -> R {
    BEFORE_MAIN.store(true, Ordering::Relaxed);
    let result = f();
    BEFORE_MAIN.store(false, Ordering::Relaxed);
    result
}

/// The file of this process, if it records.
#[must_use]
pub fn path() -> Option<PathBuf> {
    STARTED.get().map(|journal| journal.path.clone())
}

fn about() -> About {
    let program = std::env::current_exe().unwrap_or_default();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let modules = crate::heap::modules::loaded();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    About {
        program: program.to_string_lossy().into_owned(),
        build_id: modules.first().map_or_else(String::new, |module| hex(&module.build_id)),
        host: host.trim().to_owned(),
    }
}
