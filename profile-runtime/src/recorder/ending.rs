//! How the process ends, as far as it can still say: handlers at exit, the panic hook, signals that end programs. Each
//! writes a mark into the file and lets happen what would have happened.

use std::any::Any;
use std::mem::MaybeUninit;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use super::journal::{self, Event, Journal};
use super::layout::Live;

/// What handlers write to.
static JOURNAL: AtomicPtr<Journal> = AtomicPtr::new(std::ptr::null_mut());

fn journal() -> Option<&'static Journal> {
    // SAFETY: null, or from a reference that lives for ever.
    unsafe { JOURNAL.load(Ordering::Acquire).as_ref() }
}

/// Arranges for children that are forked: the file is not theirs. Before anything counts in it.
pub(super) fn close_in_children(journal: &'static Journal) {
    JOURNAL.store(std::ptr::from_ref(journal).cast_mut(), Ordering::Release);
    // SAFETY: the functions live for ever, have C's calling convention, and do not unwind.
    unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) };
}

/// Arranges for all marks.
pub(super) fn begin(with_signals: bool, is_before_main: bool) {
    // SAFETY: the function lives for ever, has C's calling convention, and does not unwind.
    unsafe { libc::atexit(at_exit) };
    // Setting it from a thread that panics would panic once more.
    if !std::thread::panicking() {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note_panic(info);
            before(info);
        }));
    }
    if with_signals {
        install_signals(is_before_main);
    }
}

extern "C" fn at_exit() {
    if let Some(journal) = journal()
        && !journal.is_closed()
    {
        journal.beat();
        journal.set(Live::ExitTime, journal::now());
        journal.set(Live::Exited, 1);
    }
}

extern "C" fn before_fork() {
    super::watch::before_fork();
}

extern "C" fn after_fork() {
    super::watch::after_fork();
}

extern "C" fn in_child() {
    super::watch::in_child();
    if let Some(journal) = journal() {
        JOURNAL.store(std::ptr::null_mut(), Ordering::Release);
        journal.close_in_child();
    }
}

fn note_panic(info: &panic::PanicHookInfo<'_>) {
    let Some(journal) = journal() else { return };
    // A panic in code of ours may hold what is needed here.
    let Some(_inside) = crate::thread::Inside::enter() else { return };
    let place = info.location().map_or_else(String::new, |place| format!("{place}: "));
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("without a name");
    let block = crate::thread::block().id();
    journal.beat();
    journal.add_event(Event::Panic, block, &format!("thread {thread}: {place}{}", message(info.payload())));
}

fn message(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no text)")
}

/// Signals whose default is to end the process, without those that debuggers and timers use.
const SIGNALS: [i32; 10] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGABRT,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGSYS,
];

/// What the process did on each before.
static BEFORE: [(AtomicUsize, AtomicUsize); SIGNALS.len()] =
    [const { (AtomicUsize::new(libc::SIG_DFL), AtomicUsize::new(0)) }; SIGNALS.len()];

/// A handler installed with `SA_SIGINFO`.
type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// Of these, those that std has a handler for, for stacks that overflow. It installs it where there is none, right before
/// `main`.
const FAULTS: [i32; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// [`FAULTS`] are not noted yet: this began before `main`.
static ARE_FAULTS_PENDING: AtomicBool = AtomicBool::new(false);

/// Notes signals from now on, and then lets them do what they did before. Before `main` without [`FAULTS`].
fn install_signals(is_before_main: bool) {
    for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
        if !is_before_main || !FAULTS.contains(&signal) {
            install(signal, before);
        }
    }
    ARE_FAULTS_PENDING.store(is_before_main, Ordering::Release);
}

/// Notes faults as well, once std's handler is there; without it, when `in_any_case`.
pub(super) fn install_faults(in_any_case: bool) {
    if !ARE_FAULTS_PENDING.load(Ordering::Relaxed) {
        return;
    }
    let has_handler = current(libc::SIGSEGV).is_some_and(|action| action.sa_sigaction != libc::SIG_DFL);
    if (has_handler || in_any_case) && ARE_FAULTS_PENDING.swap(false, Ordering::AcqRel) {
        for (signal, before) in SIGNALS.into_iter().zip(&BEFORE) {
            if FAULTS.contains(&signal) {
                install(signal, before);
            }
        }
    }
}

/// What the process does on a signal.
fn current(signal: libc::c_int) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: asks only, into a valid structure, for which all zero is a value.
    (unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) } == 0)
        // SAFETY: as above.
        .then(|| unsafe { action.assume_init() })
}

fn install(signal: libc::c_int, (was, flags): &(AtomicUsize, AtomicUsize)) {
    let Some(before) = current(signal) else { return };
    // A process that ignores a signal, or is told of it by other means, goes on as it is.
    if before.sa_sigaction == libc::SIG_IGN || crate::signal::is_ours(&before) {
        return;
    }
    was.store(before.sa_sigaction, Ordering::Relaxed);
    flags.store(before.sa_flags as usize, Ordering::Relaxed);
    let mut ours = before;
    ours.sa_sigaction = handler as Handler as usize;
    if before.sa_sigaction == libc::SIG_DFL {
        ours.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    }
    ours.sa_flags = (ours.sa_flags & !libc::SA_RESETHAND) | libc::SA_SIGINFO;
    // SAFETY: the structure is valid; the handler does only what a signal handler may.
    unsafe { libc::sigaction(signal, &raw const ours, std::ptr::null_mut()) };
}

/// NOTE: runs in a signal handler: atomics and what POSIX calls async-signal-safe only.
extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    note_signal(signal, info);
    let Some(at) = SIGNALS.iter().position(|known| *known == signal) else { return };
    let (was, flags) = &BEFORE[at];
    let was = was.load(Ordering::Relaxed);
    let flags = flags.load(Ordering::Relaxed) as libc::c_int;
    if was == libc::SIG_DFL {
        // Back to the default, and once more: the fault comes again by itself, others are sent again.
        // SAFETY: all of these may be called in a handler. The signal is blocked until this one returns.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        return;
    }
    if flags & libc::SA_RESETHAND != 0 {
        // SAFETY: as above: it was to be called once.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: `was` is the handler that the program had installed. One of a single argument ignores the other two, which C's
    // calling convention allows; one of three gets what the kernel gave.
    let before = unsafe { std::mem::transmute::<usize, Handler>(was) };
    before(signal, info, context);
}

/// Notes a signal that may end the process, in its handler.
pub(crate) fn note_signal(signal: libc::c_int, info: *mut libc::siginfo_t) {
    let Some(journal) = journal() else { return };
    let is_fault =
        matches!(signal, libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE | libc::SIGSYS);
    // SAFETY: the kernel gave it, with an address for these signals.
    let address = if is_fault && !info.is_null() { unsafe { (*info).si_addr() }.addr() } else { 0 };
    journal.set(Live::SignalAddress, address as u64);
    journal.set(Live::SignalThread, u64::from(crate::thread::block().id()));
    journal.set(Live::SignalTime, wall_clock());
    journal.set(Live::Signal, signal as u64);
    journal.live(Live::Signals).fetch_add(1, Ordering::Relaxed);
}

/// Nanoseconds since 1970, by what a handler may call.
fn wall_clock() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes to a valid structure.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) };
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}
