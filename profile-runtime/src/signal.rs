//! The two things asked of the C library: a call at `exit`, and one when a signal arrives that ends programs.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

static AT_EXIT: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());

/// A signal that is waited for.
struct Awaited {
    signal: libc::c_int,
    is_asked_for: AtomicBool,
    /// Write end of the pipe to the thread that waits for the signal; -1 where nobody waits.
    wake: AtomicI32,
    /// What the process did on the signal before.
    before: AtomicUsize,
    /// The process that waits. One that was forked from it has the handler and the pipe, and no thread.
    owner: AtomicI32,
    /// The thread that is in the handler of before, to notice one that calls this handler in turn.
    chaining: AtomicUsize,
}

static AWAITED: [Awaited; 2] = [Awaited::new(libc::SIGTERM), Awaited::new(libc::SIGINT)];

impl Awaited {
    const fn new(signal: libc::c_int) -> Self {
        Self {
            signal,
            is_asked_for: AtomicBool::new(false),
            wake: AtomicI32::new(-1),
            before: AtomicUsize::new(libc::SIG_DFL),
            owner: AtomicI32::new(0),
            chaining: AtomicUsize::new(0),
        }
    }
}

/// How long a report may keep a process from ending that the signal would have ended at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls `f` when the process exits by returning from main or by `exit`. Once.
pub(crate) fn at_exit(f: fn()) {
    extern "C" fn call() {
        let f = AT_EXIT.load(Ordering::SeqCst);
        if !f.is_null() {
            // SAFETY: the only non-null value ever stored is a `fn()`.
            let f: fn() = unsafe { std::mem::transmute::<*mut (), fn()>(f) };
            f();
        }
    }
    if AT_EXIT.swap(f as *mut (), Ordering::SeqCst).is_null() {
        // SAFETY: `call` is a function with C's calling convention that lives for ever and does not unwind.
        unsafe { libc::atexit(call) };
    }
}

/// Calls `f` on a thread of its own when SIGTERM arrives, or SIGINT, and then lets the signal do what it did before:
/// a handler that was installed earlier runs as ever, one that is installed later replaces this (or
/// calls it, when it chains), and where there is none the process ends by the signal. A process that
/// ignores the signal goes on ignoring it: nothing is installed, so that those it starts ignore it too.
///
/// # Errors
/// When the pipe, the thread or the handler cannot be had, or it is another signal.
pub(crate) fn on(signal: libc::c_int, f: fn()) -> io::Result<()> {
    let awaited =
        AWAITED.iter().find(|awaited| awaited.signal == signal).ok_or(io::ErrorKind::Unsupported)?;
    if awaited.is_asked_for.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    // SAFETY: all-zero is a valid sigaction: no flags, an empty mask, the default action.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks only, into a valid structure.
    check(unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut before) })?;
    if before.sa_sigaction == libc::SIG_IGN {
        return Ok(());
    }
    let (reader, writer) = io::pipe()?;
    // A handler must not wait, however many signals come.
    // SAFETY: sets a flag of a descriptor that was just made.
    check(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })?;
    // Before the handler is there. Where that fails the writer is closed, and the thread ends.
    without_signals(|| {
        std::thread::Builder::new().name("profile-cost".to_owned()).spawn(move || wait(awaited, reader, f))
    })?;
    // SAFETY: asks only.
    awaited.owner.store(unsafe { libc::getpid() }, Ordering::SeqCst);
    awaited.before.store(before.sa_sigaction, Ordering::SeqCst);
    let mut ours = before;
    ours.sa_sigaction = handler as Handler as usize;
    if before.sa_sigaction == libc::SIG_DFL {
        ours.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    }
    // Otherwise as it was: a program may rely on interrupted calls, on other signals being held back, on
    // the handler's own stack, or on being called once. And with the particulars, to hand them on.
    ours.sa_flags |= libc::SA_SIGINFO;
    awaited.wake.store(writer.as_raw_fd(), Ordering::SeqCst);
    // SAFETY: the structure is valid; the handler does only what a signal handler may.
    let installed = check(unsafe { libc::sigaction(signal, &raw const ours, std::ptr::null_mut()) });
    match installed {
        Ok(()) => _ = writer.into_raw_fd(),
        Err(_) => awaited.wake.store(-1, Ordering::SeqCst),
    }
    installed
}

