//! Texts exactly as Python writes them: `%8.3f` and `repr`.

/// pstats' `f8`: `%8.3f`.
pub(super) fn f8(x: f64) -> String {
    if x.is_nan() { format!("{:>8}", "nan") } else { format!("{x:8.3}") }
}

/// `%.3f`.
pub(super) fn f3(x: f64) -> String {
    f8(x).trim_start().to_owned()
}

/// `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16.
pub(super) fn repr_float(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let text = format!("{x:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if x != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    // `Debug` keeps ".0", but turns to exponents earlier than Python does.
    let plain = format!("{x}");
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

/// `repr` of a string: single quotes unless the text holds some and no double ones.
pub(super) fn repr_str(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c => out.push_str(&match u32::from(c) {
                code @ ..=0xff => format!("\\x{code:02x}"),
                code @ ..=0xffff => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
        }
    }
    out.push(quote);
    out
}

/// Python's `str.isprintable` of one character.
fn is_printable(c: char) -> bool {
    // Rust escapes the same categories of Unicode. It also escapes a combining mark, but only where
    // one begins a text: hence the letter before it.
    let mut text = String::from('a');
    text.push(c);
    matches!(c, '"' | '\'') || text.escape_debug().nth(1) == Some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected texts are those that Python 3.11 printed for the same values.
    #[test]
    fn floats() {
        for (x, text) in [
            (0.0, "0.0"),
            (0.5, "0.5"),
            (1.0, "1.0"),
            (0.999, "0.999"),
            (2.5, "2.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (-0.25, "-0.25"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(repr_float(x), text);
        }
        for (x, text) in [
            (0.0005, "   0.001"),
            (0.0625, "   0.062"),
            (0.1875, "   0.188"),
            (0.0, "   0.000"),
            (123456789.0, "123456789.000"),
            (f64::NAN, "     nan"),
        ] {
            assert_eq!(f8(x), text);
        }
    }

    #[test]
    fn strings() {
        for (text, repr) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("'\"", "'\\'\"'"),
            ("\\(", "'\\\\('"),
            ("\t\u{7f}\u{a0}", "'\\t\\x7f\\xa0'"),
            ("größe 関数", "'größe 関数'"),
            ("e\u{301}\u{301}", "'e\u{301}\u{301}'"),
            ("\u{200b}\u{2028}\u{e0001}", "'\\u200b\\u2028\\U000e0001'"),
        ] {
            assert_eq!(repr_str(text), repr);
        }
    }
}
