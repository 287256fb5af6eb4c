//! What is live when the process ends: the report and the files that `PROFILE_COST_HEAP` and `PROFILE_COST_HEAP_OUT` ask
//! for. May not keep the process from ending for long, nor need memory that it has not.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::format::Format;
use super::local;
use super::mode::Mode;
use super::recording;
use super::render::ReportOptions;
use super::snapshot::Snapshot;
use crate::environment::Environment;
use crate::stderr::say;

/// Rows of each table of a report in a file.
const ROWS_IN_FILES: usize = 100;

/// The environment has switched recording on.
static BEGUN: AtomicBool = AtomicBool::new(false);

/// Switches on what the environment asks for, and arranges for the report. True when blocks are recorded.
pub(crate) fn begin(environment: &Environment) -> bool {
    if let Some(bytes) = environment.heap_memory {
        recording::set_memory_limit(bytes);
    }
    let Some(mode) = environment.heap else { return false };
    if environment.wants_heap() {
        crate::exit::report_at_exit(environment);
    }
    match recording::set_mode(mode) {
        Ok(()) => BEGUN.store(true, Ordering::Relaxed),
        Err(error) => {
            say(&format!("{}={mode}: {error}", super::before_main::VARIABLE));
            return false;
        }
    }
    !matches!(mode, Mode::Off | Mode::Counters)
}

/// What is live, on its way to stderr and files.
pub(crate) struct Ending {
    snapshot: Snapshot,
}

impl Ending {
    /// Looks. `None` when nothing is recorded.
    pub(crate) fn look() -> Option<Self> {
        if recording::mode() == Mode::Off {
            if BEGUN.load(Ordering::Relaxed) {
                say("no report of the heap: its recording was stopped before the end");
            }
            return None;
        }
        // What the report itself takes is not the program's.
        let _quiet = local::Quiet::enter();
        Some(Self { snapshot: super::take_snapshot() })
    }

    /// Gives names to addresses, within about that time, and writes the files. Returns what is to be said of it.
    pub(crate) fn save(&mut self, files: &[PathBuf], naming: Duration) -> Vec<String> {
        // A dump without names first: whatever ends the process meanwhile, they can be given to it later.
        let dumps = || files.iter().filter(|path| matches!(Format::of(path), Ok(Format::Dump)));
        let mut problem = None;
        if self.snapshot.traces.iter().any(|trace| !trace.frames.is_empty()) {
            dumps().for_each(|path| drop(self.snapshot.dump(path)));
            problem = self.name(naming).err();
        }
        let mut said: Vec<String> = files
            .iter()
            .map(|path| match self.write(path) {
                Ok(()) => format!("wrote {}", path.display()),
                Err(error) => format!("{} could not be written: {error}", path.display()),
            })
            .collect();
        if let Some(problem) = problem {
            let remedy = match dumps().next() {
                Some(path) => format!("`cargo profile-cost heap {} --binary BINARY`", path.display()),
                None => format!("{}=live.heap keeps them to be named later", super::before_main::FILES),
            };
            said.push(format!("the heap has addresses instead of lines and types: {problem}; {remedy}"));
        }
        said
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        match Format::of(path)? {
            Format::Text => crate::format::write_file(path, |out| {
                self.snapshot.write_report(out, &options(ROWS_IN_FILES))
            }),
            _ => self.snapshot.save(path),
        }
    }

    /// The report for people.
    pub(crate) fn text(&self, top: usize) -> Vec<u8> {
        let mut text = Vec::new();
        // A vector takes all.
        let _ = self.snapshot.write_report(&mut text, &options(top));
        text
    }

    #[cfg(feature = "symbols")]
    fn name(&mut self, limit: Duration) -> io::Result<()> {
        match self.snapshot.name_by_child("1", limit) {
            Err(error)
                if error.kind() == io::ErrorKind::Unsupported && !self.snapshot.process.is_near_limit() =>
            {
                self.snapshot.name_here()
            }
            named => named,
        }
    }

    #[cfg(not(feature = "symbols"))]
    fn name(&mut self, _: Duration) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "built without the feature `symbols`"))
    }
}

fn options(top: usize) -> ReportOptions {
    ReportOptions { top, at_exit: true, source_line: Some(super::source_line) }
}
