//! `convert`: one profile in another format.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use profile_cost_runtime::{Format, Recording, SortKey, Stats};

use crate::args::{Convert, To};
use crate::failure::Failure;
use crate::input::Input;
use crate::output;

pub(crate) fn run(asked: &Convert) -> Result<(), Failure> {
    let target = asked.target.as_ref().or(asked.output.as_ref());
    let format = format(target, asked.to, || {
        Err(Failure::new("no format; name a file with -o or a format with --to"))
    })?;
    output::refuse_terminal(target, format)?;
    let input = Input::read(&asked.input)?;
    write(input, target.map(PathBuf::as_path), format)
}

/// The format that is asked for by name, else by the file's extension, else the default.
pub(super) fn format(
    target: Option<&PathBuf>,
    to: Option<To>,
    default: impl FnOnce() -> Result<Format, Failure>,
) -> Result<Format, Failure> {
    match to {
        Some(to) => Ok(to.into()),
        None if target.is_none_or(|path| path.as_path() == Path::new("-")) => default(),
        None => output::format(target, Format::Json),
    }
}

/// Writes what was read. A dump has no call paths: where the format needs some they are estimated.
pub(super) fn write(input: Input, target: Option<&Path>, format: Format) -> Result<(), Failure> {
    match (&input.recording, format) {
        (Recording::Stats(stats), Format::Pstats) => output::to(target, |out| stats.write_dump(out)),
        (Recording::Stats(stats), Format::Text) => output::to(target, |out| text(stats.clone(), out)),
        (Recording::Stats(_), Format::Json) => Err(Failure::new(format!(
            "{}: a pstats dump holds no call paths, which the native form consists of; use .prof, or .txt, .svg, \
             .html, for which they are estimated",
            input.path.display()
        ))),
        _ => {
            let profile = input.into_profile();
            output::to(target, |out| profile.write(format, out))
        }
    }
}

/// The report for people, as [`profile_cost_runtime::Profile::write`] has it.
fn text(mut stats: Stats, out: &mut dyn Write) -> io::Result<()> {
    stats.strip_dirs().sort_stats([SortKey::Cumulative]);
    stats.print_stats(&mut *out, ())?.print_callers(&mut *out, ())?;
    Ok(())
}
