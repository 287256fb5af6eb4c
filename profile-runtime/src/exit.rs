//! Reports at the end of the process: on return from main, on `process::exit`, and on SIGTERM or SIGINT
//! where that was asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(unix)]
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread::ThreadId;
use std::time::Duration;

use crate::control;
use crate::environment::Environment;
#[cfg(feature = "heap")]
use crate::heap::at_exit::Ending;
use crate::stats::SortKey;
use crate::stderr::{self, say};
use crate::{report, snapshot};

/// Who writes the report: the guard in main, the end of the process, or a signal.
static REPORTED: Mutex<Reported> = Mutex::new(Reported::No);
static WRITTEN: Condvar = Condvar::new();
/// How long a report waits for somebody to read it, where stderr does not wait.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a process that ends waits for a report that another of its threads is writing.
const WAIT: Duration = Duration::from_secs(15);
/// How long the lines and types of what is live may be looked for when the process ends by itself: a pod with a tenth
/// of a processor takes seconds.
const NAMING: Duration = Duration::from_secs(10);
/// And when it was told to end: whoever did that will not wait.
#[cfg(unix)]
const NAMING_ON_SIGNAL: Duration = Duration::from_secs(3);

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
            let _ = WRITTEN.wait_timeout_while(reported, WAIT, |reported| *reported != Reported::Yes);
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
    began != 0 && began != std::process::id() && began == std::os::unix::process::parent_id()
}

/// The process that began to record; 0 before, which is also the parent of the first process of a container.
#[cfg(unix)]
static BEGAN: AtomicU32 = AtomicU32::new(0);

/// Arranges for the report that the environment asks for.
pub(crate) fn report_at_exit(environment: &Environment) {
    snapshot::note_start();
    if let Some(path) = &environment.whole {
        // Empty until the end: whoever reads it knows that there was a process, also where that is aborted. A file that
        // cannot be had is said to be none at the end.
        let _ = std::fs::File::create(path);
    }
    #[cfg(unix)]
    {
        BEGAN.store(std::process::id(), Ordering::Relaxed);
        crate::signal::at_exit(write_once);
        let signals = [
            ("SIGTERM", libc::SIGTERM, environment.on_sigterm),
            ("SIGINT", libc::SIGINT, environment.on_sigint),
        ];
        for (name, signal, _) in signals.into_iter().filter(|(.., is_asked_for)| *is_asked_for) {
            if let Err(error) = crate::signal::on(signal, write_once_on_signal) {
                say(&format!("no report on {name}: {error}"));
            }
        }
    }
    #[cfg(not(unix))]
    if environment.on_sigterm || environment.on_sigint {
        say("PROFILE_COST_SIGTERM and PROFILE_COST_SIGINT are not supported on this system");
    }
}

/// Writes what the environment asks for, the first time it is called.
fn write_once() {
    write_the_first_time(control::environment().report.as_deref(), NAMING);
}

#[cfg(unix)]
fn write_once_on_signal() {
    write_the_first_time(control::environment().report.as_deref(), NAMING_ON_SIGNAL);
}

fn write_the_first_time(report: Option<&[SortKey]>, naming: Duration) {
    #[cfg(unix)]
    if is_forked() {
        // Before any lock is taken: a thread that is not in this process may have held it. And the files
        // are the parent's.
        return;
    }
    once(|| write(control::environment(), report, naming));
}

/// Writes the files, the report of what took the time, and that of what is live.
fn write(environment: &Environment, report: Option<&[SortKey]>, naming: Duration) {
    // First what is live: all else allocates.
    #[cfg(feature = "heap")]
    let mut heap = if environment.wants_heap() { Ending::look() } else { None };
    let is_wanted = report.is_some() || !environment.files.is_empty() || environment.whole.is_some();
    let profile = is_wanted.then(snapshot::snapshot_with_threads);
    // Then the files: writing to stderr may wait for ever, or end the process (a pipe that nobody reads).
    let mut said = Vec::new();
    if let (Some(path), Some(profile)) = (&environment.whole, &profile)
        && let Err(error) = profile.save(path)
    {
        said.push(format!("{} could not be written: {error}", path.display()));
    }
    for (path, profile) in environment.files.iter().filter_map(|path| Some((path, profile.as_ref()?))) {
        said.push(match profile.save(path) {
            Ok(()) => format!("wrote {}", path.display()),
            Err(error) => format!("{} could not be written: {error}", path.display()),
        });
    }
    #[cfg(feature = "heap")]
    said.extend(heap.iter_mut().flat_map(|heap| heap.save(&environment.heap_files, naming)));
    // Not through the logger: its thread and its thread-locals may be gone.
    let mut text = Vec::new();
    let mut written = Ok(());
    if let (Some(profile), Some(keys)) = (&profile, report) {
        written = report::write(profile, keys, environment.top, &mut text);
    }
    #[cfg(feature = "heap")]
    if let Some(heap) = heap.filter(|_| environment.heap_files.is_empty()) {
        if !text.is_empty() {
            text.push(b'\n');
        }
        text.extend(heap.text(environment.heap_top));
    }
    #[cfg(not(feature = "heap"))]
    let _ = naming;
    if let Err(error) = written.and_then(|()| stderr::write(&text, PATIENCE)) {
        say(&format!("the report could not be written: {error}"));
    }
    said.iter().for_each(|line| say(line));
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
        write_the_first_time(Some(&[SortKey::Cumulative]), NAMING);
    }
}
