//! A profiled build of a workspace: the folder of its plan, and the cargo that builds by it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::hash::Hash;
use super::home::Home;
use super::mirror::Mirror;
use super::plan::{Plan, Root};
use super::runtime_library::RuntimeLibrary;
use super::toolchain::Toolchain;
use super::workspace::{Package, Workspace};
use super::{linked, others_runner, runner, wrapper};
use crate::failure::Failure;
use crate::input::notice;

/// Which packages are measured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// All that the workspace depends on.
    pub(crate) all: bool,
    /// Packages by name, beside the workspace's own.
    pub(crate) named: Vec<String>,
    pub(crate) min_size: usize,
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
}

/// Ready to be run by cargo.
#[derive(Debug)]
pub(crate) struct Build {
    pub(crate) plan: Plan,
    /// The plan's folder.
    pub(crate) home: Home,
    /// Of everything that is kept: `target/profile-cost`.
    pub(crate) folder: PathBuf,
    toolchain: Toolchain,
    target: Option<String>,
    others_runner: Vec<String>,
    build_directory: PathBuf,
    with_dependencies: bool,
    /// `RUSTC_WRAPPER`, where the profiler's own sources are replaced.
    replaces: Option<PathBuf>,
}

impl Build {
    /// Plans, and brings the mirror up to date.
    ///
    /// `flags` are cargo's, of `cargo COMMAND`.
    pub(crate) fn prepare(
        toolchain: Toolchain,
        workspace: &Workspace,
        (command, flags): (&str, &[OsString]),
        target: Option<&str>,
        wish: &Wish,
    ) -> Result<Self, Failure> {
        let with_dependencies = wish.all || !wish.named.is_empty();
        all_are_there(workspace, &wish.named)?;
        for name in ["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
            if let Some(others) = std::env::var_os(name).filter(|value| !value.is_empty()) {
                notice(&format!("{name}={} is not used for this build", others.to_string_lossy()));
            }
        }
        let linked = linked::find(&toolchain, workspace, command, flags)?;
        let packages = chosen(workspace, wish, linked.is_some())?;
        let triple = target.unwrap_or(&toolchain.host);
        let others_runner = others_runner::of(&toolchain, triple, &runner_variable(triple))?;
        let runtime = match &linked {
            Some(linked) => linked.runtime.clone(),
            None => RuntimeLibrary::get(&toolchain, target)?,
        };
        let replaced = linked.as_ref().and_then(|linked| linked.replaced.as_ref());
        let mut plan = Plan {
            runtime,
            roots: roots(&packages),
            folders: folders(workspace, &packages),
            min_size: wish.min_size,
            include: wish.include.clone(),
            exclude: wish.exclude.clone(),
            replaces: replaced.filter(|_| with_dependencies).map(|replaced| replaced.wrapper.clone()),
            names_target: target.is_some(),
        };
        plan.wanted()?;
        let folder = workspace.target_directory.join("profile-cost");
        let hash = Hash::new().add(plan.to_json()?).add(this_tool()).finish();
        let home = Home::of(&folder, &hash).map_err(|error| Failure::of_file(&folder, &error))?;
        if let Some(linked) = linked.as_ref().filter(|_| with_dependencies) {
            plan.runtime = linked.runtime_in(workspace, &home.path.join("build"))?;
        }
        let text = plan.to_json()?;
        let failed = |error| Failure::of_file(&home.path, &error);
        fs::write(folder.join("CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n")
            .map_err(failed)?;
        let lock = fs::File::create(home.path.join("lock"))
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(failed)?;
        if fs::read_to_string(home.path.join("plan.json")).ok().as_ref() != Some(&text) {
            fs::write(home.path.join("plan.json"), &text).map_err(failed)?;
        }
        for name in [wrapper::NAME, runner::NAME] {
            put_tool(&home.path.join(name)).map_err(failed)?;
        }
        Mirror::open(&plan, &home.path)?.update()?;
        drop(lock);
        let build_directory = if with_dependencies {
            // Every crate is compiled otherwise.
            home.path.join("build")
        } else {
            let others = replaced.map(|replaced| replaced.build_directory.as_path());
            others.unwrap_or(workspace.build_directory()).to_path_buf()
        };
        let target = target.map(str::to_owned);
        let replaces = replaced.map(|replaced| replaced.wrapper.clone());
        let build = Self {
            plan,
            home,
            folder,
            toolchain,
            target,
            others_runner,
            build_directory,
            with_dependencies,
            replaces,
        };
        if linked.is_some() && with_dependencies {
            build.runtime_first(command, flags)?;
        }
        Ok(build)
    }

    /// Compiles the runtime that the program uses, with what it needs: cargo does not know that all else is linked with it.
    fn runtime_first(&self, command: &str, flags: &[OsString]) -> Result<(), Failure> {
        let mut cargo = self.cargo(if command == "run" { "build" } else { command }, &self.folder);
        // What needs more ends at the wrapper.
        let goes_on = ["--keep-going", "--no-fail-fast"];
        let given = |flag: &&OsString| *flag != "--no-run" && !goes_on.iter().any(|name| *flag == name);
        cargo.args(flags.iter().filter(given));
        match command {
            "run" => cargo.arg(goes_on[0]),
            _ => cargo.args(["--no-run", goes_on[1]]),
        };
        let output = cargo.env(wrapper::RUNTIME_ONLY, "1").output();
        let output = output.map_err(|error| Failure::new(format!("cargo cannot be run: {error}")))?;
        if self.plan.runtime.rlib.exists() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failure::new(format!("the runtime that the program uses was not built: {}", said.trim())))
    }

