//! Asks a child to name a snapshot, and gets the answer or an error in bounded time.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::child;
use super::protocol::{Answer, LONGEST_REQUEST};
use super::snapshot::THIS_PROGRAM;
use crate::heap::snapshot::Snapshot;

/// How long it may take to end when it was told to, or killed.
const END: Duration = Duration::from_secs(2);

/// Has the snapshots named (two to be compared) and the answer read by `read`. `behaviour` is what tests ask of the
/// child.
///
/// # Errors
/// When no child can be started, it does not answer in time, or says why it cannot.
pub(crate) fn ask<T>(
    snapshots: &[&Snapshot],
    request: &str,
    behaviour: &str,
    limit: Duration,
    read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> io::Result<T> {
    if request.len() as u64 >= LONGEST_REQUEST || request.contains('\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a request: it is not one short line"));
    }
    if !child::can_be_started() {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "profile-cost is not part of the program itself, so no child can name the snapshot; dump it and name it \
             with `cargo profile-cost heap`",
        ));
    }
    let (ours, theirs) = UnixStream::pair()?;
    let mut worker = Worker(start(theirs, behaviour)?);
    let end = Instant::now() + limit;
    let mut answer = Answer::new(BufReader::new(Until { stream: &ours, end }));
    let sent = send(snapshots, request, Until { stream: &ours, end });
    // A child that could not read all may still have said why.
    let result = match &sent {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(sent.unwrap_err()),
        _ => read(&mut answer).and_then(|result| sent.map(|()| result)),
    };
    worker.end(result.is_ok());
    result.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => io::Error::new(
            io::ErrorKind::TimedOut,
            format!(
                "the child that names the snapshot took longer than {limit:?}, and was ended; dump the snapshot and \
                 name it with `cargo profile-cost heap`"
            ),
        ),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => io::Error::new(
            io::ErrorKind::BrokenPipe,
            "the child that names the snapshot ended before it was done; it is the first to be ended when memory runs \
             out: dump the snapshot and name it with `cargo profile-cost heap`",
        ),
        _ => error,
    })
}

/// The child has one stream for both directions, and nothing else of ours.
fn start(stream: UnixStream, behaviour: &str) -> io::Result<Child> {
    let mut command = Command::new(THIS_PROGRAM);
    command.arg0("profile-cost heap child");
    for (name, _) in std::env::vars_os() {
        // It is not to record, or to report.
        if name.to_string_lossy().starts_with("PROFILE_COST") {
            command.env_remove(name);
        }
    }
    command.env(child::VARIABLE, behaviour);
    command.stdin(Stdio::from(OwnedFd::from(stream.try_clone()?)));
    command.stdout(Stdio::from(OwnedFd::from(stream))).stderr(Stdio::null());
    command.spawn().map_err(|error| {
        io::Error::new(
            error.kind(),
            format!(
                "{THIS_PROGRAM} cannot be started to name the snapshot: {error}; dump it and name it with `cargo \
                 profile-cost heap`, or name it in this process with `name_here`"
            ),
        )
    })
    // With the command goes our copy of the child's end: when the child ends, ours says so.
}

fn send(snapshots: &[&Snapshot], request: &str, until: Until<'_>) -> io::Result<()> {
    let stream = until.stream;
    let mut out = BufWriter::with_capacity(1 << 16, until);
    writeln!(out, "{request}")?;
    for snapshot in snapshots {
        snapshot.write_dump(&mut out)?;
    }
    out.flush()?;
    stream.shutdown(Shutdown::Write)
}

/// A stream that is given up at a certain time.
struct Until<'a> {
    stream: &'a UnixStream,
    end: Instant,
}

impl Until<'_> {
    fn left(&self) -> io::Result<Duration> {
        let left = self.end.saturating_duration_since(Instant::now());
        // Zero would be for ever.
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Until<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(bytes)
    }
}

impl Write for Until<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        // NOTE: not `write`: where the program has set SIGPIPE back to its default, a child that ends would end it.
        // SAFETY: a socket that is open, and bytes of that length.
        let sent = unsafe {
            libc::send(self.stream.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The child, which is gone when this is.
struct Worker(Child);

impl Worker {
    /// Waits until the child has ended; kills it unless it is about to.
    fn end(&mut self, is_done: bool) {
        if !(is_done && self.has_ended_by(Instant::now() + END)) && self.is_there() {
            let _ = self.0.kill();
            // It may be stuck in the kernel: the service is not to wait for that.
            self.has_ended_by(Instant::now() + END);
        }
    }

    fn has_ended_by(&mut self, end: Instant) -> bool {
        while self.is_there() {
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// False as well when a handler of the service's own has collected the child: its number may be another's by now.
    fn is_there(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end(false);
    }
}
