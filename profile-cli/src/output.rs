//! Results out: to a file, whole or not at all, or to stdout, where a reader that has enough is no error.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use profile_cost_runtime::{Format, write_file};

use crate::failure::Failure;

/// Writes to the file, or to stdout without one and for `-`.
pub(crate) fn to(
    path: Option<&Path>,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    match path.filter(|path| *path != Path::new("-")) {
        None => to_stdout(content),
        Some(path) => write_file(path, content).map_err(|error| Failure::of_file(path, &error)),
    }
}

/// Writes to stdout. A reader that closes it early has what it wanted.
pub(crate) fn to_stdout(content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = content(&mut out).and_then(|()| out.flush());
    // What is still buffered must not be tried again.
    let _ = out.into_parts();
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::of_file(Path::new("stdout"), &error))
        }
        _ => Ok(()),
    }
}

/// The format of the output file; `default` without one.
pub(crate) fn format(path: Option<&PathBuf>, default: Format) -> Result<Format, Failure> {
    match path.filter(|path| path.as_path() != Path::new("-")) {
        None => Ok(default),
        Some(path) => Format::of(path).map_err(|error| Failure::new(format!("{}: {error}", path.display()))),
    }
}

/// Keeps what no terminal can show from it.
pub(crate) fn refuse_terminal(path: Option<&PathBuf>, format: Format) -> Result<(), Failure> {
    let binary = matches!(format, Format::Pstats | Format::Pprof);
    if binary && path.is_none_or(|path| path == Path::new("-")) && io::stdout().is_terminal() {
        return Err(Failure::new("stdout: a terminal shows no binary files; give one with -o"));
    }
    Ok(())
}
