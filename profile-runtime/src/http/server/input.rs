//! What a connection sends, read as it is needed: the head of a request, lines and bytes of its body. Bounded in bytes
//! and in time.

use std::io;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::connection::Service;
use super::head;
use crate::http::response::Refusal;

/// The longest request line.
pub(super) const LONGEST_LINE: usize = 8 * 1024;
/// The longest head: request line and headers. Browsers send each service of a host the cookies of all others.
pub(super) const LONGEST_HEAD: usize = 32 * 1024;
/// How much is read at a time.
const PIECE: usize = 8 * 1024;

/// From its first byte on a head may take so long in all.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// And so long while others wait for a thread.
const HEAD_TIME_PRESSED: Duration = Duration::from_secs(1);
/// How long the first request may be awaited.
const FIRST_TIME: Duration = Duration::from_secs(5);
/// And the next one on the same connection: Prometheus asks every 15 s.
const NEXT_TIME: Duration = Duration::from_secs(20);
/// How often a thread that waits looks whether others need it, or the server stops.
pub(super) const SLICE: Duration = Duration::from_millis(200);

/// What was read and has not been used.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    /// Requests that were read from it.
    requests: usize,
}

/// Why no more is to be read.
#[derive(Debug)]
pub(super) enum Stop {
    /// Nobody is to be told: the other end is gone, or had said nothing.
    Silent,
    /// To be answered; the connection ends, since what comes next cannot be known.
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Silent
    }
}

/// 408: what was begun did not come in time.
fn late() -> Stop {
    Refusal::new(408, "the request did not come in time").into()
}

impl Input {
    /// The next request's head, with the empty line at its end.
    pub(super) fn head(&mut self, channel: &mut impl Channel, service: &Service) -> Result<Vec<u8>, Stop> {
        let begun = Instant::now();
        let patience = if self.requests == 0 { FIRST_TIME } else { NEXT_TIME };
        while self.bytes.is_empty() {
            if service.is_stopping() || begun.elapsed() > patience {
                return Err(Stop::Silent);
            }
            // One that has been answered gives way to those that have not.
            if service.is_pressed() && (self.requests > 0 || begun.elapsed() > HEAD_TIME_PRESSED) {
                return Err(Stop::Silent);
            }
            if self.fill(channel, SLICE)? == Some(0) {
                return Err(Stop::Silent);
            }
        }
        self.requests += 1;
        let begun = Instant::now();
        let mut searched = 0;
        loop {
            if let Some(length) = self.end_of_head(&mut searched)? {
                return Ok(self.take(length));
            }
            let limit = if service.is_pressed() { HEAD_TIME_PRESSED } else { HEAD_TIME };
            let left = limit.saturating_sub(begun.elapsed());
            if left.is_zero() || service.is_stopping() {
                return Err(late());
            }
            if self.fill(channel, left.min(SLICE))? == Some(0) {
                return Err(Stop::Silent);
            }
        }
    }

    /// Where the head ends, when it does; `searched` is how far was looked for it. Refuses early what cannot become one:
    /// who speaks another protocol does not wait for an empty line.
    fn end_of_head(&mut self, searched: &mut usize) -> Result<Option<usize>, Refusal> {
        if *searched == 0 && self.bytes.starts_with(b"\r\n") {
            // Some clients send one too many after a body.
            self.bytes.drain(..2);
        }
        let bytes = &self.bytes[..];
        if *searched == 0 && !bytes.is_empty() {
            head::check_beginning(bytes)?;
        }
        let first = bytes.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n');
        match first {
            None if bytes.len() >= LONGEST_LINE => {
                return Err(Refusal::new(
                    414,
                    format!("the request line is longer than {LONGEST_LINE} bytes"),
                ));
            }
            Some(first) if *searched <= first => head::check_line(&bytes[..=first])?,
            _ => {}
        }
        let from = searched.saturating_sub(3);
        let end = bytes[from..].windows(4).position(|four| four == b"\r\n\r\n").map(|at| from + at + 4);
        *searched = bytes.len();
        if end.unwrap_or(bytes.len()) > LONGEST_HEAD {
            return Err(Refusal::new(431, format!("the headers are longer than {LONGEST_HEAD} bytes")));
        }
        Ok(end)
    }

    /// A line of a body, without its end, of at most `longest` bytes with it.
    pub(super) fn line(
        &mut self,
        channel: &mut impl Channel,
        longest: usize,
        until: Instant,
    ) -> Result<Vec<u8>, Stop> {
        loop {
            let end = self.bytes.iter().take(longest).position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let mut line = self.take(end + 1);
                line.pop();
                return match line.pop() {
                    Some(b'\r') => Ok(line),
                    _ => Err(Refusal::new(400, "a line of the body does not end as HTTP's lines do").into()),
                };
            }
            if self.bytes.len() >= longest {
                return Err(Refusal::new(400, "a line of the body is too long").into());
            }
            self.fill_until(channel, until)?;
        }
    }

    /// Throws so many bytes away.
    pub(super) fn skip(
        &mut self,
        channel: &mut impl Channel,
        mut count: u64,
        until: Instant,
    ) -> Result<(), Stop> {
        loop {
            let here = count.min(self.bytes.len() as u64);
            self.bytes.drain(..here as usize);
            count -= here;
            if count == 0 {
                return Ok(());
            }
            self.fill_until(channel, until)?;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn fill_until(&mut self, channel: &mut impl Channel, until: Instant) -> Result<(), Stop> {
        let left = until.saturating_duration_since(Instant::now());
        match self.fill(channel, left)? {
            Some(0) => Err(Stop::Silent),
            None | Some(_) if until <= Instant::now() => Err(late()),
            None | Some(_) => Ok(()),
        }
    }

    /// Reads more. Callers see to it that what is there is bounded.
    fn fill(&mut self, channel: &mut impl Channel, wait: Duration) -> io::Result<Option<usize>> {
        let before = self.bytes.len();
        self.bytes.resize(before + PIECE, 0);
        let read = channel.read(&mut self.bytes[before..], wait);
        let count = read.as_ref().ok().copied().flatten().unwrap_or(0);
        self.bytes.truncate(before + count);
        read
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.bytes.split_off(length);
        std::mem::replace(&mut self.bytes, rest)
    }
}
