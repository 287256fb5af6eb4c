//! Python's regular expressions as restrictions: checked by Python's rules, run by regex-lite.
//!
//! The two syntaxes differ where a user notices: Python takes `{` for itself when no repetition follows,
//! refuses `a**`, and its `\w` knows every alphabet. So a pattern is read by Python's grammar here and
//! written anew with nothing but literals, explicit character ranges, groups and repetitions.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use regex_lite::{Regex, RegexBuilder};

/// Why a pattern cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternError {
    /// Python's `re` refuses it too.
    Invalid,
    /// Valid in Python; the text says what it uses.
    Unsupported(&'static str),
}

use PatternError::{Invalid, Unsupported};

type Result<T> = std::result::Result<T, PatternError>;

/// Compiles a Python pattern for searching in `texts`.
///
/// The texts serve to expand `\w`: of the letters beyond ASCII, only those that occur can match.
pub(super) fn compile<'t, T>(pattern: &str, texts: impl FnOnce() -> T) -> Result<Regex>
where
    T: Iterator<Item = &'t str>,
{
    let mut letters: Vec<char> = Vec::new();
    if pattern.contains(['w', 'W']) {
        letters.extend(texts().flat_map(str::chars).filter(|c| !c.is_ascii() && c.is_alphanumeric()));
        letters.sort_unstable();
        letters.dedup();
    }
    let mut translator = Translator {
        rest: pattern.chars().peekable(),
        letters: &letters,
        out: String::new(),
        groups: Vec::new(),
        group_names: Vec::new(),
        group_count: 0,
        last: Last::Nothing,
        verbose: false,
        ascii: false,
        at_start: true,
    };
    translator.run()?;
    RegexBuilder::new(&translator.out)
        .size_limit(LARGEST)
        .build()
        .map_err(|_| Unsupported("larger than can be compiled"))
}

/// What a pattern may take once it is compiled, bytes: it may come from whoever asks a running service.
const LARGEST: usize = 1 << 20;

/// What a repetition sign would apply to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Item,
    Repeated,
}

struct Translator<'p> {
    rest: Peekable<Chars<'p>>,
    letters: &'p [char],
    out: String,
    /// Of each open group: the flags to restore.
    groups: Vec<(bool, bool)>,
    group_names: Vec<String>,
    group_count: u32,
    last: Last,
    verbose: bool,
    ascii: bool,
    at_start: bool,
}

/// Characters as ranges of code points.
type Ranges = Vec<(u32, u32)>;

/// One member of a character class, or one escape.
enum Atom {
    One(char),
    Set(Ranges),
}

