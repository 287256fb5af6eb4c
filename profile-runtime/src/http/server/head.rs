//! A request's head, read strictly: whatever two programs could read in two ways is refused (request smuggling).
//!
//! Lines end in CR LF. Headers that there can be one of are not taken twice, nor is a length of both kinds. A target is a
//! path, or `http://HOST/..` with the same host as the header says.

use httparse::{EMPTY_HEADER, Error, Header};

use crate::http::request::Request;
use crate::http::response::Refusal;

/// More headers than any client sends.
const MOST_HEADERS: usize = 64;

#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) request: Request<'a>,
    pub(super) body: Body,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

/// How a body's end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Of so many bytes; 0 is none.
    Length(u64),
    Chunked,
}

fn bad(why: &str) -> Refusal {
    Refusal::new(400, why)
}

/// Refuses what begins as no method does: TLS, say.
pub(super) fn check_beginning(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes.first() {
        Some(b'A'..=b'Z' | b'a'..=b'z' | b'\r') => Ok(()),
        _ => Err(bad("this is not an HTTP/1 request")),
    }
}

/// Refuses what is no request line of a version that is spoken here. `line` includes its end.
pub(super) fn check_line(line: &[u8]) -> Result<(), Refusal> {
    let line = line.strip_suffix(b"\r\n").ok_or_else(|| bad("the request line does not end in CR LF"))?;
    if !line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(bad("the request line has characters other than visible ASCII: percent-encode them"));
    }
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    match words[..] {
        [method, target, version] if !method.is_empty() && !target.is_empty() => match version {
            b"HTTP/1.1" | b"HTTP/1.0" => Ok(()),
            [b'H', b'T', b'T', b'P', b'/', digits @ ..]
                if !digits.is_empty() && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') =>
            {
                Err(Refusal::new(505, "HTTP/1.1 and HTTP/1.0 are spoken here"))
            }
            _ => Err(bad("the request line has no HTTP version")),
        },
        _ => Err(bad("the request line is not `METHOD /path HTTP/1.1`")),
    }
}

/// Reads a head, of which [`check_line`] has seen the first line.
pub(super) fn parse(bytes: &[u8]) -> Result<Head<'_>, Refusal> {
    check_line_ends(bytes)?;
    let mut space = [EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut space);
    match parsed.parse(bytes) {
        Ok(status) if status.is_complete() => {}
        Err(Error::TooManyHeaders) => {
            return Err(Refusal::new(431, format!("more than {MOST_HEADERS} headers")));
        }
        Err(Error::Version) => return Err(Refusal::new(505, "HTTP/1.1 and HTTP/1.0 are spoken here")),
        Err(error) => return Err(bad(&error.to_string())),
        Ok(_) => return Err(bad("the head has no end")),
    }
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(bad("the request line is not complete"));
    };
    let is_current = version == 1;
    let headers = Headers(parsed.headers);
    let host = headers.one("host")?;
    if is_current && host.is_none() {
        return Err(bad("there is no header Host"));
    }
    let (authority, target) = split_target(target)?;
    if let Some(authority) = authority
        && host.is_some_and(|host| !host.eq_ignore_ascii_case(authority))
    {
        return Err(bad("the target and the header Host name different hosts"));
    }
    // Others than these are not looked at.
    let known = ["authorization", "origin", "sec-fetch-site", "sec-fetch-dest"];
    let values = known.map(|name| headers.one(name).map(|value| (name, value)));
    let [authorization, origin, site, dest] = values;
    let found = [authorization?, origin?, site?, dest?, ("host", authority.or(host))];
    let request = Request::new(method, target, |name| {
        found.iter().find(|(found, _)| *found == name).and_then(|(_, value)| *value)
    });
    let (says_close, says_keep) = headers.connection();
    Ok(Head {
        request,
        body: headers.body(is_current)?,
        keep_alive: !says_close && (is_current || says_keep),
        expects_continue: headers.expects_continue(is_current)?,
    })
}

