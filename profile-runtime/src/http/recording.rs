//! The recording of calls, as requests switch it on and off. There is one in a process, whoever asks.
//!
//! - A request's start holds recording on until its time is over, or until somebody stops it. The last start is the one that
//!   holds: with a duration it ends an earlier one without, and the other way round.
//! - What the program or its environment switched on (`enable`, `PROFILE_COST`) goes on when a request's time is over.
//! - A request's stop ends both, at once. The program may switch on again. Calls that are reported on their own and timed
//!   captures record while they last.
//! - The program's `disable` ends only what the program began.

use std::io;
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use super::timer::Timer;
use crate::control;

#[derive(Debug)]
struct Recording {
    /// While a request's start holds recording on.
    held: Option<control::Request>,
    /// Which start or stop was the last; what is due of an older one is void.
    number: u64,
}

fn state() -> MutexGuard<'static, Recording> {
    static STATE: Mutex<Recording> = Mutex::new(Recording { held: None, number: 0 });
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn timer() -> &'static Timer {
    static TIMER: OnceLock<Timer> = OnceLock::new();
    TIMER.get_or_init(Timer::default)
}

/// Records from now on: until that time is over, or until somebody stops it.
///
/// # Errors
/// No thread can be started that would end it: nothing changes then.
pub(super) fn start(duration: Option<Duration>) -> io::Result<()> {
    let mut state = state();
    let number = state.number + 1;
    match duration {
        Some(duration) => timer().set(duration, move || end(number))?,
        None => timer().cancel(),
    }
    state.number = number;
    crate::snapshot::note_start();
    // The new one first: recording does not pause.
    state.held = control::Request::new(true);
    Ok(())
}

/// The time of that start is over.
fn end(number: u64) {
    let mut state = state();
    if state.number == number {
        state.held = None;
    }
}

/// Ends the recording, whoever began it.
pub(super) fn stop() {
    let mut state = state();
    state.number += 1;
    timer().cancel();
    state.held = None;
    control::stop();
}

/// What is recorded, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// Calls are being recorded, by whomever.
    pub(super) is_recording: bool,
    /// The program or its environment asked for it.
    pub(super) by_program: bool,
    /// A request did.
    pub(super) by_request: bool,
    /// How long until that ends; none when somebody has to.
    pub(super) left: Option<Duration>,
}

pub(super) fn status() -> Status {
    let state = state();
    let by_request = state.held.is_some();
    Status {
        is_recording: crate::is_enabled(),
        by_program: control::is_wanted(),
        by_request,
        left: timer().left().filter(|_| by_request),
    }
}
