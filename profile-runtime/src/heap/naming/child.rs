//! The program started once more, to name a snapshot and nothing else: whatever memory that takes is taken by a process
//! that ends, and that the kernel ends before the service.
//!
//! The hook runs before `main`, which the child never gets to.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};

use super::protocol::Pieces;
use crate::heap::format::Format;
use crate::heap::modules;
use crate::heap::snapshot::Snapshot;

/// The environment variable that makes a process such a child, whatever it is set to.
pub(super) const VARIABLE: &str = "PROFILE_COST_HEAP_CHILD";
/// What is asked for when the answer is to be the named snapshot itself.
pub(super) const DUMP: &str = "dump";

/// The hook has run in this process; where it is not linked, a child would run `main`.
static HOOKED: AtomicBool = AtomicBool::new(false);

// SAFETY: functions of this section are called once, before `main`, by the C library. This one returns at once unless
// the environment asks for a child, and never unwinds.
#[used]
#[unsafe(link_section = ".init_array")]
static HOOK: extern "C" fn() = hook;

extern "C" fn hook() {
    HOOKED.store(true, Ordering::Relaxed);
    if let Some(value) = std::env::var_os(VARIABLE) {
        let _ = catch_unwind(|| run(&value));
        // SAFETY: ends the process; nothing of the program has begun, so there is nothing to tidy up.
        unsafe { libc::_exit(0) }
    }
}

/// True when this program, started once more, would be a child: in a library that some other program has loaded the
/// hook is not the program's.
pub(super) fn can_be_started() -> bool {
    let hook = (hook as extern "C" fn() as *const ()).addr();
    HOOKED.load(Ordering::Relaxed)
        && modules::loaded().first().is_some_and(|program| program.range.contains(&hook))
}

fn run(value: &OsStr) {
    leave_what_is_not_ours();
    #[cfg(feature = "testing")]
    misbehave(value);
    let _ = value;
    let Ok(pieces) = Pieces::new(io::stdout().lock()) else { return };
    // When nobody is left to tell, there is nothing to do.
    let _ = answer(io::stdin().lock(), pieces);
}

/// Lets the kernel take this process when memory runs out, and closes what the service forgot to mark.
fn leave_what_is_not_ours() {
    // Any process may make itself the first to go.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // SAFETY: closes what was inherited beyond the standard streams; nobody in this process has begun to use it, and
    // the program that would is not run.
    unsafe { libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, libc::c_uint::MAX, 0 as libc::c_uint) };
    // SAFETY: without a handler the signal ends the process, should the parent be gone and this one hang.
    unsafe { libc::alarm(super::remote::LIMIT.as_secs() as libc::c_uint * 2) };
}

fn answer(input: impl Read, mut out: Pieces<impl Write>) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    match named(&mut input) {
        Ok((request, snapshot)) => {
            let written = match request.parse::<Format>() {
                _ if request == DUMP => snapshot.write_dump(&mut out),
                Ok(format) => snapshot.write(format, &mut out),
                Err(problem) => {
                    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{request}: {problem}")))
                }
            };
            match written {
                Ok(()) => out.finish(),
                Err(error) => out.fail(&error.to_string()),
            }
        }
        Err(problem) => out.fail(&problem),
    }
}

/// What is asked for, and the snapshot with names.
fn named(input: &mut dyn BufRead) -> Result<(String, Snapshot), String> {
    let mut request = String::new();
    input.take(100).read_line(&mut request).map_err(|error| error.to_string())?;
    let mut snapshot = Snapshot::read_dump(input).map_err(|error| error.to_string())?;
    snapshot.name_here().map_err(|error| error.to_string())?;
    Ok((request.trim_end().to_owned(), snapshot))
}

/// What tests hold the parent to.
#[cfg(feature = "testing")]
fn misbehave(value: &OsStr) {
    match value.to_str() {
        Some("hang") => loop {
            std::thread::park();
        },
        // Reads nothing.
        Some("deaf") => {
            let _ = io::stdout().write_all(&super::protocol::GREETING);
            loop {
                std::thread::park();
            }
        }
        Some("die") => std::process::abort(),
        Some("panic") => panic!("on purpose"),
        Some("babble") => while io::stdout().write_all(b"Usage: something else\n").is_ok() {},
        // Half an answer.
        Some("half") => {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            if let Ok(mut pieces) = Pieces::new(io::stdout()) {
                let _ = pieces.write_all(b"profile-cost heap 1\n").and_then(|()| pieces.flush());
            }
            std::process::abort()
        }
        _ => {}
    }
}
