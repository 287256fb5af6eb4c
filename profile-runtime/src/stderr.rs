//! Writing to stderr, all of a text: also where it is a pipe or a terminal that some other program has told not to
//! wait, and that takes a long report only piece by piece.

use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Pause before the next try.
const PAUSE: Duration = Duration::from_millis(1);

/// Writes all of `text`. Waits as long as stderr itself does; where that does not wait, until nothing has been
/// taken for as long as `patience`.
///
/// # Errors
/// Those of stderr; [`io::ErrorKind::WouldBlock`] when patience is at its end.
pub(crate) fn write(text: &[u8], patience: Duration) -> io::Result<()> {
    write_to(&mut io::stderr().lock(), text, patience)
}

/// Writes a line about the profiler itself. Where that fails there is nobody to tell.
pub(crate) fn say(message: &str) {
    let _ = write(format!("profile-cost: {message}\n").as_bytes(), Duration::from_millis(100));
}

fn write_to(writer: &mut dyn Write, mut text: &[u8], patience: Duration) -> io::Result<()> {
    let mut taken = Instant::now();
    while !text.is_empty() {
        match writer.write(text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                text = &text[count..];
                taken = Instant::now();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && taken.elapsed() < patience => {
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pipe with room for three bytes, which are read at every third try.
    #[derive(Default)]
    struct Pipe {
        tries: usize,
        read: Vec<u8>,
        /// Nobody reads.
        stuck: bool,
    }

    impl Write for Pipe {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.tries += 1;
            match self.tries % 3 {
                0 if !self.stuck => {
                    let count = text.len().min(3);
                    self.read.extend_from_slice(&text[..count]);
                    Ok(count)
                }
                1 => Err(io::ErrorKind::Interrupted.into()),
                _ => Err(io::ErrorKind::WouldBlock.into()),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_that_does_not_wait_gets_all_of_it() {
        let mut pipe = Pipe::default();
        write_to(&mut pipe, b"a long report", Duration::from_secs(60)).expect("it is read");
        assert_eq!(pipe.read, b"a long report");
    }

    #[test]
    fn nobody_reads_and_the_wait_ends() {
        let mut pipe = Pipe { stuck: true, ..Pipe::default() };
        let error = write_to(&mut pipe, b"a long report", Duration::ZERO).expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
