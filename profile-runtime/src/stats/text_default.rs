//! `Style::Default`: the report for people.

use std::io::{self, Write};

use super::Stats;
use super::restriction::Restriction;

pub(super) fn stats(_: &Stats, _: &[Restriction], _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
pub(super) fn callers(_: &Stats, _: &[Restriction], _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
pub(super) fn callees(_: &Stats, _: &[Restriction], _: &mut dyn Write) -> io::Result<()> {
    Ok(())
}
