//! Bytes that Python took for text: UTF-8 for the most part, and readable in any case.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text of those bytes. What is not UTF-8 becomes what Python's `backslashreplace` prints: `\xff` for a byte
/// (Python 2 holds names as bytes), `\udcff` for half a character (how Python 3 holds such a byte of a file's
/// name). So different names stay different.
pub(super) fn readable(bytes: &[u8]) -> Cow<'_, str> {
    let mut rest = match std::str::from_utf8(bytes) {
        Ok(text) => return Cow::Borrowed(text),
        Err(_) => bytes,
    };
    let mut text = String::with_capacity(bytes.len());
    while let Some(chunk) = rest.utf8_chunks().next() {
        text.push_str(chunk.valid());
        rest = &rest[chunk.valid().len()..];
        let escaped = match rest {
            // A surrogate in the form of three bytes, which UTF-8 forbids and marshal writes.
            [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
                let code = 0xd000 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f);
                let _ = write!(text, "\\u{code:04x}");
                3
            }
            [byte, ..] => {
                let _ = write!(text, "\\x{byte:02x}");
                1
            }
            [] => 0,
        };
        rest = &rest[escaped..];
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    // As Python 3.11 prints `bytes.decode("utf-8", "surrogatepass")` and Python 2's bytes, with backslashreplace.
    #[test]
    fn what_is_not_utf8_is_escaped_byte_by_byte() {
        for (bytes, text) in [
            (&b""[..], ""),
            ("größe 関数 🦀".as_bytes(), "größe 関数 🦀"),
            (b"caf\xe9.py", "caf\\xe9.py"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"caf\xed\xb3\xa9.py", "caf\\udce9.py"),
            (b"\xed\xa0\x80\xed\xbf\xbf", "\\ud800\\udfff"),
            (b"\xed\x9f\xbf", "\u{d7ff}"),
            (b"cut \xed\xb3", "cut \\xed\\xb3"),
            (b"\xe2\x82", "\\xe2\\x82"),
            (b"\xf4\x90\x80\x80!", "\\xf4\\x90\\x80\\x80!"),
        ] {
            assert_eq!(readable(bytes), text);
        }
    }
}
