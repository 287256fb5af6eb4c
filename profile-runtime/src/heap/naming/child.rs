//! The program started once more, to name a snapshot and nothing else: whatever memory that takes is taken by a process
//! that ends, and that the kernel ends before the service.
//!
//! The hook runs before `main`, which the child never gets to.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicBool, Ordering};

use super::protocol::{LONGEST_REQUEST, Pieces};
use super::request::Request;
use crate::heap::modules;
use crate::heap::process;
use crate::heap::snapshot::Snapshot;

/// The environment variable that makes a process such a child, whatever it is set to.
pub(super) const VARIABLE: &str = "PROFILE_COST_HEAP_CHILD";
/// The part that it may take of the memory that the cgroup has left: three of four.
const SHARE: (u64, u64) = (3, 4);

/// The hook has run in this process; where it is not linked, a child would run `main`.
static HOOKED: AtomicBool = AtomicBool::new(false);

// SAFETY: functions of this section are called once, before `main`, by the C library; those with a number, from 101 on
// for programs, before those without, so that nothing of the program runs. This one returns at once unless the
// environment asks for a child, and never unwinds.
#[used]
#[unsafe(link_section = ".init_array.00101")]
static HOOK: extern "C" fn() = hook;

extern "C" fn hook() {
    HOOKED.store(true, Ordering::Relaxed);
    // SAFETY: reads a number that the kernel gave. A program with more rights than who started it takes no orders.
    let is_trusted = unsafe { libc::getauxval(libc::AT_SECURE) } == 0;
    if is_trusted && let Some(value) = std::env::var_os(VARIABLE) {
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
    stay_below_the_limit();
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

/// Kubernetes has all of a container killed when one process of it passes the limit: this one ends itself before.
fn stay_below_the_limit() {
    let Some(left) = process::left_in_cgroup() else { return };
    // What is there already is little: the heap has hardly been used.
    let most = left / SHARE.1 * SHARE.0;
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: a limit of this process's own, which it may always lower; an allocation past it fails, and ends it.
    unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) };
}

fn answer(input: impl Read, mut out: Pieces<impl Write>) -> io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let written = asked(&mut input).and_then(|(request, snapshots)| {
        let written = match &snapshots[..] {
            [snapshot] => request.write(snapshot, &mut out),
            [snapshot, old] => request.write_change(snapshot, old, &mut out),
            _ => Err(io::Error::other("nothing to name")),
        };
        written.map_err(|error| error.to_string())
    });
    match written {
        Ok(()) => out.finish(),
        Err(problem) => out.fail(&problem),
    }
}

/// What is asked for, and the snapshots with names.
fn asked(input: &mut dyn BufRead) -> Result<(Request, Vec<Snapshot>), String> {
    let text = |error: &dyn fmt::Display| error.to_string();
    let mut request = String::new();
    input.take(LONGEST_REQUEST).read_line(&mut request).map_err(|error| text(&error))?;
    let request = request.trim_end().parse()?;
    let mut snapshots = Vec::new();
    while !input.fill_buf().map_err(|error| text(&error))?.is_empty() {
        let (mut snapshot, _) = Snapshot::read_one(input).map_err(|error| text(&error))?;
        if !snapshot.named {
            snapshot.name_here().map_err(|error| text(&error))?;
        }
        snapshots.push(snapshot);
    }
    Ok((request, snapshots))
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
