//! JSON's strings and numbers, for the renderers that write JSON.

use std::fmt::{self, Display, Write};

/// A JSON string, quotes included, that is also safe inside `<script>`: what could end the script or is
/// not allowed in one is escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        // Long runs in one go: names are mostly plain.
        let mut rest = self.0;
        while let Some(at) = rest.find(must_be_escaped) {
            f.write_str(&rest[..at])?;
            let Some(c) = rest[at..].chars().next() else { break };
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                // All of them are in the basic plane.
                c => write!(f, "\\u{:04x}", u32::from(c))?,
            }
            rest = &rest[at + c.len_utf8()..];
        }
        f.write_str(rest)?;
        f.write_char('"')
    }
}

fn must_be_escaped(c: char) -> bool {
    matches!(c, '"' | '\\' | '<' | '>' | '&' | '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{2028}' | '\u{2029}')
}

/// A JSON number that reads back as the same `f64`; `null` for what JSON has no number for.
pub(crate) struct Number(pub(crate) f64);

impl Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() { write!(f, "{:?}", self.0) } else { f.write_str("null") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_for_json_and_for_scripts() {
        assert_eq!(Quoted("a\"b\\c\n\u{1}é").to_string(), r#""a\"b\\c\n\u0001é""#);
        assert_eq!(Quoted("</script>&\u{2028}").to_string(), r#""\u003c/script\u003e\u0026\u2028""#);
    }

    #[test]
    fn numbers_read_back_as_they_were() {
        for value in [0.0, 0.1, 1e-9, 1.0 / 3.0, 1e300, f64::MIN_POSITIVE] {
            assert_eq!(Number(value).to_string().parse(), Ok(value));
        }
        assert_eq!(Number(f64::NAN).to_string(), "null");
    }
}