impl Translator<'_> {
    fn run(&mut self) -> Result<()> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => {
                    (self.verbose, self.ascii) = self.groups.pop().ok_or(Invalid)?;
                    self.out.push(')');
                    self.last = Last::Item;
                }
                '|' => self.plain("|", Last::Nothing),
                '^' | '$' => self.plain(if c == '^' { "^" } else { "$" }, Last::Nothing),
                '.' => self.plain(".", Last::Item),
                '*' | '+' | '?' => self.repeat(&c.to_string())?,
                '{' => match self.bounds()? {
                    Some(bounds) => self.repeat(&bounds)?,
                    None => self.literal('{'),
                },
                c if self.verbose && (c.is_ascii_whitespace() || c == '\x0b') => {}
                '#' if self.verbose => while self.rest.next().is_some_and(|c| c != '\n') {},
                c => self.literal(c),
            }
            self.at_start = false;
        }
        if self.groups.is_empty() { Ok(()) } else { Err(Invalid) }
    }

    fn plain(&mut self, text: &str, last: Last) {
        self.out.push_str(text);
        self.last = last;
    }

    fn literal(&mut self, c: char) {
        self.plain(&regex_lite::escape(c.encode_utf8(&mut [0; 4])), Last::Item);
    }

    fn take(&mut self, c: char) -> bool {
        self.rest.next_if_eq(&c).is_some()
    }

    /// A repetition sign, and the `?` or `+` that may follow it.
    fn repeat(&mut self, sign: &str) -> Result<()> {
        if self.last != Last::Item {
            return Err(Invalid);
        }
        self.plain(sign, Last::Repeated);
        if self.take('+') {
            return Err(Unsupported("a possessive repetition"));
        }
        if self.take('?') {
            self.out.push('?');
        }
        Ok(())
    }

    /// `{3}`, `{3,}`, `{,5}`, `{3,5}` after the brace; anything else leaves the brace a literal.
    fn bounds(&mut self) -> Result<Option<String>> {
        let mut ahead = self.rest.clone();
        let digits = |ahead: &mut Peekable<Chars<'_>>| {
            let mut text = String::new();
            while let Some(c) = ahead.next_if(char::is_ascii_digit) {
                text.push(c);
            }
            text
        };
        let low = digits(&mut ahead);
        let comma = ahead.next_if_eq(&',').is_some();
        let high = if comma { digits(&mut ahead) } else { low.clone() };
        if ahead.next() != Some('}') || (low.is_empty() && !comma) {
            return Ok(None);
        }
        self.rest = ahead;
        let number = |text: &str| text.parse::<u32>().map_err(|_| Unsupported("a repetition too large"));
        let low = if low.is_empty() { 0 } else { number(&low)? };
        if high.is_empty() {
            return Ok(Some(format!("{{{low},}}")));
        }
        let high = number(&high)?;
        if high < low { Err(Invalid) } else { Ok(Some(format!("{{{low},{high}}}"))) }
    }

    /// What follows `(`.
    fn open(&mut self) -> Result<()> {
        let restore = (self.verbose, self.ascii);
        let mut opening = String::from("(?:");
        if !self.take('?') {
            self.group_count += 1;
        } else {
            match self.rest.next().ok_or(Invalid)? {
                ':' => {}
                'P' => self.named_group()?,
                '=' | '!' => return Err(Unsupported("look-around")),
                '<' if matches!(self.rest.peek(), Some('=' | '!')) => return Err(Unsupported("look-around")),
                '>' => return Err(Unsupported("an atomic group")),
                '(' => return Err(Unsupported("a conditional group")),
                '#' => {
                    return if self.rest.any(|c| c == ')') { Ok(()) } else { Err(Invalid) };
                }
                flag => {
                    let global_allowed = self.at_start;
                    let (flags, global) = self.flags(flag)?;
                    if global {
                        // Python 3.11 and later refuse these anywhere but at the start.
                        self.out.push_str(&flags);
                        return if global_allowed { Ok(()) } else { Err(Invalid) };
                    }
                    opening = flags;
                }
            }
        }
        self.groups.push(restore);
        self.plain(&opening, Last::Nothing);
        Ok(())
    }

    /// `(?P<name>`; the name only has to be one.
    fn named_group(&mut self) -> Result<()> {
        match self.rest.next() {
            Some('<') => {}
            Some('=') => return Err(Unsupported("a back-reference")),
            _ => return Err(Invalid),
        }
        let mut name = String::new();
        loop {
            match self.rest.next().ok_or(Invalid)? {
                '>' => break,
                c => name.push(c),
            }
        }
        let identifier = name.starts_with(|c: char| c == '_' || c.is_alphabetic())
            && name.chars().all(|c| c == '_' || c.is_alphanumeric());
        if !identifier || self.group_names.contains(&name) {
            return Err(Invalid);
        }
        self.group_names.push(name);
        self.group_count += 1;
        Ok(())
    }

    /// `(?i)`, `(?i:`, `(?i-s:`: the opening to write, and whether it is for the whole pattern.
    fn flags(&mut self, first: char) -> Result<(String, bool)> {
        let (mut on, mut off) = (String::new(), String::new());
        let mut negative = false;
        let mut next = first;
        loop {
            match next {
                ')' if !negative && first != ')' => break,
                ':' if !negative || !off.is_empty() => break,
                '-' if !negative => negative = true,
                'i' | 'm' | 's' if negative => off.push(next),
                'x' if negative => {
                    off.push('x');
                    self.verbose = false;
                }
                'i' | 'm' | 's' => on.push(next),
                'x' => self.verbose = true,
                'a' if !negative => self.ascii = true,
                'u' if !negative => self.ascii = false,
                _ => return Err(Invalid),
            }
            next = self.rest.next().ok_or(Invalid)?;
        }
        on.retain(|c| !off.contains(c));
        off.retain(|c| c != 'x');
        let minus = if off.is_empty() { "" } else { "-" };
        let end = if next == ')' { ')' } else { ':' };
        let nothing = on.is_empty() && off.is_empty();
        let text = match (nothing, end) {
            (true, ')') => String::new(),
            (true, _) => "(?:".to_owned(),
            _ => format!("(?{on}{minus}{off}{end}"),
        };
        Ok((text, end == ')'))
    }

    /// What follows a backslash outside a class.
    fn escape(&mut self) -> Result<()> {
        match *self.rest.peek().ok_or(Invalid)? {
            'A' => self.position(r"\A"),
            'Z' => self.position(r"\z"),
            'b' => self.position(r"\b"),
            'B' => self.position(r"\B"),
            '1'..='9' => self.reference()?,
            _ => match self.atom()? {
                Atom::One(c) => self.literal(c),
                Atom::Set(ranges) => self.set(&ranges, false),
            },
        }
        Ok(())
    }

    fn position(&mut self, text: &str) {
        self.rest.next();
        self.plain(text, Last::Nothing);
    }

    /// `\12`: three octal digits are a character, anything else a group's text again.
    fn reference(&mut self) -> Result<()> {
        let mut ahead = self.rest.clone();
        let three: String = ahead.by_ref().take(3).collect();
        if three.len() == 3 && three.chars().all(|c| c.is_digit(8)) {
            let code = u32::from_str_radix(&three, 8).map_err(|_| Invalid)?;
            if code > 0o377 {
                return Err(Invalid);
            }
            self.rest = ahead;
            self.literal(char::from_u32(code).ok_or(Invalid)?);
            return Ok(());
        }
        let number: String = three.chars().take(2).take_while(char::is_ascii_digit).collect();
        let known = number.parse().is_ok_and(|group: u32| group <= self.group_count);
        Err(if known { Unsupported("a back-reference") } else { Invalid })
    }

    /// An escape that stands for a character or a set of them, the backslash already read.
    fn atom(&mut self) -> Result<Atom> {
        let c = self.rest.next().ok_or(Invalid)?;
        Ok(match c {
            'd' => Atom::Set(vec![(0x30, 0x39)]),
            'D' => Atom::Set(complement(vec![(0x30, 0x39)])),
            's' => Atom::Set(self.spaces()),
            'S' => Atom::Set(complement(self.spaces())),
            'w' => Atom::Set(self.word()),
            'W' => Atom::Set(complement(self.word())),
            'a' => Atom::One('\x07'),
            'f' => Atom::One('\x0c'),
            'n' => Atom::One('\n'),
            'r' => Atom::One('\r'),
            't' => Atom::One('\t'),
            'v' => Atom::One('\x0b'),
            'x' => Atom::One(self.hex(2)?),
            'u' => Atom::One(self.hex(4)?),
            'U' => Atom::One(self.hex(8)?),
            'N' => return Err(Unsupported("a character by name")),
            '0' => {
                let mut code = 0;
                for _ in 0..2 {
                    if let Some(digit) = self.rest.next_if(|c| c.is_digit(8)) {
                        code = code * 8 + digit.to_digit(8).unwrap_or(0);
                    }
                }
                Atom::One(char::from_u32(code).ok_or(Invalid)?)
            }
            c if c.is_ascii_alphanumeric() => return Err(Invalid),
            c => Atom::One(c),
        })
    }

    fn hex(&mut self, digits: usize) -> Result<char> {
        let mut code = 0;
        for _ in 0..digits {
            let digit = self.rest.next().and_then(|c| c.to_digit(16)).ok_or(Invalid)?;
            code = code << 4 | digit;
        }
        char::from_u32(code).ok_or(Invalid)
    }

    fn spaces(&self) -> Ranges {
        let mut ranges = vec![(0x09, 0x0d), (0x20, 0x20)];
        if !self.ascii {
            ranges.extend([(0x1c, 0x1f), (0x85, 0x85), (0xa0, 0xa0), (0x1680, 0x1680), (0x2000, 0x200a)]);
            ranges.extend([(0x2028, 0x2029), (0x202f, 0x202f), (0x205f, 0x205f), (0x3000, 0x3000)]);
        }
        ranges
    }

    fn word(&self) -> Ranges {
        let mut ranges = vec![(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];
        if !self.ascii {
            ranges.extend(self.letters.iter().map(|&c| (c.into(), c.into())));
        }
        ranges
    }

    /// `[...]`, the opening bracket already read.
    fn class(&mut self) -> Result<()> {
        let negated = self.take('^');
        let mut ranges: Ranges = Vec::new();
        let mut first = true;
        loop {
            let c = self.rest.next().ok_or(Invalid)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            let low = self.member(c)?;
            let mut ahead = self.rest.clone();
            let range = ahead.next() == Some('-') && ahead.peek().is_some_and(|&c| c != ']');
            if !range {
                match low {
                    Atom::One(c) => ranges.push((c.into(), c.into())),
                    Atom::Set(set) => ranges.extend(set),
                }
                continue;
            }
            self.rest = ahead;
            let c = self.rest.next().ok_or(Invalid)?;
            match (low, self.member(c)?) {
                (Atom::One(low), Atom::One(high)) if low <= high => ranges.push((low.into(), high.into())),
                _ => return Err(Invalid),
            }
        }
        self.set(&ranges, negated);
        Ok(())
    }

    fn member(&mut self, c: char) -> Result<Atom> {
        if c != '\\' {
            return Ok(Atom::One(c));
        }
        if self.take('b') {
            return Ok(Atom::One('\x08'));
        }
        if self.rest.peek().is_some_and(|c| ('1'..='7').contains(c)) {
            let octal: String = self.rest.by_ref().take(3).collect();
            let code = u32::from_str_radix(&octal, 8).map_err(|_| Invalid)?;
            return if octal.len() == 3 && code <= 0o377 {
                Ok(Atom::One(char::from_u32(code).ok_or(Invalid)?))
            } else {
                Err(Invalid)
            };
        }
        self.atom()
    }

    fn set(&mut self, ranges: &[(u32, u32)], negated: bool) {
        self.out.push_str(if negated { "[^" } else { "[" });
        for &(low, high) in ranges {
            // Surrogates are no characters here: a range across them is written as two.
            for (low, high) in [(low, high.min(0xd7ff)), (low.max(0xe000), high)] {
                if low <= high {
                    let _ = write!(self.out, r"\x{{{low:x}}}-\x{{{high:x}}}");
                }
            }
        }
        self.plain("]", Last::Item);
    }
}

