//! Ctrl-C while the program runs: it is the program's, and the report is still to be printed.

/// While it lives, this process does not end by SIGINT. What it starts gets the signal as always.
#[derive(Debug)]
pub(crate) struct Ignored {
    #[cfg(unix)]
    before: libc::sighandler_t,
}

#[cfg(unix)]
extern "C" fn nothing(_: libc::c_int) {}

#[cfg(unix)]
impl Ignored {
    pub(crate) fn new() -> Self {
        // NOTE: a handler and not SIG_IGN, which programs that are started would inherit.
        let handler = nothing as extern "C" fn(libc::c_int);
        // SAFETY: the handler does nothing.
        Self { before: unsafe { libc::signal(libc::SIGINT, handler as libc::sighandler_t) } }
    }
}

#[cfg(unix)]
impl Drop for Ignored {
    fn drop(&mut self) {
        // SAFETY: what was there before.
        unsafe { libc::signal(libc::SIGINT, self.before) };
    }
}

#[cfg(not(unix))]
impl Ignored {
    pub(crate) fn new() -> Self {
        Self {}
    }
}
