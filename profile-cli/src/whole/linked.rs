//! Programs that use `#[profile_cost]` themselves: they are linked with the profiler's runtime already, and a second one
//! would know nothing of what the first counts. So theirs is taken.
//!
//! A program may use another version of the profiler than this tool is of. Then this version's sources are compiled in
//! the place of theirs, as whatever their crates are compiled: with the same features and dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::build::put_tool;
use super::runtime_library::RuntimeLibrary;
use super::sources;
use super::toolchain::Toolchain;
use super::unit::Unit;
use super::workspace::Workspace;
use crate::failure::Failure;
use crate::input::notice;

/// The name that the tool is called by around every rustc where sources are replaced.
pub(crate) const NAME: &str = "profile-cost-replace";

/// The packages of the profiler, and what their sources are called here.
const PACKAGES: [(&str, &str); 3] =
    [("profile-cost", "facade"), ("profile-cost-macros", "macros"), (RUNTIME, "runtime")];

const RUNTIME: &str = "profile-cost-runtime";

/// How a program is linked with the profiler.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) runtime: RuntimeLibrary,
    /// Another version's.
    pub(crate) replaced: Option<Replaced>,
}

impl Linked {
    /// Where a build of all in `folder` has the runtime that the build so far has elsewhere.
    pub(crate) fn runtime_in(&self, workspace: &Workspace, folder: &Path) -> Result<RuntimeLibrary, Failure> {
        let theirs = self.replaced.as_ref().map(|replaced| replaced.build_directory.as_path());
        let inside = self.runtime.rlib.strip_prefix(theirs.unwrap_or(workspace.build_directory()));
        let inside = inside.map_err(|_| {
            Failure::new(
                "--deps and --crate are not for the profiler's own workspace: its runtime is a member",
            )
        })?;
        let rlib = folder.join(inside);
        Ok(RuntimeLibrary { dependencies: rlib.parent().unwrap_or(folder).to_owned(), rlib })
    }
}

/// A build in which the profiler's sources are replaced.
#[derive(Debug)]
pub(crate) struct Replaced {
    /// For `RUSTC_WRAPPER`.
    pub(crate) wrapper: PathBuf,
    /// Where it leaves what is no program: what it compiles otherwise looks to cargo like what it would have.
    pub(crate) build_directory: PathBuf,
}

/// Roots of crates, and what is compiled in their place.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Replacements(BTreeMap<PathBuf, PathBuf>);

