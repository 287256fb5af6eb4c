//! How parent and child talk: a line that says what is wanted, dumps of one snapshot or of two and the end of the stream;
//! in answer a greeting, and pieces with their lengths, so that an answer that was cut short is known for one.

use std::io::{self, Read, Write};

/// What the answer begins with: another program that was started by mistake says something else.
pub(super) const GREETING: [u8; 8] = *b"p-cost 1";

/// In place of a piece's length: an error's text follows as a piece.
const ERROR: u32 = u32::MAX;
/// Largest piece, bytes.
const LARGEST: usize = 1 << 16;

/// Longest line that says what is wanted, bytes.
pub(super) const LONGEST_REQUEST: u64 = 100;
/// Longest answer, bytes: the text of a named snapshot of 100,000 stacks is a tenth of it.
const LONGEST: u64 = 1 << 30;

/// Writes pieces of an answer.
pub(super) struct Pieces<W: Write> {
    stream: W,
    piece: Vec<u8>,
}

impl<W: Write> Pieces<W> {
    pub(super) fn new(mut stream: W) -> io::Result<Self> {
        stream.write_all(&GREETING)?;
        Ok(Self { stream, piece: Vec::with_capacity(LARGEST) })
    }

    /// The end of the answer.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.stream.write_all(&0u32.to_le_bytes())?;
        self.stream.flush()
    }

    /// The end of an answer that cannot be given.
    pub(super) fn fail(mut self, text: &str) -> io::Result<()> {
        self.piece.clear();
        self.stream.write_all(&ERROR.to_le_bytes())?;
        let text = &text.as_bytes()[..text.len().min(LARGEST)];
        self.stream.write_all(&(text.len() as u32).to_le_bytes())?;
        self.stream.write_all(text)?;
        self.stream.flush()
    }
}

impl<W: Write> Write for Pieces<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == LARGEST {
            self.flush()?;
        }
        let taken = bytes.len().min(LARGEST - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// What there is becomes a piece.
    fn flush(&mut self) -> io::Result<()> {
        if !self.piece.is_empty() {
            self.stream.write_all(&(self.piece.len() as u32).to_le_bytes())?;
            self.stream.write_all(&self.piece)?;
            self.piece.clear();
        }
        Ok(())
    }
}

/// Reads an answer. It ends where the other side said so, and is an error otherwise.
pub(super) struct Answer<R: Read> {
    stream: R,
    /// Bytes of the piece that are still to come.
    left: usize,
    /// Bytes that pieces may still have.
    allowed: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Begin,
    Within,
    Ended,
}

impl<R: Read> Answer<R> {
    pub(super) fn new(stream: R) -> Self {
        Self { stream, left: 0, allowed: LONGEST, state: State::Begin }
    }

    fn length(&mut self) -> io::Result<u32> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        Ok(u32::from_le_bytes(length))
    }

    fn next_piece(&mut self) -> io::Result<()> {
        if self.state == State::Begin {
            let mut greeting = GREETING;
            self.stream.read_exact(&mut greeting)?;
            if greeting != GREETING {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "what was started is another program",
                ));
            }
            self.state = State::Within;
        }
        match self.length()? {
            0 => self.state = State::Ended,
            ERROR => {
                let length = (self.length()? as usize).min(LARGEST);
                let mut text = vec![0; length];
                self.stream.read_exact(&mut text)?;
                self.state = State::Ended;
                return Err(io::Error::other(String::from_utf8_lossy(&text).into_owned()));
            }
            length if length as usize > LARGEST => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer makes no sense"));
            }
            length if u64::from(length) > self.allowed => {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "the child's answer is longer than 1 GiB; record fewer frames",
                ));
            }
            length => {
                self.left = length as usize;
                self.allowed -= u64::from(length);
            }
        }
        Ok(())
    }
}

impl<R: Read> Read for Answer<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && self.state != State::Ended {
            self.next_piece()?;
        }
        let wanted = bytes.len().min(self.left);
        if wanted == 0 {
            return Ok(0);
        }
        match self.stream.read(&mut bytes[..wanted])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.left -= read;
                Ok(read)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Answer::new(bytes).read_to_end(&mut text).map(|_| text)
    }

    #[test]
    fn an_answer_is_whole_or_an_error() {
        let content: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let mut sent = Vec::new();
        let mut pieces = Pieces::new(&mut sent).unwrap();
        pieces.write_all(&content[..70_000]).unwrap();
        pieces.write_all(&content[70_000..]).unwrap();
        pieces.finish().unwrap();
        assert!(read(&sent).unwrap() == content);
        for cut in [0, 3, 8, 10, 12, 5_000, 70_000, sent.len() - 4, sent.len() - 1] {
            let error = read(&sent[..cut]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{cut}");
        }
        assert!(read(b"Usage: something else").unwrap_err().to_string().contains("another program"));
        assert!(read(b"p-cost 1\0\0\0\x7f").unwrap_err().to_string().contains("no sense"));
    }

    #[test]
    fn an_answer_without_end_is_given_up() {
        let mut sent = Vec::new();
        let mut pieces = Pieces::new(&mut sent).unwrap();
        pieces.write_all(&[7; 100_000]).unwrap();
        pieces.finish().unwrap();
        let mut answer = Answer { allowed: 99_999, ..Answer::new(&*sent) };
        let error = answer.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        let mut answer = Answer { allowed: 100_000, ..Answer::new(&*sent) };
        assert_eq!(answer.read_to_end(&mut Vec::new()).unwrap(), 100_000);
    }

    #[test]
    fn the_error_is_told_also_after_some_of_the_answer() {
        let mut sent = Vec::new();
        let mut pieces = Pieces::new(&mut sent).unwrap();
        pieces.write_all(&[7; 100_000]).unwrap();
        pieces.fail("no such file").unwrap();
        assert_eq!(read(&sent).unwrap_err().to_string(), "no such file");
    }
}
