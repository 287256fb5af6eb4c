//! The two things asked of the C library: a call at `exit`, and one when SIGTERM arrives.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};

static AT_EXIT: AtomicPtr<()> = AtomicPtr::new(std::ptr::null_mut());
/// Write end of the pipe to the thread that waits for the signal.
static WAKE: AtomicI32 = AtomicI32::new(-1);
/// What the process did on SIGTERM before.
static BEFORE: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);

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
/// calls it, when it chains), and where there is none the process ends by the signal.
///
/// # Errors
/// When the pipe, the thread or the handler cannot be had.
pub(crate) fn on_sigterm(f: fn()) -> io::Result<()> {
    static WAITING: OnceLock<()> = OnceLock::new();
    if WAITING.set(()).is_err() {
        return Ok(());
    }
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    if unsafe { libc::pipe(ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    for end in ends {
        // SAFETY: sets a flag of a descriptor that was just made.
        unsafe { libc::fcntl(end, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    let [reader, writer] = ends;
    std::thread::Builder::new().name("profile-cost".to_owned()).spawn(move || wait(reader, f))?;
    WAKE.store(writer, Ordering::SeqCst);
    // SAFETY: all-zero is a valid sigaction: no flags, an empty mask, the default action.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: as above.
    let mut ours: libc::sigaction = unsafe { std::mem::zeroed() };
    ours.sa_sigaction = handler as Handler as usize;
    // With the particulars, so that they can be handed on.
    ours.sa_flags = libc::SA_RESTART | libc::SA_SIGINFO;
    // SAFETY: both structures are valid; the handler does only what a signal handler may.
    if unsafe { libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut before) } != 0 {
        return Err(io::Error::last_os_error());
    }
    BEFORE.store(before.sa_sigaction, Ordering::SeqCst);
    // SAFETY: as above.
    if unsafe { libc::sigaction(libc::SIGTERM, &raw const ours, std::ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// A handler installed with `SA_SIGINFO`.
type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// NOTE: runs in a signal handler: atomics and `write` only.
extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: writing a byte from a live buffer to a descriptor that is never closed; the program's
    // errno is put back.
    unsafe {
        let errno = *errno_location();
        libc::write(WAKE.load(Ordering::Relaxed), [1u8].as_ptr().cast(), 1);
        *errno_location() = errno;
    }
    let before = BEFORE.load(Ordering::Relaxed);
    if before != libc::SIG_DFL && before != libc::SIG_IGN {
        // SAFETY: `before` is the handler that the program had installed. One of a single argument ignores
        // the other two, which C's calling convention allows; one of three gets what the kernel gave.
        let before = unsafe { std::mem::transmute::<usize, Handler>(before) };
        before(signal, info, context);
    }
}

fn wait(reader: libc::c_int, f: fn()) {
    let mut byte = 0u8;
    loop {
        // SAFETY: reads one byte into a live buffer from a descriptor that is never closed.
        let read = unsafe { libc::read(reader, (&raw mut byte).cast(), 1) };
        if read == 1 {
            break;
        }
        if read == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
    f();
    // SAFETY: all-zero is a valid sigaction.
    let mut now: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: asks only.
    unsafe { libc::sigaction(libc::SIGTERM, std::ptr::null(), &raw mut now) };
    let still_ours = now.sa_sigaction == handler as Handler as usize;
    if still_ours && BEFORE.load(Ordering::SeqCst) == libc::SIG_DFL {
        // The program has no handler of its own: the signal ends it, as it would have without us.
        // SAFETY: restores the default action and raises the signal for the whole process.
        unsafe {
            libc::signal(libc::SIGTERM, libc::SIG_DFL);
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