    /// The crates of the programs that `cargo COMMAND` has built, with what tells builds of one from others: asked of cargo
    /// once more, which finds nothing to compile. `None` where it does not say.
    pub(crate) fn crates(&self, command: &str, flags: &[OsString]) -> Option<BTreeSet<Crate>> {
        let mut cargo = self.cargo(command, &self.folder);
        cargo.args(flags.iter().filter(|flag| *flag != "--no-run"));
        // NOTE: `cargo build` could build more than `cargo run`.
        cargo.args((command != "run").then_some("--no-run")).arg("--message-format=json");
        let output =
            cargo.env(runner::NOTHING, "1").output().ok().filter(|output| output.status.success())?;
        let messages = String::from_utf8_lossy(&output.stdout);
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        Some(messages.filter_map(|message| Crate::of(&message)).collect())
    }

    /// `cargo COMMAND`, which compiles by the plan and starts programs with a profile to write in `profiles`.
    pub(crate) fn cargo(&self, command: &str, profiles: &Path) -> Command {
        let mut cargo = self.toolchain.cargo();
        cargo.arg(command);
        for name in runner::OVERRIDDEN {
            if let Some(value) = std::env::var_os(name) {
                cargo.env(format!("{}{name}", runner::KEPT), value);
            }
        }
        let own = self.home.path.join(wrapper::NAME);
        let (all, members) = match &self.replaces {
            _ if self.with_dependencies => (own, PathBuf::new()),
            Some(replaces) => (replaces.clone(), own),
            None => (PathBuf::new(), own),
        };
        // NOTE: empty is none, also where cargo's configuration has one.
        cargo.env("RUSTC_WRAPPER", all).env("RUSTC_WORKSPACE_WRAPPER", members);
        // Intermediate files beside those of plain builds, whose dependencies are the same; programs elsewhere.
        cargo.env("CARGO_BUILD_BUILD_DIR", &self.build_directory);
        let programs =
            if self.with_dependencies { self.home.path.join("build") } else { self.folder.join("build") };
        cargo.env("CARGO_TARGET_DIR", programs);
        let triple = self.target.as_deref().unwrap_or(&self.toolchain.host);
        let variable = runner_variable(triple);
        cargo.env(runner::OTHERS_RUNNER, self.others_runner.join(runner::BETWEEN));
        let runner = self.home.path.join(runner::NAME);
        match runner.to_str().filter(|path| path.contains(char::is_whitespace)) {
            // NOTE: the variable is split at spaces; a list is none that a string of the configuration gives way to.
            Some(path) => {
                let list = toml::Value::from(vec![path.to_owned()]);
                cargo.env_remove(variable).arg("--config").arg(format!("target.{triple}.runner={list}"));
            }
            None => _ = cargo.env(variable, runner),
        }
        cargo.env(runner::PROFILES, profiles);
        // What is not the program's: build scripts and macros that are measured themselves.
        for name in ["PROFILE_COST", "PROFILE_COST_OUT", "PROFILE_COST_HTTP"] {
            cargo.env_remove(name);
        }
        let dependencies = format!("dependency={}", self.plan.runtime.dependencies.display());
        // NOTE: only the encoded form knows paths with spaces.
        let encoded = std::env::var("CARGO_ENCODED_RUSTDOCFLAGS").ok().or_else(|| {
            let flags = std::env::var("RUSTDOCFLAGS").ok()?;
            Some(flags.split_whitespace().collect::<Vec<_>>().join("\x1f"))
        });
        match encoded {
            Some(flags) => {
                let flags = if flags.is_empty() { flags } else { flags + "\x1f" };
                cargo.env("CARGO_ENCODED_RUSTDOCFLAGS", format!("{flags}-L\x1f{dependencies}"));
            }
            // Added to what the configuration has.
            None => {
                let flags = toml::Value::from(vec!["-L".to_owned(), dependencies]);
                cargo.arg("--config").arg(format!("build.rustdocflags={flags}"));
            }
        }
        cargo
    }
}

