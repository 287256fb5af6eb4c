//! Switching recording on and off, resetting, and the configuration from the environment.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, Once, OnceLock};

use crate::clock;
use crate::environment::Environment;
use crate::paths::Limits;
use crate::thread::Inside;

/// The one thing that an annotated function reads while recording is off.
static MODE: AtomicU8 = AtomicU8::new(UNDECIDED);

/// Nothing is recorded.
pub(crate) const OFF: u8 = 0;
/// Recording, by the hardware's counter.
pub(crate) const ON: u8 = 1;
/// Recording, by the system's clock: all calls take the slower way.
const ON_OS_CLOCK: u8 = 2;
/// Nobody has said anything, and the environment has not been looked at: calls take the slower way, which
/// leads to [`decide`].
const UNDECIDED: u8 = 3;

/// [`disable`] was called, or `PROFILE_COST=off`: not even per-call reports are made.
static FORBIDDEN: AtomicBool = AtomicBool::new(false);
/// Recording for everybody was asked for.
static WANTED: AtomicBool = AtomicBool::new(false);
/// Calls under way that have themselves recorded.
static REQUESTS: AtomicU32 = AtomicU32::new(0);
static EPOCH: AtomicU32 = AtomicU32::new(0);

#[inline(always)]
pub(crate) fn mode() -> u8 {
    MODE.load(Ordering::Relaxed)
}

#[inline(always)]
pub(crate) fn is_off() -> bool {
    mode() == OFF
}

/// Which reset the recording is in.
#[inline(always)]
pub(crate) fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

pub(crate) fn next_epoch() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

/// The configuration that the process was started with.
pub(crate) fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(Environment::from_process)
}

/// How large the tree may grow.
pub(crate) fn limits() -> Limits {
    environment().limits
}

/// Reads the environment once, and says whether to record.
pub(crate) fn decide() -> bool {
    static DECIDED: Once = Once::new();
    if !DECIDED.is_completed() {
        let _inside = Inside::enter();
        DECIDED.call_once(|| {
            let environment = environment();
            environment.complain();
            if environment.off {
                FORBIDDEN.store(true, Ordering::Relaxed);
            }
            if environment.wants_recording() {
                WANTED.store(true, Ordering::Relaxed);
                crate::exit::report_at_exit(environment);
            }
            #[cfg(all(feature = "recorder", unix))]
            if let Some(folder) = environment.record.as_ref().filter(|_| !environment.off) {
                match crate::recorder::begin(folder, &environment.record_options) {
                    Ok(_) => {
                        WANTED.store(true, Ordering::Relaxed);
                        crate::snapshot::note_start();
                    }
                    Err(error) => crate::stderr::say(&format!("{}: {error}", crate::environment::RECORD)),
                }
            }
            // Records nothing by itself. Before what does, whose the server's own memory is not to be.
            #[cfg(feature = "server")]
            crate::http::server::begin(environment);
            #[cfg(feature = "heap")]
            if crate::heap::at_exit::begin(environment) && !environment.off {
                // Memory is told by call path as well, and those are known only while calls are counted.
                WANTED.store(true, Ordering::Relaxed);
            }
            settle();
        });
    }
    matches!(mode(), ON | ON_OS_CLOCK)
}

/// Derives the mode from what everybody asks for.
fn settle() {
    let _inside = Inside::enter();
    // Held so that of two that settle at once the later one has seen what the earlier one was told.
    static SETTLING: Mutex<()> = Mutex::new(());
    let _settling = SETTLING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let on = WANTED.load(Ordering::SeqCst) || REQUESTS.load(Ordering::SeqCst) > 0;
    let mode = if on {
        // Only now: a program that records nothing need not look for a clock.
        clock::start();
        if clock::is_os_clock() { ON_OS_CLOCK } else { ON }
    } else {
        OFF
    };
    MODE.store(mode, Ordering::SeqCst);
}

/// Starts recording, in all threads. Calls under way are not recorded; those they make are.
pub fn enable() {
    decide();
    FORBIDDEN.store(false, Ordering::SeqCst);
    WANTED.store(true, Ordering::SeqCst);
    crate::snapshot::note_start();
    settle();
}

/// Stops recording. Calls under way are recorded to their end; what was recorded stays. Functions annotated
/// with `report` are not recorded either, until [`enable`]; a [`crate::runcall`] still is.
pub fn disable() {
    decide();
    FORBIDDEN.store(true, Ordering::SeqCst);
    WANTED.store(false, Ordering::SeqCst);
    settle();
}

/// Stops recording as [`disable`] does, but leaves calls that are reported on their own (`report`, [`crate::runcall`]) and
/// timed captures to themselves: those record while they last, now and later.
#[cfg(feature = "http")]
pub(crate) fn stop() {
    decide();
    WANTED.store(false, Ordering::SeqCst);
    settle();
}

/// True when recording is on without an end: by [`enable`] or the environment.
#[cfg(feature = "http")]
pub(crate) fn is_wanted() -> bool {
    decide();
    WANTED.load(Ordering::SeqCst)
}

/// True while calls are being recorded.
#[must_use]
pub fn is_enabled() -> bool {
    decide()
}

/// Recording for the duration of one call, whoever else wants it or not.
#[derive(Debug)]
pub(crate) struct Request(());

impl Request {
    /// `None` when recording was forbidden and `force` is not set.
    pub(crate) fn new(force: bool) -> Option<Self> {
        decide();
        if !force && FORBIDDEN.load(Ordering::SeqCst) {
            return None;
        }
        REQUESTS.fetch_add(1, Ordering::SeqCst);
        settle();
        Some(Self(()))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        REQUESTS.fetch_sub(1, Ordering::SeqCst);
        settle();
    }
}
