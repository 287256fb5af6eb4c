//! A bar on stderr while many or large files are read: on a terminal only, and not before half a second.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_millis(500);
const REDRAW: Duration = Duration::from_millis(100);
const BAR: usize = 30;

/// Files read of all.
#[derive(Debug)]
pub(crate) struct Progress {
    all: usize,
    done: usize,
    begun: Instant,
    drawn: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(all: usize) -> Self {
        Self { all, done: 0, begun: Instant::now(), drawn: None, is_terminal: io::stderr().is_terminal() }
    }

    /// One more was read.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        let due = match self.drawn {
            Some(drawn) => drawn.elapsed() >= REDRAW,
            None => self.begun.elapsed() >= PATIENCE,
        };
        if self.is_terminal && due {
            let full = BAR * self.done / self.all.max(1);
            let bar = format!("{}{}", "#".repeat(full), " ".repeat(BAR - full));
            let _ = write!(io::stderr(), "\r[{bar}] {} of {} files", self.done, self.all);
            self.drawn = Some(Instant::now());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}
