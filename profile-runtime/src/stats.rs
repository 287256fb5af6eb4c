//! placeholder
use std::str::FromStr;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SortKey { Cumulative, Time, Name }
impl FromStr for SortKey { type Err = (); fn from_str(s: &str) -> Result<Self, ()> { match s { "cumulative" => Ok(Self::Cumulative), "tottime" => Ok(Self::Time), "name" => Ok(Self::Name), _ => Err(()) } } }
