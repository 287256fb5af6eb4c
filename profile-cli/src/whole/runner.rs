//! The tool as cargo's runner: starts a program that was built, with a file to write its profile to. Build scripts
//! are started by cargo itself, and report nothing.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::failure::Failure;

/// The name that the tool is called by as a runner.
pub(crate) const NAME: &str = "profile-cost-runner";
/// The folder for profiles, one a process.
pub(crate) const PROFILES: &str = "PROFILE_COST_WHOLE_PROFILES";
/// The runner that programs would have without us, its words apart by [`BETWEEN`].
pub(crate) const OTHERS_RUNNER: &str = "PROFILE_COST_WHOLE_RUNNER";
pub(crate) const BETWEEN: &str = "\x1f";

/// `runner PROGRAM ARGUMENTS`: becomes that program.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, Failure> {
    let others = std::env::var(OTHERS_RUNNER).unwrap_or_default();
    let mut words =
        others.split(BETWEEN).filter(|word| !word.is_empty()).map(OsString::from).chain(arguments);
    let program =
        words.next().ok_or_else(|| Failure::new("cargo did not say which program; this is its runner"))?;
    let mut command = Command::new(&program);
    command.args(words).env_remove("PROFILE_COST").env_remove(OTHERS_RUNNER).env_remove(PROFILES);
    // NOTE: rustdoc says this to programs that it starts itself; without it all tests of one run in one process.
    if others.is_empty() && is_of_rustdoc(Path::new(&program)) {
        command.env("RUSTDOC_DOCTEST_BIN_PATH", &program);
    }
    if let Some(folder) = std::env::var_os(PROFILES) {
        command.env("PROFILE_COST_WHOLE", Path::new(&folder).join("%p.json"));
        command.env("PROFILE_COST_SIGTERM", "1").env("PROFILE_COST_SIGINT", "1");
    }
    become_it(command).map_err(|error| Failure::new(format!("{}: {error}", program.to_string_lossy())))
}

/// Whether a program lies where rustdoc puts documentation's examples.
fn is_of_rustdoc(program: &Path) -> bool {
    let folder = program.parent().and_then(Path::file_name);
    folder.is_some_and(|name| name.to_string_lossy().starts_with("rustdoctest"))
}

#[cfg(unix)]
fn become_it(mut command: Command) -> std::io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> std::io::Result<ExitCode> {
    let status = command.status()?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(101)))
}
