//! Reports at the end of the process: on return from main, on `process::exit`, and on SIGTERM where that
//! was asked for.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::control;
use crate::environment::Environment;
use crate::{report, snapshot};

/// The report has been written, or is being written: by the guard in main, at exit, or on a signal.
static REPORTED: AtomicBool = AtomicBool::new(false);

/// Arranges for the report that the environment asks for.
pub(crate) fn report_at_exit(environment: &Environment) {
    snapshot::note_start();
    #[cfg(unix)]
    {
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
    if REPORTED.swap(true, Ordering::SeqCst) {
        return;
    }
    // NOTE: this runs while the process ends, called from C; a panic must not get there.
    let _ = catch_unwind(AssertUnwindSafe(|| write(control::environment())));
}

fn write(environment: &Environment) {
    let profile = snapshot::snapshot_with_threads();
    if let Some(keys) = &environment.report {
        // Not through the logger: its thread and its thread-locals may be gone.
        let mut text = Vec::new();
        let written = report::write(&profile, keys, environment.top, &mut text);
        if let Err(error) = written.and_then(|()| io::stderr().write_all(&text)) {
            say(&format!("the report could not be written: {error}"));
        }
    }
    for path in &environment.files {
        match profile.save(path) {
            Ok(()) => say(&format!("wrote {}", path.display())),
            Err(error) => say(&format!("{} could not be written: {error}", path.display())),
        }
    }
}

fn say(message: &str) {
    let _ = writeln!(io::stderr(), "profile-cost: {message}");
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
        if REPORTED.swap(true, Ordering::SeqCst) {
            return;
        }
        let by_cumulative = [crate::stats::SortKey::Cumulative];
        let mut text = Vec::new();
        if report::write(&snapshot::snapshot(), &by_cumulative, environment.top, &mut text).is_ok() {
            let _ = io::stderr().write_all(&text);
        }
    }
}
