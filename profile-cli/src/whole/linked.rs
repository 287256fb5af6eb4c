//! Programs that use `#[profile_cost]` themselves: they are linked with the profiler's runtime already, and a second one
//! would know nothing of what the first counts. So theirs is taken.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::runtime_library::RuntimeLibrary;
use super::toolchain::Toolchain;
use super::workspace::Workspace;
use crate::failure::Failure;
use crate::input::notice;

/// The package of the runtime.
const PACKAGE: &str = "profile-cost-runtime";

/// The runtime that the workspace's programs are linked with; `None` when they use none.
///
/// The workspace is built as it is for that, or found built: only cargo knows with which features.
pub(crate) fn runtime(
    toolchain: &Toolchain,
    workspace: &Workspace,
    command: &str,
    flags: &[OsString],
) -> Result<Option<RuntimeLibrary>, Failure> {
    let Some(package) = workspace.packages.iter().find(|package| package.name == PACKAGE) else {
        return Ok(None);
    };
    let (theirs, ours) = (package.version.as_str(), env!("CARGO_PKG_VERSION"));
    if theirs != ours {
        return Err(Failure::new(format!(
            "the program uses profile-cost {theirs}, and this tool is of {ours}: two profilers in one process would \
             each know a half; install cargo-profile-cost {theirs}, or depend on profile-cost {ours}"
        )));
    }
    notice("the program uses profile-cost itself: it is built plainly first, for the runtime to share");
    let mut cargo = toolchain.cargo();
    cargo
        .arg(if command == "run" { "build" } else { command })
        .args(flags.iter().filter(|flag| *flag != "--no-run"));
    if command != "run" {
        cargo.arg("--no-run");
    }
    cargo.arg("--message-format=json-render-diagnostics");
    // NOTE: programs of the plain build elsewhere than those that the user has.
    cargo.env("CARGO_TARGET_DIR", workspace.target_directory.join("profile-cost").join("plain"));
    cargo.env("CARGO_BUILD_BUILD_DIR", workspace.build_directory());
    cargo.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "").stderr(Stdio::inherit());
    let output = cargo.output().map_err(|error| Failure::new(format!("cargo cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new("the workspace does not build without the profiler either; see above"));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let rlibs: Vec<PathBuf> =
        messages.filter(|m| m["target"]["name"] == "profile_cost_runtime").filter_map(rlib).collect();
    match rlibs.as_slice() {
        [] => Ok(None),
        [rlib] => Ok(Some(RuntimeLibrary {
            dependencies: rlib.parent().unwrap_or(Path::new("/")).to_owned(),
            rlib: rlib.clone(),
        })),
        _ => Err(Failure::new(
            "the workspace's packages use profile-cost with different features: name one with --package",
        )),
    }
}

fn rlib(message: Value) -> Option<PathBuf> {
    let is_on = message["features"].as_array()?.iter().any(|feature| feature == "enabled");
    let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
    files.into_iter().find(|file| is_on && file.extension() == Some(OsStr::new("rlib")))
}
