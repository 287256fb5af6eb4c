//! The tool as cargo's runner: starts a program that was built, with a file to write its profile to. Build scripts
//! are started by cargo itself, and report nothing.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::failure::Failure;

/// The name that the tool is called by as a runner.
pub(crate) const NAME: &str = "profile-cost-runner";
/// The folder for profiles, one a process.
pub(crate) const PROFILES: &str = "PROFILE_COST_WHOLE_PROFILES";
/// The runner that programs would have without us, as in cargo's variable.
pub(crate) const OTHERS_RUNNER: &str = "PROFILE_COST_WHOLE_RUNNER";

/// `runner PROGRAM ARGUMENTS`: becomes that program.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, Failure> {
    let others = std::env::var(OTHERS_RUNNER).unwrap_or_default();
    let mut words = others.split_whitespace().map(OsString::from).chain(arguments);
    let program =
        words.next().ok_or_else(|| Failure::new("cargo did not say which program; this is its runner"))?;
    let folders = ["CARGO_BUILD_BUILD_DIR", "CARGO_TARGET_DIR"].map(std::env::var_os);
    let started = match &folders {
        // Else it is started where it is.
        [Some(build), Some(programs)] => {
            beside_programs(Path::new(&program), Path::new(build), Path::new(programs)).unwrap_or(None)
        }
        _ => None,
    };
    let mut command = Command::new(started.unwrap_or_else(|| PathBuf::from(&program)));
    command.args(words).env_remove("PROFILE_COST").env_remove(OTHERS_RUNNER).env_remove(PROFILES);
    if let Some(folder) = std::env::var_os(PROFILES) {
        command.env("PROFILE_COST_WHOLE", Path::new(&folder).join("%p.json"));
        command.env("PROFILE_COST_SIGTERM", "1").env("PROFILE_COST_SIGINT", "1");
    }
    become_it(command).map_err(|error| Failure::new(format!("{}: {error}", program.to_string_lossy())))
}

/// A test's program, as a link in the folder of finished programs: tests look for the package's binaries and examples in
/// the folder above their own, and in the one that is shared with plain builds there are none, or plain ones.
fn beside_programs(program: &Path, build: &Path, programs: &Path) -> io::Result<Option<PathBuf>> {
    if program.starts_with(programs) {
        return Ok(None);
    }
    let Ok(inside) = program.strip_prefix(build) else { return Ok(None) };
    let there = programs.join(inside);
    fs::create_dir_all(there.parent().unwrap_or(programs))?;
    let new = there.with_added_extension(std::process::id().to_string());
    let _ = fs::remove_file(&new);
    fs::hard_link(program, &new).or_else(|_| fs::copy(program, &new).map(drop))?;
    fs::rename(&new, &there)?;
    Ok(Some(there))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_started_beside_the_programs() {
        let build = std::env::temp_dir().join(format!("profile-cost-runner-{}", std::process::id()));
        let programs = build.join("profile-cost/build");
        let test = build.join("debug/deps/app-1a");
        fs::create_dir_all(test.parent().unwrap()).unwrap();
        for text in ["first", "second"] {
            fs::write(&test, text).unwrap();
            let there = beside_programs(&test, &build, &programs).unwrap().unwrap();
            assert_eq!(there, programs.join("debug/deps/app-1a"));
            assert_eq!(fs::read_to_string(&there).unwrap(), text);
            // Finished programs stay where they are.
            assert_eq!(beside_programs(&there, &build, &programs).unwrap(), None);
            fs::remove_file(&test).unwrap();
        }
        let elsewhere = Path::new("/nowhere/doctest");
        assert_eq!(beside_programs(elsewhere, &build, &programs).unwrap(), None);
        fs::remove_dir_all(&build).unwrap();
    }
}