/// Each CR is followed by LF, and each LF follows CR.
fn check_line_ends(bytes: &[u8]) -> Result<(), Refusal> {
    let mut before = 0;
    for &byte in bytes {
        if (before == b'\r') != (byte == b'\n') {
            return Err(bad("a line of the head does not end in CR LF"));
        }
        before = byte;
    }
    Ok(())
}

/// The host that a target names, and what is asked of it.
fn split_target(target: &str) -> Result<(Option<&str>, &str), Refusal> {
    if target.contains('#') {
        return Err(bad("the target has a fragment"));
    }
    if target.starts_with('/') {
        return Ok((None, target));
    }
    let scheme = "http://";
    let rest = target.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
    let rest = rest.map(|_| &target[scheme.len()..]).ok_or_else(|| bad("the target is not a path"))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.is_empty() || authority.contains('@') {
        return Err(bad("the target names no host, or a user"));
    }
    if path.starts_with('?') {
        return Err(bad("the target has no path"));
    }
    Ok((Some(authority), if path.is_empty() { "/" } else { path }))
}

struct Headers<'h, 'a>(&'h [Header<'a>]);

impl<'a> Headers<'_, 'a> {
    fn all(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    }

    /// The value of a header that there may be one of.
    fn one(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => {
                let value = std::str::from_utf8(value).ok().filter(|value| value.is_ascii());
                value.map(Some).ok_or_else(|| bad(&format!("the header {name} is not ASCII")))
            }
            _ => Err(bad(&format!("the header {name} is there twice"))),
        }
    }

    /// Whether the words of `Connection` hold `close`, and `keep-alive`.
    fn connection(&self) -> (bool, bool) {
        let has = |word: &str| {
            self.all("connection")
                .flat_map(|value| value.split(|byte| *byte == b','))
                .any(|found| found.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
        };
        (has("close"), has("keep-alive"))
    }

    fn body(&self, is_current: bool) -> Result<Body, Refusal> {
        match (self.one("content-length")?, self.one("transfer-encoding")?) {
            (None, None) => Ok(Body::Length(0)),
            (Some(_), Some(_)) => Err(bad("the body has both a Content-Length and a Transfer-Encoding")),
            (Some(length), None) => {
                if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(bad("the Content-Length is not a number"));
                }
                // More than fits is more than is taken.
                Ok(Body::Length(length.parse().unwrap_or(u64::MAX)))
            }
            (None, Some(_)) if !is_current => Err(bad("HTTP/1.0 has no Transfer-Encoding")),
            (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Ok(Body::Chunked),
            (None, Some(coding)) => {
                let last = coding.rsplit(',').next().unwrap_or_default().trim();
                Err(match last.eq_ignore_ascii_case("chunked") {
                    true => Refusal::new(501, "of the transfer codings only `chunked` is known here"),
                    false => bad("the body's end cannot be told: its last transfer coding is not `chunked`"),
                })
            }
        }
    }

    fn expects_continue(&self, is_current: bool) -> Result<bool, Refusal> {
        match self.one("expect")? {
            Some(expected) if is_current => match expected.eq_ignore_ascii_case("100-continue") {
                true => Ok(true),
                false => Err(Refusal::new(417, "of the expectations only `100-continue` is known here")),
            },
            // To be ignored, where it is older than the header.
            _ => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(head: &str) -> u16 {
        let first = head.find('\n').map_or(head.len(), |at| at + 1);
        let checked = check_beginning(head.as_bytes()).and_then(|()| check_line(&head.as_bytes()[..first]));
        checked.and_then(|()| parse(head.as_bytes())).map_or_else(|refusal| refusal.status, |_| 0)
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (head, expected) in [
            ("GET /a HTTP/1.1\r\nHost: b\r\n\r\n", 0),
            ("GET /a HTTP/1.0\r\n\r\n", 0),
            ("GET /a HTTP/1.1\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\nHost: b\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\nhost: c\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\u{e9}\r\n\r\n", 400),
            // Lines.
            ("GET /a HTTP/1.1\nHost: b\n\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\nX: c\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\rX: c\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\n folded\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost : b\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\n: c\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\nX\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\nX: a\0b\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\nX\u{0}: a\r\n\r\n", 400),
            // Request lines.
            ("GET  /a HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET /a b HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET /a\tHTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET /a\0 HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET /\u{e9} HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET /a\r\n\r\n", 400),
            ("GET /a HTTP/1.1 \r\nHost: b\r\n\r\n", 400),
            ("GET /a http/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET /a HTTX/1.1\r\nHost: b\r\n\r\n", 400),
            ("G(T /a HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}", 400),
            ("GET /a HTTP/2.0\r\nHost: b\r\n\r\n", 505),
            ("GET /a HTTP/1.2\r\nHost: b\r\n\r\n", 505),
            ("GET /a HTTP/0.9\r\nHost: b\r\n\r\n", 505),
            ("PRI * HTTP/2.0\r\n\r\n", 505),
            // Lengths.
            ("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5, 5\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: +5\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 0x5\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nContent-Length:\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\n\r\n", 0),
            ("POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: Chunked\r\n\r\n", 0),
            ("POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: xchunked\r\n\r\n", 400),
            (
                "POST /a HTTP/1.1\r\nHost: b\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
                400,
            ),
            ("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST /a HTTP/1.1\r\nHost: b\r\nExpect: 100-Continue\r\n\r\n", 0),
            ("POST /a HTTP/1.1\r\nHost: b\r\nExpect: tea\r\n\r\n", 417),
            ("POST /a HTTP/1.0\r\nHost: b\r\nExpect: tea\r\n\r\n", 0),
            // Twice what may be looked at.
            ("GET /a HTTP/1.1\r\nHost: b\r\nOrigin: http://b\r\nOrigin: http://c\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\nSec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n\r\n", 400),
            ("GET /a HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer x\r\nauthorization: Bearer y\r\n\r\n", 400),
            // Targets.
            ("GET http://b/a HTTP/1.1\r\nHost: b\r\n\r\n", 0),
            ("GET HTTP://B/a HTTP/1.1\r\nHost: b\r\n\r\n", 0),
            ("GET http://c/a HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET http://u@b/a HTTP/1.1\r\nHost: u@b\r\n\r\n", 400),
            ("GET http:///a HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET https://b/a HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET file:///a HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET a HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("GET /a#b HTTP/1.1\r\nHost: b\r\n\r\n", 400),
            ("CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", 400),
            ("OPTIONS * HTTP/1.1\r\nHost: b\r\n\r\n", 400),
        ] {
            assert_eq!(status(head), expected, "{head:?}");
        }
        let many = format!("GET / HTTP/1.1\r\nHost: b\r\n{}\r\n", "X: y\r\n".repeat(MOST_HEADERS));
        assert_eq!(status(&many), 431);
    }

    #[test]
    fn what_is_asked_and_how_it_goes_on() {
        let head = parse(b"GET http://b:1?a HTTP/1.1\r\nHost: b:1\r\n\r\n");
        assert_eq!(head.expect_err("no path").status, 400);
        let head = parse(b"GET http://B:1/c?d=e HTTP/1.1\r\nhost: b:1\r\nConnection: x, Close\r\n\r\n")
            .expect("right");
        assert_eq!((head.request.path, head.request.query, head.request.host), ("/c", "d=e", Some("B:1")));
        assert!(!head.keep_alive);
        let head = parse(
            b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 99999999999999999999\r\n\r\n",
        );
        let head = head.expect("right");
        assert!(head.keep_alive && head.request.host.is_none());
        assert_eq!(head.body, Body::Length(u64::MAX));
        let head = parse(b"GET / HTTP/1.0\r\n\r\n").expect("right");
        assert!(!head.keep_alive && head.body == Body::Length(0));
    }
}
