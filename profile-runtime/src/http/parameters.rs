//! A query, decoded: which parameters there are, and what they say.

use std::ops::RangeInclusive;

use super::response::Refusal;

/// More parameters than any endpoint has.
const MOST: usize = 32;

/// Names and values of a query, percent-decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Refuses what is not UTF-8, control characters, parameters that are not among `known`, and those given twice.
    pub(super) fn parse(query: &str, known: &[&str]) -> Result<Self, Refusal> {
        let mut all: Vec<(String, String)> = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                let remedy = match known {
                    [] => "it takes no parameters".to_owned(),
                    _ => format!("use {}", known.join(", ")),
                };
                return Err(Refusal::new(400, format!("no parameter `{name}` here: {remedy}")));
            }
            if all.iter().any(|(other, _)| *other == name) || all.len() == MOST {
                return Err(Refusal::new(400, format!("`{name}` is given more than once")));
            }
            all.push((name, value));
        }
        Ok(Self(all))
    }

    /// The value of a parameter; an empty one counts as not given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        (self.0.iter()).find(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A whole number within a range.
    pub(super) fn number(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, Refusal> {
        let Some(value) = self.get(name) else { return Ok(default) };
        value.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let (low, high) = range.into_inner();
            Refusal::parameter(name, value, &format!("use a whole number from {low} to {high}"))
        })
    }

    /// Yes or no.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.get(name) {
            None | Some("0" | "false" | "no" | "off") => Ok(false),
            Some("1" | "true" | "yes" | "on") => Ok(true),
            Some(value) => Err(Refusal::parameter(name, value, "use 1 or 0")),
        }
    }

    /// One of several words, the first being the default.
    pub(super) fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<T, Refusal> {
        let Some(value) = self.get(name) else { return Ok(words[0].1) };
        words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Refusal::parameter(name, value, &format!("use one of {}", words.join(", ")))
        })
    }
}

/// Percent-decoded, `+` as a space (as forms send it).
fn decode(text: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                rest = &tail[tail.len().min(2)..];
                byte.ok_or_else(|| Refusal::new(400, "a `%` in the query is not followed by two hex digits"))?
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or_else(|| Refusal::new(400, "the query is not printable UTF-8, percent-encoded"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoded_bounded_and_known() {
        let parse = |query| Parameters::parse(query, &["a", "b"]);
        let both = parse("a=x%20y+z&b=3").unwrap();
        assert_eq!(both.get("a"), Some("x y z"));
        assert_eq!(both.number("b", 1..=3, 9), Ok(3));
        assert_eq!(both.number("c", 1..=3, 9), Ok(9));
        assert_eq!(both.number("b", 1..=2, 9).unwrap_err().status, 400);
        for bad in ["c=1", "a=1&a=2", "a=%", "a=%4", "a=%+1", "a=%ff", "a=%00", "a=\u{7}"] {
            assert_eq!(parse(bad).unwrap_err().status, 400, "{bad}");
        }
        assert_eq!(parse("&&a=&"), parse("a"));
        assert_eq!(parse("a=").unwrap().get("a"), None);
    }
}
