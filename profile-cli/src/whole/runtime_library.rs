//! The runtime as a library that every instrumented crate is linked with: compiled once for each compiler, target and
//! set of flags, and kept in the user's cache.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::hash::Hash;
use super::sources;
use super::toolchain::Toolchain;
use crate::failure::Failure;
use crate::input::notice;

/// What rustc needs to link with it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RuntimeLibrary {
    pub(crate) rlib: PathBuf,
    /// The folder of what it depends on.
    pub(crate) dependencies: PathBuf,
}

const FEATURES: &str = "enabled,throttle";

impl RuntimeLibrary {
    /// The library for this compiler and target (`None`: the host).
    pub(crate) fn get(toolchain: &Toolchain, target: Option<&str>) -> Result<Self, Failure> {
        let flags = flags();
        let mut key = Hash::new();
        key.add(&toolchain.version).add(target.unwrap_or_default()).add(FEATURES);
        flags.iter().for_each(|flag| _ = key.add(flag));
        sources::of("runtime").for_each(|(name, text)| _ = key.add(name).add(text));
        let folder = cache()?.join(format!("{}-{}", env!("CARGO_PKG_VERSION"), key.finish()));
        let found = folder.join("library.json");
        if let Some(library) = Self::read(&found) {
            return Ok(library);
        }
        let failed = |error: &io::Error| Failure::of_file(&folder, error);
        fs::create_dir_all(&folder).map_err(|e| failed(&e))?;
        // Somebody else may be at it.
        let lock = fs::File::create(folder.join("lock")).map_err(|e| failed(&e))?;
        lock.lock().map_err(|e| failed(&e))?;
        if let Some(library) = Self::read(&found) {
            return Ok(library);
        }
        notice("the profiler's runtime is compiled for this compiler, once");
        let package = folder.join("package");
        sources::unpack("runtime", &package).map_err(|e| failed(&e))?;
        let library = build(toolchain, target, &package, &folder.join("build"), &flags)?;
        let text = serde_json::to_string(&library).map_err(|error| Failure::new(error.to_string()))?;
        fs::write(&found, text).map_err(|e| failed(&e))?;
        Ok(library)
    }

    fn read(found: &Path) -> Option<Self> {
        let library: Self = serde_json::from_str(&fs::read_to_string(found).ok()?).ok()?;
        (library.rlib.exists() && library.dependencies.exists()).then_some(library)
    }
}

/// Compiles it: first with what has been downloaded, then with a network. In the workspace's folder, whose compiler and
/// settings it shall have; where these replace the sources of packages, elsewhere.
fn build(
    toolchain: &Toolchain,
    target: Option<&str>,
    package: &Path,
    folder: &Path,
    flags: &[String],
) -> Result<RuntimeLibrary, Failure> {
    let mut why = String::new();
    for (place, offline) in [(None, true), (None, false), (Some(package), true), (Some(package), false)] {
        let mut cargo = toolchain.cargo();
        if let Some(place) = place {
            cargo.current_dir(place);
        }
        cargo.args(["build", "--release", "--quiet", "--features", FEATURES, "--message-format=json"]);
        cargo.arg("--manifest-path").arg(package.join("Cargo.toml")).arg("--target-dir").arg(folder);
        cargo.args(target.into_iter().flat_map(|target| ["--target", target]));
        cargo.args(offline.then_some("--offline"));
        cargo.env("CARGO_BUILD_BUILD_DIR", folder).env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        cargo.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
        let output = cargo.output().map_err(|error| no_cargo(&cargo, &error))?;
        if output.status.success() {
            return artefact(&output.stdout).ok_or_else(|| Failure::new("cargo does not say what it built"));
        }
        if why.is_empty() || !offline {
            why = complaint(&output.stderr, &output.stdout);
        }
    }
    let whom = target.unwrap_or("this workspace");
    Err(Failure::new(format!("the profiler's runtime could not be compiled for {whom}: {why}")))
}

fn no_cargo(command: &Command, error: &io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    Failure::new(format!("{program} cannot be run: {error}; install cargo, or set CARGO to where it is"))
}

/// What cargo says it made.
fn artefact(messages: &[u8]) -> Option<RuntimeLibrary> {
    let messages = String::from_utf8_lossy(messages);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut libraries =
        messages.filter(|m| m["target"]["name"] == "profile_cost_runtime").filter_map(|message| {
            let files = message["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
            files.into_iter().find(|file| file.extension() == Some(OsStr::new("rlib")))
        });
    let rlib = libraries.next_back()?;
    Some(RuntimeLibrary { dependencies: rlib.parent()?.join("deps"), rlib })
}

/// The first error, on one line.
fn complaint(stderr: &[u8], messages: &[u8]) -> String {
    let messages = String::from_utf8_lossy(messages);
    let errors = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let errors = errors.filter(|m| m["message"]["level"] == "error");
    let first = errors.filter_map(|m| m["message"]["message"].as_str().map(str::to_owned)).next();
    first.unwrap_or_else(|| {
        let text = String::from_utf8_lossy(stderr);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.take(6).collect::<Vec<_>>().join(" ")
    })
}

/// The workspace's flags, and two of ours: a program may be linked with fat LTO, and its own copies of what the runtime
/// depends on must not pass for the runtime's.
fn flags() -> Vec<String> {
    let encoded = std::env::var("CARGO_ENCODED_RUSTFLAGS").ok();
    let split =
        |text: String, by: char| text.split(by).filter(|f| !f.is_empty()).map(str::to_owned).collect();
    let mut flags: Vec<String> = match encoded {
        Some(flags) => split(flags, '\x1f'),
        None => split(std::env::var("RUSTFLAGS").unwrap_or_default(), ' '),
    };
    flags.extend(["-Cembed-bitcode=yes".to_owned(), "-Cmetadata=profile-cost-whole".to_owned()]);
    flags
}

/// Where libraries are kept.
fn cache() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named = set("PROFILE_COST_CACHE");
    let usual = || {
        set("XDG_CACHE_HOME").or_else(|| set("LOCALAPPDATA")).map(|cache| cache.join("cargo-profile-cost"))
    };
    let home = || set("HOME").map(|home| home.join(".cache").join("cargo-profile-cost"));
    let folder = named.or_else(usual).or_else(home);
    folder.ok_or_else(|| Failure::new("no folder for the compiled runtime; set PROFILE_COST_CACHE to one"))
}
