//! Every number as people read it: durations, counts, shares, and the width of text on a terminal.

/// Seconds in three digits with their unit: `873ns`, `12.3us`, `4.56ms`, `78.9s`; `0` for none.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0".into();
    }
    if !seconds.is_finite() {
        return "?".into();
    }
    let mut scaled = seconds.abs() * 1e9;
    let mut unit = "ns";
    for larger in ["us", "ms", "s"] {
        // The limit is where three digits would round up to a fourth.
        if scaled < 999.5 {
            break;
        }
        (scaled, unit) = (scaled / 1e3, larger);
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    let decimals = match scaled {
        // Whole nanoseconds are as exact as the clock.
        _ if unit == "ns" && scaled >= 0.995 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{sign}{scaled:.decimals$}{unit}")
}

/// A count with its thousands apart: `1,234,567`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `812 B`, `1.5 KiB`, `12 MiB`: bytes in powers of 1,024.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    // What would be printed as 1024 is 1 of the next.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// `1 call`, `2 calls`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Characters that are not seen, or that change how others are: bidirectional controls (CVE-2021-42574), zero
/// widths, byte order marks, tags. A name that holds them could pass for another.
pub(crate) fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// A share as percent, `12.3%`; a dash of nothing.
pub(crate) fn percent(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.1}%", 100.0 * part / whole) } else { "-".into() }
}

/// Columns of a terminal that a text takes: two for East Asian wide characters and emoji, none for
/// combining marks.
pub(crate) fn width(text: &str) -> usize {
    // PERF: most text is numbers and plain names.
    if text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        return text.len();
    }
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x20..=0x7e => 1,
        0..=0x1f | 0x7f..=0x9f => 0,
        0x300..=0x36f | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff => 0,
        0x200b..=0x200f | 0x2060 | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f | 0xfeff => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xa960..=0xa97f | 0xac00..=0xd7a3 => 2,
        0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
        0x1f300..=0x1f64f | 0x1f680..=0x1f6ff | 0x1f900..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The text with spaces before it, to that many columns.
pub(crate) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits() {
        for (seconds, text) in [
            (0.0, "0"),
            (1e-9, "1ns"),
            (0.25e-9, "0.25ns"),
            (999.4e-9, "999ns"),
            (999.6e-9, "1.00us"),
            (9.994e-6, "9.99us"),
            (9.996e-6, "10.0us"),
            (12.34e-6, "12.3us"),
            (123.4e-6, "123us"),
            (0.999_6, "1.00s"),
            (3.5, "3.50s"),
            (123_456.0, "123456s"),
            (-0.0021, "-2.10ms"),
            (f64::NAN, "?"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn counts_and_shares() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "call"), "1 call");
        assert_eq!(counted(2000, "call"), "2,000 calls");
        assert_eq!(percent(1.0, 8.0), "12.5%");
        assert_eq!(percent(1.0, 0.0), "-");
    }

    #[test]
    fn wide_and_combining_characters() {
        assert_eq!(width("größe"), 5);
        assert_eq!(width("関数"), 4);
        assert_eq!(width("e\u{301}"), 1);
        assert_eq!(right("関", 4), "  関");
    }
}