/// How the workspace's programs are linked with the profiler; `None` when they use none.
///
/// The workspace is built as it is for that, or found built: only cargo knows with which features.
pub(crate) fn find(
    toolchain: &Toolchain,
    workspace: &Workspace,
    command: &str,
    flags: &[OsString],
) -> Result<Option<Linked>, Failure> {
    let runtimes: Vec<_> = workspace.packages.iter().filter(|p| p.name == RUNTIME).collect();
    let [theirs] = runtimes.as_slice() else {
        return match runtimes.as_slice() {
            [] => Ok(None),
            _ => Err(Failure::new(
                "the workspace uses several versions of profile-cost, which would each know a part: \
                 `cargo tree -i profile-cost-runtime` shows who; depend on one of them",
            )),
        };
    };
    let folder = workspace.target_directory.join("profile-cost");
    let ours = env!("CARGO_PKG_VERSION");
    let replaced = if theirs.version == ours {
        notice("the program uses profile-cost itself: it is built plainly first, for the runtime to share");
        None
    } else {
        let theirs = &theirs.version;
        notice(&format!(
            "the program uses profile-cost {theirs}: {ours} is compiled in its place, for the runtime to share"
        ));
        Some(Replaced::prepare(workspace, &folder.join(format!("profile-cost-{ours}-for-{theirs}")))?)
    };
    let mut cargo = toolchain.cargo();
    cargo
        .arg(if command == "run" { "build" } else { command })
        .args(flags.iter().filter(|flag| *flag != "--no-run"));
    if command != "run" {
        cargo.arg("--no-run");
    }
    cargo.arg("--message-format=json-render-diagnostics");
    // NOTE: programs of the plain build elsewhere than those that the user has.
    cargo.env("CARGO_TARGET_DIR", folder.join("plain"));
    let build_directory = replaced.as_ref().map_or(workspace.build_directory(), |r| &r.build_directory);
    let wrapper = replaced.as_ref().map_or(OsStr::new(""), |r| r.wrapper.as_os_str());
    cargo.env("CARGO_BUILD_BUILD_DIR", build_directory);
    cargo.env("RUSTC_WRAPPER", wrapper).env("RUSTC_WORKSPACE_WRAPPER", "").stderr(Stdio::inherit());
    let output = cargo.output().map_err(|error| Failure::new(format!("cargo cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(Failure::new(
            "the workspace does not build without calls in its functions either; see above",
        ));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let runtimes = messages.filter(|message| message["target"]["name"] == "profile_cost_runtime");
    let mut rlibs: Vec<PathBuf> = runtimes.filter_map(|message| rlib(&message)).collect();
    match (rlibs.pop(), rlibs.pop()) {
        (None, _) => Ok(None),
        (Some(rlib), None) => {
            let dependencies = rlib.parent().unwrap_or(Path::new("/")).to_owned();
            Ok(Some(Linked { runtime: RuntimeLibrary { rlib, dependencies }, replaced }))
        }
        _ => Err(Failure::new(
            "the workspace's packages use profile-cost with different features: name one with --package",
        )),
    }
}

/// The packages that the program's runtime consists of, by their ids: it cannot be linked into these.
pub(crate) fn of_the_runtime(workspace: &Workspace) -> BTreeSet<&str> {
    let runtimes = workspace.packages.iter().filter(|package| package.name == RUNTIME);
    runtimes.flat_map(|package| workspace.needed_by(package)).collect()
}

fn rlib(message: &Value) -> Option<PathBuf> {
    let is_on = message["features"].as_array()?.iter().any(|feature| feature == "enabled");
    let mut files = message["filenames"].as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
    files.find(|file| is_on && file.extension() == Some(OsStr::new("rlib")))
}

impl Replaced {
    fn prepare(workspace: &Workspace, folder: &Path) -> Result<Self, Failure> {
        let mut replacements = Replacements::default();
        for (name, package) in PACKAGES {
            let sources = folder.join(package);
            sources::unpack(package, &sources).map_err(|error| Failure::of_file(&sources, &error))?;
            let theirs = workspace.packages.iter().filter(|package| package.name == name);
            for target in theirs.flat_map(|package| &package.targets).filter(|target| target.is_library()) {
                let root = target.src_path.canonicalize().unwrap_or_else(|_| target.src_path.clone());
                replacements.0.insert(root, sources.join("src").join("lib.rs"));
            }
        }
        let text = serde_json::to_string(&replacements).map_err(|error| Failure::new(error.to_string()))?;
        let path = folder.join("replacements.json");
        std::fs::write(&path, text).map_err(|error| Failure::of_file(&path, &error))?;
        let wrapper = folder.join(NAME);
        put_tool(&wrapper).map_err(|error| Failure::of_file(&wrapper, &error))?;
        Ok(Self { wrapper, build_directory: folder.join("build") })
    }
}

/// `wrapper [others' wrapper] rustc ARGUMENTS`, in the folder of the replacements.
pub(crate) fn run(wrapper: &Path, arguments: impl Iterator<Item = OsString>) -> Result<ExitCode, Failure> {
    let (program, mut unit) = Unit::of_cargo(arguments)?;
    let path = wrapper.with_file_name("replacements.json");
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::of_file(&path, &error))?;
    let replacements: Replacements =
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let root = unit.root().and_then(|root| root.canonicalize().ok());
    if let Some(ours) = root.and_then(|root| replacements.0.get(&root)) {
        unit.set_root(ours);
    }
    let status = Command::new(&program).args(&unit.arguments).status();
    let status = status.map_err(|error| Failure::new(format!("{}: {error}", program.to_string_lossy())))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(101)))
}
