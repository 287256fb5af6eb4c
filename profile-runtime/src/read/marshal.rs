//! Python's marshal format as a row of tokens, from 2.7's version 2 to 3.15's version 5. Allocates nothing: a length
//! is only ever compared with the bytes that are left.

use super::ReadError;

/// Set in the code of an object that later ones may refer to.
const SHARED: u8 = 0x80;

/// What one code stands for, with the payload that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// `0`: the end of a dict.
    End,
    /// `N`
    None,
    /// `i I l T F`; what does not fit is the largest or smallest number there is.
    Whole(i128),
    /// `g f`
    Float(f64),
    /// `s u a z`
    Text(&'a [u8]),
    /// `t A Z`: Python 2 refers to these by `R`.
    Interned(&'a [u8]),
    /// `R`: the interned text of that number.
    InternedReference(u32),
    /// `( ) [`: so many objects follow.
    Sequence(u32),
    /// `{`: keys and values follow, up to the end.
    Dict,
    /// `r`: the shared object of that number.
    Reference(u32),
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    /// The byte of its code.
    pub(super) at: usize,
    /// True when the object takes the next number among the shared ones.
    pub(super) shared: bool,
    pub(super) token: Token<'a>,
}

/// The bytes, and how far they are read.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The byte that is read next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Item<'a>, ReadError> {
        let at = self.at;
        let [code] = self.array(at)?;
        let token = match code & !SHARED {
            b'0' => Token::End,
            b'N' => Token::None,
            b'F' => Token::Whole(0),
            b'T' => Token::Whole(1),
            b'i' => Token::Whole(i32::from_le_bytes(self.array(at)?).into()),
            b'I' => Token::Whole(i64::from_le_bytes(self.array(at)?).into()),
            b'l' => Token::Whole(self.long(at)?),
            b'g' => Token::Float(f64::from_le_bytes(self.array(at)?)),
            b'f' => Token::Float(self.decimal(at)?),
            b's' | b'u' | b'a' => Token::Text(self.text(at)?),
            b't' | b'A' => Token::Interned(self.text(at)?),
            b'z' => Token::Text(self.short_text(at)?),
            b'Z' => Token::Interned(self.short_text(at)?),
            b'R' => Token::InternedReference(u32::from_le_bytes(self.array(at)?)),
            b'r' => Token::Reference(u32::from_le_bytes(self.array(at)?)),
            b'(' | b'[' => Token::Sequence(u32::from_le_bytes(self.array(at)?)),
            b')' => Token::Sequence(self.array::<1>(at)?[0].into()),
            b'{' => Token::Dict,
            _ => {
                let code = char::from(code & !SHARED);
                return Err(ReadError::new(
                    at,
                    format!("{code:?} begins nothing that statistics hold; {DAMAGED}"),
                ));
            }
        };
        // Python numbers every object that has the bit, but these are none: they are always there.
        let shared = code & SHARED != 0 && !matches!(code & !SHARED, b'0' | b'N' | b'F' | b'T' | b'R' | b'r');
        Ok(Item { at, shared, token })
    }

    /// The payload of the object at `at`: so many bytes, or the error of a file that ends before.
    fn take(&mut self, at: usize, count: usize) -> Result<&'a [u8], ReadError> {
        let rest = &self.bytes[self.at..];
        let Some(taken) = rest.get(..count) else {
            return Err(ReadError::new(
                at,
                format!(
                    "what begins here goes on beyond the end of the file, byte {}; {DAMAGED}",
                    self.len()
                ),
            ));
        };
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, at: usize) -> Result<[u8; N], ReadError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(at, N)?);
        Ok(array)
    }

    fn text(&mut self, at: usize) -> Result<&'a [u8], ReadError> {
        let length = u32::from_le_bytes(self.array(at)?);
        self.take(at, length as usize)
    }

    fn short_text(&mut self, at: usize) -> Result<&'a [u8], ReadError> {
        let [length] = self.array(at)?;
        self.take(at, length.into())
    }

    /// A float as text, which versions 0 and 1 write.
    fn decimal(&mut self, at: usize) -> Result<f64, ReadError> {
        let text = self.short_text(at)?;
        let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
        number.ok_or_else(|| ReadError::new(at, format!("not a number in decimal digits; {DAMAGED}")))
    }

    /// A long integer: digits of 15 bits, the lowest first; the sign is that of their count.
    fn long(&mut self, at: usize) -> Result<i128, ReadError> {
        let count = i32::from_le_bytes(self.array(at)?);
        let digits = self.take(at, (count.unsigned_abs() as usize).saturating_mul(2))?;
        let mut number: i128 = 0;
        for digit in digits.chunks_exact(2).rev() {
            let digit = i16::from_le_bytes([digit[0], digit[1]]);
            if digit < 0 {
                return Err(ReadError::new(at, format!("not the digits of a whole number; {DAMAGED}")));
            }
            number = number.saturating_mul(1 << 15).saturating_add(digit.into());
        }
        Ok(if count < 0 { -number } else { number })
    }
}

