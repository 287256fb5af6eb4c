//! One file a command.

pub(crate) mod browse;
pub(crate) mod convert;
pub(crate) mod diff;
pub(crate) mod heap;
pub(crate) mod merge;
pub(crate) mod picture;
pub(crate) mod postmortem;
pub(crate) mod report;
pub(crate) mod tree;
pub(crate) mod whole;

use std::io::IsTerminal;
use std::path::PathBuf;

use profile_cost_runtime::{Profile, Restriction};

use crate::failure::Failure;
use crate::input::Input;
use crate::progress::Progress;

/// Lines on a terminal when nobody asked for a number.
const SCREENFUL: usize = 30;

/// The restrictions, and then the number of lines.
fn limited(
    mut restrictions: Vec<Restriction>,
    top: Option<usize>,
    output: Option<&PathBuf>,
) -> Vec<Restriction> {
    let has_count = restrictions.iter().any(|r| !matches!(r, Restriction::Regex(_)));
    match top {
        Some(0) => {}
        Some(lines) => restrictions.push(lines.into()),
        None if !has_count && output.is_none() && std::io::stdout().is_terminal() => {
            restrictions.push(SCREENFUL.into());
        }
        None => {}
    }
    restrictions
}

/// The files' call trees in one.
fn merged(paths: &[PathBuf]) -> Result<Profile, Failure> {
    let mut progress = Progress::new(paths.len());
    let mut sum: Option<Profile> = None;
    for path in paths {
        let profile = Input::read(path)?.into_profile();
        match &mut sum {
            Some(sum) => sum.merge(&profile),
            None => sum = Some(profile),
        }
        progress.step();
    }
    sum.ok_or_else(|| Failure::new("no file to read"))
}
