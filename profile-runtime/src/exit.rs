//! Reports at the end of the process: on return from main, on `process::exit`, and on SIGTERM where that
//! was asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(unix)]
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread::ThreadId;
use std::time::Duration;

use crate::control;
use crate::environment::Environment;
use crate::stderr::{self, say};
use crate::{report, snapshot};

/// Who writes the report: the guard in main, the end of the process, or a signal.
static REPORTED: Mutex<Reported> = Mutex::new(Reported::No);
static WRITTEN: Condvar = Condvar::new();
/// How long a process that ends waits for a report that another of its threads is writing, and the report for
/// somebody to read it, where stderr does not wait.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reported {
    No,
    By(ThreadId),
    Yes,
}

/// Calls `f` the first time. Whoever comes while another thread is at it waits until that has ended: the
/// process would end in the middle of the report.
fn once(f: impl FnOnce()) {
    let this = std::thread::current().id();
    let mut reported = reported();
    match *reported {
        // By this thread: it was the report itself that asked for the end.
        Reported::Yes => return,
        Reported::By(thread) if thread == this => return,
        Reported::By(_) => {
            let _ = WRITTEN.wait_timeout_while(reported, PATIENCE, |reported| *reported != Reported::Yes);
            return;
        }
        Reported::No => *reported = Reported::By(this),
    }
    drop(reported);
    // NOTE: this runs while the process ends, called from C or from a destructor; a panic must not get
    // there, nor one of what was thrown.
    if let Err(thrown) = catch_unwind(AssertUnwindSafe(f)) {
        std::mem::forget(thrown);
    }
    *self::reported() = Reported::Yes;
    WRITTEN.notify_all();
}

fn reported() -> MutexGuard<'static, Reported> {
    REPORTED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// True in a process that was forked from the one that began to record, while that one lives and will report
/// itself. (Where it has ended, as when a daemon goes into the background, the child is its heir.)
#[cfg(unix)]
fn is_forked() -> bool {
    let began = BEGAN.load(Ordering::Relaxed);
    began != std::process::id() && began == std::os::unix::process::parent_id()
}

/// The process that began to record.
#[cfg(unix)]
static BEGAN: AtomicU32 = AtomicU32::new(0);

/// Arranges for the report that the environment asks for.
pub(crate) fn report_at_exit(environment: &Environment) {
    snapshot::note_start();
    #[cfg(unix)]
    {
        BEGAN.store(std::process::id(), Ordering::Relaxed);
        crate::signal::at_exit(write_once);
        if environment.on_sigterm
            && let Err(error) = crate::signal::on_sigterm(write_once)
        {
            say(&format!("no report on SIGTERM: {error}"));
        }
    }
    #[cfg(not(unix))]
    if environment.on_sigterm {
        say("PROFILE_COST_SIGTERM is not supported on this system");
    }
}

/// Writes what the environment asks for, the first time it is called.
fn write_once() {
    #[cfg(unix)]
    if is_forked() {
        // Before any lock is taken: a thread that is not in this process may have held it. And the files
        // are the parent's.
        return;
    }
    once(|| write(control::environment()));
}

fn write(environment: &Environment) {
    let profile = snapshot::snapshot_with_threads();
    // First the files: writing to stderr may wait for ever, or end the process (a pipe that nobody reads).
    let saved: Vec<_> = environment.files.iter().map(|path| (path, profile.save(path))).collect();
    if let Some(keys) = &environment.report {
        // Not through the logger: its thread and its thread-locals may be gone.
        let mut text = Vec::new();
        let written = report::write(&profile, keys, environment.top, &mut text);
        if let Err(error) = written.and_then(|()| stderr::write(&text, PATIENCE)) {
            say(&format!("the report could not be written: {error}"));
        }
    }
    for (path, saved) in saved {
        match saved {
            Ok(()) => say(&format!("wrote {}", path.display())),
            Err(error) => say(&format!("{} could not be written: {error}", path.display())),
        }
    }
}

/// Keeps recording from [`init`] to the end of its scope, and reports then; make it the first thing in
/// `main`.
#[derive(Debug)]
#[must_use = "the report is made when this is dropped: `let _profile = profile_cost::init();`"]
pub struct Session(());

/// Records from here, and when the returned value drops writes what `PROFILE_COST` and `PROFILE_COST_OUT`
/// ask for; where they ask for nothing, the report sorted by cumulative time, on stderr. `PROFILE_COST=off`
/// is respected: then nothing is recorded and nothing printed.
///
/// ```
/// let _profile = profile_cost_runtime::init();
/// // the program
/// ```
pub fn init() -> Session {
    control::decide();
    if !control::environment().off {
        control::enable();
    }
    Session(())
}

impl Drop for Session {
    fn drop(&mut self) {
        let environment = control::environment();
        if environment.off {
            return;
        }
        if environment.wants_recording() {
            return write_once();
        }
        once(|| {
            let by_cumulative = [crate::stats::SortKey::Cumulative];
            let mut text = Vec::new();
            if report::write(&snapshot::snapshot(), &by_cumulative, environment.top, &mut text).is_ok() {
                let _ = stderr::write(&text, PATIENCE);
            }
        });
    }
}
