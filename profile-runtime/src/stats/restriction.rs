//! Restrictions: which functions of a report are shown, in pstats' terms.

use std::str::FromStr;

use super::Stats;
use super::labels::LabelId;
use super::pattern::{self, PatternError};
use super::python::{repr_float, repr_str};

/// One limit on what a report shows. Several are applied in turn, each to what the last one left.
#[derive(Clone, Debug, PartialEq)]
pub enum Restriction {
    /// The first so many lines; a negative number, or more lines than there are, limits nothing.
    Count(i64),
    /// The first share of the lines, 0.0 to below 1.0, rounded to whole lines; any other number limits nothing.
    Fraction(f64),
    /// The functions whose `file:line(name)` contains a match of this regular expression.
    ///
    /// The syntax is that of Python's `re`. Look-around, back-references, conditionals, possessive and
    /// atomic groups are not supported and are reported as such; `\b` and `(?i)` know ASCII letters only.
    Regex(String),
}

impl From<i64> for Restriction {
    fn from(lines: i64) -> Self {
        Self::Count(lines)
    }
}

impl From<i32> for Restriction {
    fn from(lines: i32) -> Self {
        Self::Count(lines.into())
    }
}

impl From<usize> for Restriction {
    fn from(lines: usize) -> Self {
        Self::Count(i64::try_from(lines).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Restriction {
    fn from(share: f64) -> Self {
        Self::Fraction(share)
    }
}

impl From<&str> for Restriction {
    fn from(pattern: &str) -> Self {
        Self::Regex(pattern.to_owned())
    }
}

impl From<String> for Restriction {
    fn from(pattern: String) -> Self {
        Self::Regex(pattern)
    }
}

impl FromStr for Restriction {
    type Err = String;

    /// A number of lines, a fraction from 0 to 1, or a pattern: as pstats' browser reads them. The error says what to write.
    fn from_str(word: &str) -> Result<Self, String> {
        if let Ok(lines) = word.parse::<i64>() {
            return Ok(lines.into());
        }
        match word.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share.into()),
            Ok(_) => Err("a fraction of the lines is from 0 to 1".to_owned()),
            Err(_) => Ok(word.into()),
        }
    }
}

impl Restriction {
    /// Whether a pattern can be used; says why not.
    #[cfg(feature = "http")]
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self::Regex(pattern) = self else { return Ok(()) };
        match pattern::compile(pattern, std::iter::empty::<&str>) {
            Ok(_) => Ok(()),
            Err(PatternError::Invalid) => Err("not a regular expression".to_owned()),
            Err(PatternError::Unsupported(what)) => Err(format!("{what} is not supported in patterns")),
        }
    }
}

/// What a report takes as its limits: `()` for none, one of `20`, `0.5`, `"orders"`, a tuple of them
/// (`("orders", 20)`), an array (`["orders".into(), 20.into()]`), or a `Vec` or slice of [`Restriction`].
pub trait IntoRestrictions {
    /// The limits in the order in which they apply.
    fn into_restrictions(self) -> Vec<Restriction>;
}

impl IntoRestrictions for () {
    fn into_restrictions(self) -> Vec<Restriction> {
        Vec::new()
    }
}

impl IntoRestrictions for Restriction {
    fn into_restrictions(self) -> Vec<Restriction> {
        vec![self]
    }
}

impl<const N: usize> IntoRestrictions for [Restriction; N] {
    fn into_restrictions(self) -> Vec<Restriction> {
        self.into()
    }
}

impl IntoRestrictions for Vec<Restriction> {
    fn into_restrictions(self) -> Vec<Restriction> {
        self
    }
}

impl IntoRestrictions for &Vec<Restriction> {
    fn into_restrictions(self) -> Vec<Restriction> {
        self.clone()
    }
}

impl IntoRestrictions for &[Restriction] {
    fn into_restrictions(self) -> Vec<Restriction> {
        self.to_vec()
    }
}

macro_rules! single {
    ($($value:ty),*) => {$(
        impl IntoRestrictions for $value {
            fn into_restrictions(self) -> Vec<Restriction> {
                vec![self.into()]
            }
        }
    )*};
}
single!(i32, i64, usize, f64, &str, String);

macro_rules! tuple {
    ($($part:ident),*) => {
        impl<$($part: Into<Restriction>),*> IntoRestrictions for ($($part,)*) {
            #[allow(non_snake_case, reason = "type parameters name their values")]
            fn into_restrictions(self) -> Vec<Restriction> {
                let ($($part,)*) = self;
                vec![$($part.into()),*]
            }
        }
    };
}
tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);

/// The functions that a report shows, and what became of each restriction.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    pub(super) functions: Vec<LabelId>,
    pub(super) remarks: Vec<Remark>,
}

/// What a report says of one restriction.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Remark {
    /// The list became shorter.
    Reduced { from: usize, to: usize, by: Restriction },
    /// The pattern is not a regular expression; it limited nothing.
    Invalid(String),
    /// The pattern uses what is not supported here; it limited nothing.
    Unsupported { pattern: String, what: &'static str },
}

impl Remark {
    /// pstats' line for it. Unsupported patterns have none in pstats, which knows them all.
    pub(super) fn pstats_line(&self) -> String {
        match self {
            Self::Reduced { from, to, by } => {
                let by = match by {
                    Restriction::Count(lines) => lines.to_string(),
                    Restriction::Fraction(share) => repr_float(*share),
                    Restriction::Regex(pattern) => repr_str(pattern),
                };
                format!("   List reduced from {from} to {to} due to restriction <{by}>\n")
            }
            Self::Invalid(pattern) => format!("   <Invalid regular expression {}>\n", repr_str(pattern)),
            Self::Unsupported { pattern, what } => {
                format!("   <Unsupported regular expression {}: {what}>\n", repr_str(pattern))
            }
        }
    }
}

/// Applies restrictions in turn to the functions in the report's order.
pub(super) fn select(stats: &Stats, restrictions: &[Restriction]) -> Selection {
    let mut selection = Selection { functions: stats.listing(), remarks: Vec::new() };
    for restriction in restrictions {
        let from = selection.functions.len();
        match restriction {
            Restriction::Count(lines) => {
                if let Ok(lines) = usize::try_from(*lines) {
                    selection.functions.truncate(lines);
                }
            }
            Restriction::Fraction(share) => {
                if (0.0..1.0).contains(share) {
                    selection.functions.truncate((from as f64 * share + 0.5) as usize);
                }
            }
            Restriction::Regex(pattern) => match pattern::compile(pattern, || stats.labels.standards()) {
                Ok(regex) => {
                    selection.functions.retain(|&id| regex.is_match(stats.labels.standard(id)));
                }
                Err(PatternError::Invalid) => selection.remarks.push(Remark::Invalid(pattern.clone())),
                Err(PatternError::Unsupported(what)) => {
                    selection.remarks.push(Remark::Unsupported { pattern: pattern.clone(), what });
                }
            },
        }
        let to = selection.functions.len();
        if to != from {
            selection.remarks.push(Remark::Reduced { from, to, by: restriction.clone() });
        }
    }
    selection
}
