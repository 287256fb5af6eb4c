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
/// The runner that programs would have without us, its words apart by [`BETWEEN`].
pub(crate) const OTHERS_RUNNER: &str = "PROFILE_COST_WHOLE_RUNNER";
pub(crate) const BETWEEN: &str = "\x1f";
/// Set where nothing is to be started: cargo is only to say what it would start.
pub(crate) const NOTHING: &str = "PROFILE_COST_WHOLE_NOTHING";
/// What cargo is told for the build alone.
pub(crate) const OVERRIDDEN: [&str; 4] =
    ["CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"];
/// Before their names: what they were.
pub(crate) const KEPT: &str = "PROFILE_COST_WHOLE_WAS_";

/// `runner PROGRAM ARGUMENTS`: becomes that program.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, Failure> {
    if std::env::var_os(NOTHING).is_some() {
        return Ok(ExitCode::SUCCESS);
    }
    let others = std::env::var(OTHERS_RUNNER).unwrap_or_default();
    let mut words =
        others.split(BETWEEN).filter(|word| !word.is_empty()).map(OsString::from).chain(arguments);
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
    restore(&mut command);
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

/// What cargo was told for the build, as it was: the program may run cargo itself.
fn restore(command: &mut Command) {
    for name in OVERRIDDEN {
        let kept = format!("{KEPT}{name}");
        match std::env::var_os(&kept) {
            Some(value) => command.env(name, value).env_remove(kept),
            None => command.env_remove(name),
        };
    }
    let is_ours = |value: &OsString| Path::new(value).file_name().is_some_and(|name| name == NAME);
    for (variable, _) in std::env::vars_os().filter(|(_, value)| is_ours(value)) {
        command.env_remove(variable);
    }
}

/// Whether a program lies where rustdoc puts documentation's examples.
fn is_of_rustdoc(program: &Path) -> bool {
    let folder = program.parent().and_then(Path::file_name);
    folder.is_some_and(|name| name.to_string_lossy().starts_with("rustdoctest"))
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
    let mut new = there.clone().into_os_string();
    new.push(format!(".{}", std::process::id()));
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
