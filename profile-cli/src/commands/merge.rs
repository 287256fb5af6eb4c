//! `merge`: many profiles into one.

use std::path::{Path, PathBuf};

use profile_cost_runtime::{Format, Recording};

use super::convert;
use crate::args::Merge;
use crate::failure::Failure;
use crate::input::{self, Input};
use crate::output;
use crate::progress::Progress;

pub(crate) fn run(asked: &Merge) -> Result<(), Failure> {
    // A wrong extension is said before the files are read.
    let wanted = convert::format(asked.output.as_ref(), asked.to, || Ok(Format::Json))?;
    let files = input::files(&asked.files)?;
    let mut progress = Progress::new(files.len());
    let mut sum: Option<Input> = None;
    for file in &files {
        let next = Input::read(file)?;
        sum = Some(match sum {
            None => next,
            Some(sum) => added(sum, next, wanted)?,
        });
        progress.step();
    }
    drop(progress);
    let Some(sum) = sum else { return Err(Failure::new("no file to read")) };
    let format = convert::format(asked.output.as_ref(), asked.to, || match sum.recording {
        Recording::Stats(_) => Ok(Format::Pstats),
        _ => Ok(Format::Json),
    })?;
    output::refuse_terminal(asked.output.as_ref(), format)?;
    convert::write(sum, asked.output.as_deref().map(Path::new), format)
}

/// Two of a kind are added; of a profile and a dump no more than their statistics can be.
fn added(mut sum: Input, next: Input, wanted: Format) -> Result<Input, Failure> {
    match (&mut sum.recording, next.recording) {
        (Recording::Profile(sum), Recording::Profile(next)) => sum.merge(&next),
        (Recording::Stats(sum), Recording::Stats(next)) => {
            sum.add(&next);
        }
        (mine, theirs) if matches!(wanted, Format::Pstats | Format::Text) => {
            let mut stats = mine.stats();
            stats.add(theirs.stats());
            *mine = Recording::Stats(stats);
        }
        _ => {
            return Err(Failure::new(format!(
                "{}: of native profiles and pstats dumps together only statistics can be made; write .prof or .txt",
                next.path.display()
            )));
        }
    }
    sum.path = PathBuf::from("merged");
    Ok(sum)
}