/// The remedy for bytes that no Python writes.
pub(super) const DAMAGED: &str = "the file is damaged or was cut off: dump the statistics again";

#[cfg(test)]
mod tests {
    use super::*;

    fn token(bytes: &[u8]) -> Result<Token<'_>, ReadError> {
        Tokens::new(bytes).next().map(|item| item.token)
    }

    #[test]
    fn every_code_of_every_version() {
        for (bytes, wanted) in [
            (&b"0"[..], Token::End),
            (b"N", Token::None),
            (b"T", Token::Whole(1)),
            (b"F", Token::Whole(0)),
            (b"i\xff\xff\xff\xff", Token::Whole(-1)),
            (b"I\0\0\0\0\0\0\0\x40", Token::Whole(1 << 62)),
            (b"l\x03\0\0\0\x01\0\0\0\x02\0", Token::Whole((2 << 30) + 1)),
            (b"l\xfe\xff\xff\xff\0\0\x01\0", Token::Whole(-(1 << 15))),
            (b"g\0\0\0\0\0\0\xe0?", Token::Float(0.5)),
            (b"f\x071.5e-05", Token::Float(1.5e-5)),
            (b"s\x02\0\0\0ab", Token::Text(b"ab")),
            (b"u\x02\0\0\0ab", Token::Text(b"ab")),
            (b"a\x02\0\0\0ab", Token::Text(b"ab")),
            (b"z\x02ab", Token::Text(b"ab")),
            (b"t\x02\0\0\0ab", Token::Interned(b"ab")),
            (b"A\x02\0\0\0ab", Token::Interned(b"ab")),
            (b"Z\x02ab", Token::Interned(b"ab")),
            (b"R\x01\0\0\0", Token::InternedReference(1)),
            (b"r\x01\0\0\0", Token::Reference(1)),
            (b"(\x05\0\0\0", Token::Sequence(5)),
            (b"[\x05\0\0\0", Token::Sequence(5)),
            (b")\x05", Token::Sequence(5)),
            (b"{", Token::Dict),
        ] {
            assert_eq!(token(bytes), Ok(wanted), "{bytes:?}");
            for cut in 0..bytes.len() {
                assert!(token(&bytes[..cut]).is_err(), "{bytes:?} cut to {cut}");
            }
        }
    }

    #[test]
    fn longs_that_do_not_fit_are_the_largest() {
        let mut bytes = b"l\x14\0\0\0".to_vec();
        bytes.extend([0xff, 0x7f].repeat(20));
        assert_eq!(token(&bytes), Ok(Token::Whole(i128::MAX)));
        bytes[1..5].copy_from_slice(&(-20i32).to_le_bytes());
        assert_eq!(token(&bytes), Ok(Token::Whole(-i128::MAX)));
    }

    #[test]
    fn forged_lengths_and_digits_are_refused() {
        for bytes in
            [&b"s\xff\xff\xff\xffab"[..], b"l\0\0\0\x80", b"l\x01\0\0\0\xff\xff", b"f\x03abc", b"c", b"\xff"]
        {
            let error = token(bytes).expect_err("refused");
            assert_eq!(error.offset(), 0, "{error}");
        }
    }

    #[test]
    fn only_objects_take_a_number() {
        for (bytes, shared) in [(&b"\xcf"[..], false), (b"\xce", false), (b"\xfa\0", true), (b"\xfb", true)] {
            let item = Tokens::new(bytes).next();
            assert_eq!(item.ok().map(|item| item.shared), (bytes != b"\xcf").then_some(shared), "{bytes:?}");
        }
    }
}
