//! An answer on its way out: in pieces, to clients that may be slow, though not for ever.

use std::io;
use std::time::{Duration, Instant};

use super::channel::Channel;
use super::connection::Service;
use super::input::SLICE;
use crate::http::response::Response;

/// How much is written at a time.
const PIECE: usize = 64 * 1024;
/// An answer may take so long, and a second more for each so many bytes.
const TIME: Duration = Duration::from_secs(10);
const BYTES_A_SECOND: usize = 32 * 1024;

/// How an answer is to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// To `HEAD`: as to `GET`, without the body.
    pub(super) is_head: bool,
    pub(super) keep_alive: bool,
}

/// Writes it.
///
/// # Errors
/// The client is gone, or too slow, or the server stops.
pub(super) fn write(
    channel: &mut impl Channel,
    service: &Service,
    response: &Response,
    form: Form,
) -> io::Result<()> {
    let mut first = head(response, form);
    let body = if form.is_head { &[][..] } else { &response.body[..] };
    let until = Instant::now() + TIME + Duration::from_secs((body.len() / BYTES_A_SECOND) as u64);
    // One packet, where it fits.
    let (with_head, rest) = body.split_at(body.len().min(PIECE));
    first.extend_from_slice(with_head);
    write_all(channel, service, &first, until)?;
    rest.chunks(PIECE).try_for_each(|piece| write_all(channel, service, piece, until))
}

/// 100: the body may come.
pub(super) fn write_continue(channel: &mut impl Channel, service: &Service) -> io::Result<()> {
    write_all(channel, service, b"HTTP/1.1 100 Continue\r\n\r\n", Instant::now() + TIME)
}

fn write_all(
    channel: &mut impl Channel,
    service: &Service,
    mut bytes: &[u8],
    until: Instant,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        match channel.write(bytes, left.min(SLICE))? {
            Some(0) => return Err(io::ErrorKind::WriteZero.into()),
            Some(count) => bytes = &bytes[count..],
            None => {}
        }
        if !bytes.is_empty() && (Instant::now() >= until || service.is_stopping()) {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
    Ok(())
}

/// Status line and headers.
pub(super) fn head(response: &Response, form: Form) -> Vec<u8> {
    let status = response.status;
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    let length = response.body.len().to_string();
    let connection = if form.keep_alive { "keep-alive" } else { "close" };
    let headers = response.headers.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in headers.chain([("content-length", length.as_str()), ("connection", connection)]) {
        head += name;
        head += ": ";
        // Whatever stands in a name: a header has one line.
        head.extend(value.chars().map(|c| if c.is_control() { '_' } else { c }));
        head += "\r\n";
    }
    head += "\r\n";
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        // The phrase may be empty.
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::endpoints::Endpoints;
    use crate::http::options::Options;
    use crate::http::server::channel::Watched;

    #[test]
    fn a_name_makes_no_header_of_its_own() {
        let response = Response::new("text/plain", "x").with("content-disposition", "a\r\nset-cookie: b\0");
        let head =
            String::from_utf8(head(&response, Form { is_head: false, keep_alive: false })).expect("text");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n"), "{head}");
        assert!(head.contains("content-disposition: a__set-cookie: b_\r\n"), "{head}");
        assert!(head.ends_with("content-length: 1\r\nconnection: close\r\n\r\n"), "{head}");
    }

    /// Takes a byte at a time, the first so many.
    struct Slow(usize);

    impl Channel for Slow {
        fn read(&mut self, _: &mut [u8], _: Duration) -> io::Result<Option<usize>> {
            Ok(None)
        }

        fn write(&mut self, _: &[u8], _: Duration) -> io::Result<Option<usize>> {
            let took = self.0 > 0;
            self.0 = self.0.saturating_sub(1);
            Ok(took.then_some(1))
        }

        fn watch(&mut self, _: Duration) -> Watched {
            Watched::Waited
        }

        fn end_output(&mut self) {}
    }

    #[test]
    fn a_slow_reader_has_until_then() {
        let service = Service::new(Endpoints::new(Options::default()));
        let until = Instant::now() + Duration::from_millis(20);
        let error = write_all(&mut Slow(1), &service, b"two", until).expect_err("one byte is taken");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(Instant::now() >= until);
        // However steadily it reads.
        assert!(write_all(&mut Slow(usize::MAX), &service, b"two", until).is_err());
        assert!(write_all(&mut Slow(3), &service, b"two", Instant::now() + Duration::from_secs(60)).is_ok());
    }
}