/// All characters that are in none of the ranges.
fn complement(mut ranges: Ranges) -> Ranges {
    ranges.sort_unstable();
    let mut out = Vec::new();
    let mut next = 0;
    for (low, high) in ranges {
        if low > next {
            out.push((next, low - 1));
        }
        next = next.max(high + 1);
    }
    out.push((next, u32::from(char::MAX)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // What is expected here is what Python 3.11's re.compile and re.search say.
    #[test]
    fn python_patterns_match_as_in_python() {
        for (pattern, text, matches) in [
            ("{", "{closure}", true),
            ("}", "{closure}", true),
            ("a{2}", "aa", true),
            ("a{,2}b", "b", true),
            ("a{x}", "a{x}", true),
            (r"\<", "<Node as Walk>", true),
            (r"\w\(", "a.rs:1(größe)", true),
            (r"gr\w\we", "a.rs:1(größe)", true),
            (r"^\W", "größe", false),
            (r"[\w]+数", "関数", true),
            (r"[]a]", "]", true),
            (r"[[]", "[", true),
            (r"[a&&b]", "&", true),
            (r"[\W\d]", "é", false),
            (r"\d+\(", "m.rs:12(f)", true),
            (r"\x41\u0042\103", "ABC", true),
            (r"(?i)ORDERS", "orders", true),
            (r"(?P<n>a)(?#note)b", "ab", true),
            (r"(?x) a b # c", "ab", true),
            (r"a\Z", "ab", false),
            ("a|", "x", true),
            ("", "x", true),
        ] {
            let regex =
                compile(pattern, || std::iter::once(text)).unwrap_or_else(|e| panic!("{pattern}: {e:?}"));
            assert_eq!(regex.is_match(text), matches, "{pattern} in {text}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for pattern in [
            "(",
            ")",
            "[",
            "[a",
            "*",
            "a**",
            "a{2}{3}",
            "a{3,2}",
            "\\",
            r"\y",
            r"[b-a]",
            r"[\d-z]",
            "^*",
            "(?P<1>a)",
            "(?P<a>x)(?P<a>y)",
            r"\1",
            "a(?i)b",
            "(?",
            "(?z)",
            r"\x4",
            "|*",
            "(*)",
        ] {
            let refused = compile(pattern, std::iter::empty::<&str>).map(|_| ());
            assert_eq!(refused, Err(Invalid), "{pattern}");
        }
    }

    #[test]
    fn what_only_python_knows_is_said() {
        for pattern in ["a(?=b)", "(?<!a)b", r"(a)\1", "(?P<a>x)(?P=a)", "a++", "(?>a)", "(a)(?(1)b)"] {
            let refused = compile(pattern, std::iter::empty::<&str>).map(|_| ());
            assert!(matches!(refused, Err(Unsupported(_))), "{pattern}: {refused:?}");
        }
    }
}
