//! The two things asked of the C library: a call at `exit`, and one when SIGTERM arrives.

use std::io::{self, Read};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

static AT_EXIT: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());
/// Write end of the pipe to the thread that waits for the signal; -1 where nobody waits.
static WAKE: AtomicI32 = AtomicI32::new(-1);
/// What the process did on SIGTERM before.
static BEFORE: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);
/// The process that waits. One that was forked from it has the handler and the pipe, and no thread.
static OWNER: AtomicI32 = AtomicI32::new(0);
/// The thread that is in the handler of before, to notice one that calls this handler in turn.
static CHAINING: AtomicUsize = AtomicUsize::new(0);

/// How long a report may keep a process from ending that SIGTERM would have ended at once.
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

/// Calls `f` on a thread of its own when SIGTERM arrives, and then lets the signal do what it did before:
/// a handler that was installed earlier runs as ever, one that is installed later replaces this (or
/// calls it, when it chains), and where there is none the process ends by the signal. A process that
/// ignores the signal goes on ignoring it: nothing is installed, so that those it starts ignore it too.
///
/// # Errors
/// When the pipe, the thread or the handler cannot be had.
pub(crate) fn on_sigterm(f: fn()) -> io::Result<()> {
    static WAITING: OnceLock<()> = OnceLock::new();
    if WAITING.set(()).is_err() {
        return Ok(());
    }
    // SAFETY: all-zero is a valid sigaction: no flags, an empty mask, the default action.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks only, into a valid structure.
    check(unsafe { libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut before) })?;
    if before.sa_sigaction == libc::SIG_IGN {
        return Ok(());
    }
    let (reader, writer) = io::pipe()?;
    // A handler must not wait, however many signals come.
    // SAFETY: sets a flag of a descriptor that was just made.
    check(unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) })?;
    // Before the handler is there. Where that fails the writer is closed, and the thread ends.
    without_signals(|| {
        std::thread::Builder::new().name("profile-cost".to_owned()).spawn(move || wait(reader, f))
    })?;
    // SAFETY: asks only.
    OWNER.store(unsafe { libc::getpid() }, Ordering::SeqCst);
    BEFORE.store(before.sa_sigaction, Ordering::SeqCst);
    let mut ours = before;
    ours.sa_sigaction = handler as Handler as usize;
    if before.sa_sigaction == libc::SIG_DFL {
        ours.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    }
    // Otherwise as it was: a program may rely on interrupted calls, on other signals being held back, on
    // the handler's own stack, or on being called once. And with the particulars, to hand them on.
    ours.sa_flags |= libc::SA_SIGINFO;
    WAKE.store(writer.as_raw_fd(), Ordering::SeqCst);
    // SAFETY: the structure is valid; the handler does only what a signal handler may.
    let installed = check(unsafe { libc::sigaction(libc::SIGTERM, &raw const ours, std::ptr::null_mut()) });
    match installed {
        Ok(()) => _ = writer.into_raw_fd(),
        Err(_) => WAKE.store(-1, Ordering::SeqCst),
    }
    installed
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
    let before = BEFORE.load(Ordering::Relaxed);
    let wake = WAKE.load(Ordering::Relaxed);
    // SAFETY: asks only.
    let heard = wake >= 0 && unsafe { libc::getpid() } == OWNER.load(Ordering::Relaxed);
    // SAFETY: writing a byte from a live buffer to the descriptor of the pipe; the program's errno is put
    // back. Where nobody hears it: the default action, once this handler has returned.
    unsafe {
        let errno = *errno_location();
        if heard {
            libc::write(wake, [1u8].as_ptr().cast(), 1);
        } else if before == libc::SIG_DFL {
            libc::signal(libc::SIGTERM, libc::SIG_DFL);
            libc::raise(libc::SIGTERM);
        }
        *errno_location() = errno;
    }
    if before != libc::SIG_DFL && before != libc::SIG_IGN {
        // SAFETY: asks only.
        let this = unsafe { libc::pthread_self() } as usize;
        if CHAINING.swap(this, Ordering::Relaxed) == this {
            // Was installed once more after this one, and chains: it has been called already.
            return;
        }
        // SAFETY: `before` is the handler that the program had installed. One of a single argument ignores
        // the other two, which C's calling convention allows; one of three gets what the kernel gave.
        let before = unsafe { std::mem::transmute::<usize, Handler>(before) };
        before(signal, info, context);
        CHAINING.store(0, Ordering::Relaxed);
    }
}

fn wait(mut reader: io::PipeReader, f: fn()) {
    if reader.read_exact(&mut [0]).is_err() {
        // The program closed all descriptors: what has the number now is not ours to write to.
        WAKE.store(-1, Ordering::SeqCst);
        // Nor is it ours to close.
        std::mem::forget(reader);
        return;
    }
    if BEFORE.load(Ordering::SeqCst) != libc::SIG_DFL {
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
    unsafe { libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut now) };
    let still_ours = now.sa_sigaction == handler as Handler as usize;
    if still_ours && BEFORE.load(Ordering::SeqCst) == libc::SIG_DFL {
        // The program has no handler of its own: the signal ends it, as it would have without us.
        // SAFETY: restores the default action and raises the signal for the whole process, in which at
        // least this thread takes it. The first process of a container outlives it, as ever.
        unsafe {
            libc::signal(libc::SIGTERM, libc::SIG_DFL);
            let mut only: libc::sigset_t = std::mem::zeroed();
            libc::sigaddset(&raw mut only, libc::SIGTERM);
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const only, std::ptr::null_mut());
            libc::kill(libc::getpid(), libc::SIGTERM);
        }
    }
}

#[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
use libc::__errno as errno_location;
#[cfg(any(target_os = "linux", target_os = "emscripten", target_os = "redox"))]
use libc::__errno_location as errno_location;
#[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
use libc::__error as errno_location;
