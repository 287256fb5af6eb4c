//! `cfg(..)` of a target in cargo's configuration: whether it holds for what a program is compiled for.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::toolchain::Toolchain;
use crate::failure::Failure;

/// `cfg(all(unix, target_arch = "x86_64"))`, for one.
#[derive(Debug)]
pub(super) enum Condition {
    /// `unix`, `target_arch="x86_64"`
    Is(String),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
}

/// What holds: `unix`, `target_arch="x86_64"`.
#[derive(Debug)]
pub(super) struct Settings(BTreeSet<String>);

impl Settings {
    pub(super) fn of(toolchain: &Toolchain, triple: &str) -> Result<Self, Failure> {
        let output = toolchain.rustc().args(["--print", "cfg", "--target", triple]).output();
        let output = output.map_err(|error| Failure::new(format!("rustc cannot be run: {error}")))?;
        if !output.status.success() {
            return Err(Failure::new(format!("rustc does not say what cfg(..) is for {triple}")));
        }
        Ok(Self::new(&String::from_utf8_lossy(&output.stdout)))
    }

    /// As rustc prints them, one a line.
    fn new(lines: &str) -> Self {
        Self(lines.lines().map(str::to_owned).collect())
    }
}

impl Condition {
    /// `None` unless it begins with `cfg`, and is understood.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let tokens: Vec<TokenTree> = text.parse::<TokenStream>().ok()?.into_iter().collect();
        let [TokenTree::Ident(name), TokenTree::Group(group)] = tokens.as_slice() else { return None };
        let mut parts = Self::list(group.stream())?;
        if name != "cfg" || group.delimiter() != Delimiter::Parenthesis || parts.len() != 1 {
            return None;
        }
        parts.pop()
    }

    /// Those with commas between them.
    fn list(tokens: TokenStream) -> Option<Vec<Self>> {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
        let parts = tokens.split(is_comma).filter(|part| !part.is_empty());
        parts.map(Self::part).collect()
    }

    fn part(tokens: &[TokenTree]) -> Option<Self> {
        match tokens {
            [TokenTree::Ident(name)] => Some(match name.to_string().as_str() {
                "true" => Self::All(Vec::new()),
                "false" => Self::Any(Vec::new()),
                name => Self::Is(name.to_owned()),
            }),
            [TokenTree::Ident(name), TokenTree::Punct(mark), TokenTree::Literal(value)]
                if mark.as_char() == '=' =>
            {
                Some(Self::Is(format!("{name}={value}")))
            }
            [TokenTree::Ident(name), TokenTree::Group(group)] => {
                let mut parts = Self::list(group.stream())?;
                match name.to_string().as_str() {
                    "all" => Some(Self::All(parts)),
                    "any" => Some(Self::Any(parts)),
                    "not" if parts.len() == 1 => parts.pop().map(|part| Self::Not(Box::new(part))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub(super) fn holds(&self, settings: &Settings) -> bool {
        match self {
            Self::Is(setting) => settings.0.contains(setting),
            Self::All(parts) => parts.iter().all(|part| part.holds(settings)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(settings)),
            Self::Not(part) => !part.holds(settings),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_cargo_reads_them() {
        let settings = Settings::new("debug_assertions\ntarget_arch=\"x86_64\"\ntarget_os=\"linux\"\nunix");
        for (text, expected) in [
            ("cfg(unix)", true),
            ("cfg(windows)", false),
            ("cfg(target_os = \"linux\")", true),
            ("cfg(target_os=\"macos\")", false),
            ("cfg(all(unix, target_arch = \"x86_64\"))", true),
            ("cfg(all(unix, target_arch = \"x86\"))", false),
            ("cfg(any(windows, target_arch = \"x86_64\",))", true),
            ("cfg(any(windows, target_os = \"macos\"))", false),
            ("cfg(not(windows))", true),
            ("cfg(not(all(unix, not(windows))))", false),
            ("cfg(all())", true),
            ("cfg(any())", false),
            ("cfg(true)", true),
            ("cfg(false)", false),
        ] {
            let condition = Condition::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(condition.holds(&settings), expected, "{text}");
        }
        for text in [
            "x86_64-unknown-linux-gnu",
            "cfg",
            "cfg()",
            "cfg(unix, windows)",
            "cfg(not())",
            "cfg(some(unix))",
            "cfg[unix]",
            "cfg(",
            "not(unix)",
            "unix",
        ] {
            assert!(Condition::parse(text).is_none(), "{text}");
        }
    }
}
