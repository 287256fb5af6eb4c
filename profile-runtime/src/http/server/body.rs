//! A request's body: no endpoint takes one, so that it is read and thrown away, where it is small.

use std::time::{Duration, Instant};

use super::channel::Channel;
use super::head::Body;
use super::input::{Input, Stop};
use crate::http::response::Refusal;

/// The largest body that is read.
pub(super) const LARGEST: u64 = 64 * 1024;
/// How long it may take in all.
const TIME: Duration = Duration::from_secs(5);
/// A chunk's size and extensions, or a line of trailers.
const LONGEST_LINE: usize = 256;
/// Lines of trailers.
const MOST_TRAILERS: usize = 32;
/// Chunks of a body: one for each few bytes costs more than the bytes.
const MOST_CHUNKS: usize = 1024;

/// 413, where a body's length alone says so.
pub(super) fn check(body: Body) -> Result<(), Refusal> {
    match body {
        Body::Length(length) if length > LARGEST => Err(too_large()),
        _ => Ok(()),
    }
}

fn too_large() -> Refusal {
    Refusal::new(
        413,
        format!("bodies of more than {LARGEST} bytes are not read; parameters are in the query"),
    )
}

/// Reads it, and throws it away.
pub(super) fn discard(input: &mut Input, channel: &mut impl Channel, body: Body) -> Result<(), Stop> {
    check(body)?;
    let until = Instant::now() + TIME;
    match body {
        Body::Length(length) => input.skip(channel, length, until),
        Body::Chunked => discard_chunks(input, channel, until),
    }
}

fn discard_chunks(input: &mut Input, channel: &mut impl Channel, until: Instant) -> Result<(), Stop> {
    let mut left = LARGEST;
    for _ in 0..MOST_CHUNKS {
        let size = size_of_chunk(&input.line(channel, LONGEST_LINE, until)?)?;
        if size == 0 {
            for _ in 0..MOST_TRAILERS {
                if input.line(channel, LONGEST_LINE, until)?.is_empty() {
                    return Ok(());
                }
            }
            return Err(Refusal::new(431, format!("more than {MOST_TRAILERS} trailers")).into());
        }
        left = left.checked_sub(size).ok_or_else(too_large)?;
        input.skip(channel, size, until)?;
        if !input.line(channel, LONGEST_LINE, until)?.is_empty() {
            return Err(Refusal::new(400, "a chunk is longer than it says").into());
        }
    }
    Err(too_large().into())
}

/// The size that a chunk's first line says. What follows a `;` means nothing here.
fn size_of_chunk(line: &[u8]) -> Result<u64, Refusal> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    let is_number = (1..=16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let has_control = line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    let number = std::str::from_utf8(digits).ok().filter(|_| is_number && !has_control);
    number
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or_else(|| Refusal::new(400, "a chunk's size is not a hexadecimal number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_chunks() {
        for (line, size) in [
            ("0", Some(0)),
            ("1f", Some(31)),
            ("1F;a=\"b\"", Some(31)),
            ("1f ; a", Some(31)),
            ("ffffffffffffffff", Some(u64::MAX)),
            ("", None),
            (";a", None),
            ("0x5", None),
            ("+5", None),
            (" 5", None),
            ("-1", None),
            ("5\r", None),
            ("00000000000000001", None),
            ("5;a\0", None),
            ("g", None),
        ] {
            assert_eq!(size_of_chunk(line.as_bytes()).ok(), size, "{line:?}");
        }
    }
}
