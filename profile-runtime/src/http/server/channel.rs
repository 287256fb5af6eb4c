//! One connection's two directions, each read or write with a wait of its own.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// The shortest wait that a socket knows; none at all would be for ever.
const SHORTEST: Duration = Duration::from_millis(1);

pub(super) trait Channel {
    /// Reads what is there. `Some(0)` is the end; `None` when nothing came within the wait.
    fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<Option<usize>>;

    /// Writes a part of it. `None` when nothing was taken within the wait.
    fn write(&mut self, bytes: &[u8], wait: Duration) -> io::Result<Option<usize>>;

    /// Waits, or until the other end has left: closed, or closed its direction, as Go's server takes it. A wait is cut
    /// short by bytes that nobody has read.
    fn watch(&mut self, wait: Duration) -> Watched;

    /// Nothing more will be written.
    fn end_output(&mut self);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    Gone,
    Waited,
    /// Bytes are there, behind which the end cannot be seen.
    Sent,
}

impl Channel for &TcpStream {
    fn read(&mut self, buffer: &mut [u8], wait: Duration) -> io::Result<Option<usize>> {
        self.set_read_timeout(Some(wait.max(SHORTEST)))?;
        in_time(Read::read(self, buffer))
    }

    fn write(&mut self, bytes: &[u8], wait: Duration) -> io::Result<Option<usize>> {
        self.set_write_timeout(Some(wait.max(SHORTEST)))?;
        in_time(Write::write(self, bytes))
    }

    fn watch(&mut self, wait: Duration) -> Watched {
        let peeked =
            self.set_read_timeout(Some(wait.max(SHORTEST))).and_then(|()| in_time(self.peek(&mut [0])));
        match peeked {
            Ok(None) => Watched::Waited,
            Ok(Some(1..)) => Watched::Sent,
            Ok(Some(0)) | Err(_) => Watched::Gone,
        }
    }

    fn end_output(&mut self) {
        // Where it is closed already there is nothing to end.
        let _ = self.shutdown(Shutdown::Write);
    }
}

fn in_time(done: io::Result<usize>) -> io::Result<Option<usize>> {
    match done {
        Ok(count) => Ok(Some(count)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        },
    }
}

/// A connection whose other end has sent all that it ever will: for tests.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub(super) struct Tape<'a> {
    input: &'a [u8],
    piece: usize,
    pub(super) output: Vec<u8>,
}

#[cfg(feature = "testing")]
impl<'a> Tape<'a> {
    pub(super) fn new(input: &'a [u8], piece: usize) -> Self {
        Self { input, piece: piece.max(1), output: Vec::new() }
    }
}

#[cfg(feature = "testing")]
impl Channel for Tape<'_> {
    fn read(&mut self, buffer: &mut [u8], _: Duration) -> io::Result<Option<usize>> {
        let count = self.input.len().min(self.piece).min(buffer.len());
        let (read, rest) = self.input.split_at(count);
        buffer[..count].copy_from_slice(read);
        self.input = rest;
        Ok(Some(count))
    }

    fn write(&mut self, bytes: &[u8], _: Duration) -> io::Result<Option<usize>> {
        let count = bytes.len().min(self.piece);
        self.output.extend_from_slice(&bytes[..count]);
        Ok(Some(count))
    }

    fn watch(&mut self, _: Duration) -> Watched {
        Watched::Gone
    }

    fn end_output(&mut self) {}
}