/// One way of compiling a crate.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Crate {
    pub(crate) root: PathBuf,
    pub(crate) is_test: bool,
    pub(crate) features: BTreeSet<String>,
}

impl Crate {
    /// Of cargo's message about a finished one.
    fn of(message: &Value) -> Option<Self> {
        let root = Path::new(message["target"]["src_path"].as_str()?);
        let features = message["features"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned);
        Some(Self {
            root: root.canonicalize().ok()?,
            is_test: message["profile"]["test"].as_bool()?,
            features: features.collect(),
        })
    }
}

/// What cargo reads a runner from.
fn runner_variable(triple: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", triple.to_uppercase().replace('-', "_"))
}

fn all_are_there(workspace: &Workspace, named: &[String]) -> Result<(), Failure> {
    match named.iter().find(|name| !workspace.packages.iter().any(|p| p.name == **name)) {
        Some(name) => Err(Failure::new(format!(
            "--crate {name}: the workspace does not depend on a package of this name"
        ))),
        None => Ok(()),
    }
}

/// The workspace's packages and those that were asked for; without those that a runtime of the program's own is made of.
fn chosen<'w>(workspace: &'w Workspace, wish: &Wish, has_runtime: bool) -> Result<Vec<&'w Package>, Failure> {
    let needed = if has_runtime { linked::of_the_runtime(workspace) } else { BTreeSet::new() };
    let is_wished = |package: &&Package| {
        let is_wished = workspace.is_member(package) || wish.all || wish.named.contains(&package.name);
        is_wished && !is_ours(package)
    };
    let (needed, packages): (Vec<_>, Vec<_>) =
        workspace.packages.iter().filter(is_wished).partition(|package| needed.contains(package.id.as_str()));
    if let Some(package) = needed.iter().find(|package| wish.named.contains(&package.name)) {
        let name = &package.name;
        return Err(Failure::new(format!(
            "--crate {name}: profile-cost, which the program uses, is made of it and cannot measure it"
        )));
    }
    if !needed.is_empty() {
        let names: Vec<&str> = needed.iter().map(|package| package.name.as_str()).collect();
        let names = names.join(", ");
        notice(&format!(
            "not measured, since profile-cost, which the program uses, is made of them: {names}"
        ));
    }
    Ok(packages)
}

/// The profiler measures itself otherwise.
fn is_ours(package: &Package) -> bool {
    ["profile-cost", "profile-cost-macros", "profile-cost-runtime"].contains(&package.name.as_str())
}

fn roots(packages: &[&Package]) -> BTreeMap<PathBuf, Root> {
    let mut roots = BTreeMap::new();
    for package in packages {
        for target in package.targets.iter().filter(|target| !target.is_build_script()) {
            let path = target.src_path.canonicalize().unwrap_or_else(|_| target.src_path.clone());
            let root = Root {
                edition_2015: target.edition == "2015",
                is_proc_macro: target.is_proc_macro(),
                package: package.name.clone(),
            };
            roots.insert(path, root);
        }
    }
    roots
}

/// The workspace's, and those of packages elsewhere.
fn folders(workspace: &Workspace, packages: &[&Package]) -> Vec<PathBuf> {
    let root = workspace.workspace_root.canonicalize().unwrap_or_else(|_| workspace.workspace_root.clone());
    let mut folders = vec![root];
    for package in packages {
        let folder = package.folder().canonicalize().unwrap_or_else(|_| package.folder().to_path_buf());
        if !folders.iter().any(|known| folder.starts_with(known)) {
            folders.push(folder);
        }
    }
    folders
}

/// Which build of this tool it is: another one may splice otherwise.
fn this_tool() -> String {
    let changed = std::env::current_exe().and_then(fs::metadata).and_then(|m| Ok((m.len(), m.modified()?)));
    format!("{} {:?}", env!("CARGO_PKG_VERSION"), changed.ok())
}

/// Puts this tool under another name.
pub(super) fn put_tool(path: &Path) -> std::io::Result<()> {
    let this = std::env::current_exe()?;
    if fs::read_link(path).is_ok_and(|target| target == this) {
        return Ok(());
    }
    let _ = fs::remove_file(path);
    #[cfg(unix)]
    return std::os::unix::fs::symlink(this, path);
    #[cfg(not(unix))]
    return fs::copy(this, path.with_extension(std::env::consts::EXE_EXTENSION)).map(drop);
}