/// True for the handler that [`on`] installs.
#[cfg(feature = "recorder")]
pub(crate) fn is_ours(action: &libc::sigaction) -> bool {
    action.sa_sigaction == handler as Handler as usize
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Calls `f` with all signals held back: a thread that it starts never gets one that is the program's, not
/// even where all threads of the program block it to wait for it.
pub(crate) fn without_signals<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: all-zero is a valid set of signals on every system there is.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    // SAFETY: both sets are valid, and the thread's mask is put back.
    unsafe {
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
    }
    let result = f();
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    result
}

/// A handler installed with `SA_SIGINFO`.
type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// NOTE: runs in a signal handler: atomics and what POSIX calls async-signal-safe only.
extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let Some(awaited) = AWAITED.iter().find(|awaited| awaited.signal == signal) else { return };
    let before = awaited.before.load(Ordering::Relaxed);
    let wake = awaited.wake.load(Ordering::Relaxed);
    #[cfg(feature = "recorder")]
    crate::recorder::note_signal(signal, info);
    // SAFETY: asks only.
    let heard = wake >= 0 && unsafe { libc::getpid() } == awaited.owner.load(Ordering::Relaxed);
    // SAFETY: writing a byte from a live buffer to the descriptor of the pipe; the program's errno is put
    // back. Where nobody hears it: the default action, once this handler has returned.
    unsafe {
        let errno = *errno_location();
        if heard {
            libc::write(wake, [1u8].as_ptr().cast(), 1);
        } else if before == libc::SIG_DFL {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
        *errno_location() = errno;
    }
    if before != libc::SIG_DFL && before != libc::SIG_IGN {
        // SAFETY: asks only.
        let this = unsafe { libc::pthread_self() } as usize;
        if awaited.chaining.swap(this, Ordering::Relaxed) == this {
            // Was installed once more after this one, and chains: it has been called already.
            return;
        }
        // SAFETY: `before` is the handler that the program had installed. One of a single argument ignores
        // the other two, which C's calling convention allows; one of three gets what the kernel gave.
        let before = unsafe { std::mem::transmute::<usize, Handler>(before) };
        before(signal, info, context);
        awaited.chaining.store(0, Ordering::Relaxed);
    }
}

fn wait(awaited: &Awaited, mut reader: io::PipeReader, f: fn()) {
    if reader.read_exact(&mut [0]).is_err() {
        // The program closed all descriptors: what has the number now is not ours to write to.
        awaited.wake.store(-1, Ordering::SeqCst);
        // Nor is it ours to close.
        std::mem::forget(reader);
        return;
    }
    let is_handled = awaited.before.load(Ordering::SeqCst) != libc::SIG_DFL;
    if is_handled {
        f();
    } else {
        // Whatever the report waits for (a pipe that nobody reads, a lock): the process ends.
        let (reported, ended) = mpsc::channel::<()>();
        let report = move || {
            f();
            drop(reported);
        };
        if std::thread::Builder::new().spawn(report).is_ok() {
            let _ = ended.recv_timeout(PATIENCE);
        } else {
            f();
        }
    }
    // SAFETY: all-zero is a valid sigaction.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks only.
    unsafe { libc::sigaction(awaited.signal, std::ptr::null(), &raw mut now) };
    let still_ours = now.sa_sigaction == handler as Handler as usize;
    if still_ours && !is_handled {
        // The program has no handler of its own: the signal ends it, as it would have without us.
        // SAFETY: restores the default action and raises the signal for the whole process, in which at
        // least this thread takes it. The first process of a container outlives it, as ever.
        unsafe {
            libc::signal(awaited.signal, libc::SIG_DFL);
            let mut only: libc::sigset_t = std::mem::zeroed();
            libc::sigaddset(&raw mut only, awaited.signal);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const only, std::ptr::null_mut());
            libc::kill(libc::getpid(), awaited.signal);
        }
    }
}

#[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
use libc::__errno as errno_location;
#[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "redox"))]
use libc::__errno_location as errno_location;
#[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
use libc::__error as errno_location;
