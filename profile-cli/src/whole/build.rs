//! A profiled build of a workspace: the folder of its plan, and the cargo that builds by it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::hash::Hash;
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
    pub(crate) home: PathBuf,
    /// Of everything that is kept: `target/profile-cost`.
    pub(crate) folder: PathBuf,
    toolchain: Toolchain,
    target: Option<String>,
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
        let packages = chosen(workspace, wish)?;
        let linked = linked::find(&toolchain, workspace, command, flags)?;
        if linked.is_some() && with_dependencies {
            return Err(Failure::new(
                "--deps and --crate are not for programs that use profile-cost themselves: \
                 the runtime that they are linked with would be another one",
            ));
        }
        let (runtime, replaced) = match linked {
            Some(linked) => (linked.runtime, linked.replaced),
            None => (RuntimeLibrary::get(&toolchain, target)?, None),
        };
        let plan = Plan {
            runtime,
            roots: roots(&packages),
            folders: folders(workspace, &packages),
            min_size: wish.min_size,
            include: wish.include.clone(),
            exclude: wish.exclude.clone(),
            names_target: target.is_some(),
        };
        plan.wanted()?;
        let folder = workspace.target_directory.join("profile-cost");
        let text = plan.to_json()?;
        let name = Hash::new().add(&text).add(this_tool()).finish();
        let home = folder.join(format!("plan-{name}"));
        let failed = |error| Failure::of_file(&home, &error);
        fs::create_dir_all(&home).map_err(failed)?;
        fs::write(folder.join("CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n")
            .map_err(failed)?;
        let _lock = fs::File::create(home.join("lock"))
            .and_then(|lock| lock.lock().map(|()| lock))
            .map_err(failed)?;
        if fs::read_to_string(home.join("plan.json")).ok().as_ref() != Some(&text) {
            fs::write(home.join("plan.json"), &text).map_err(failed)?;
        }
        for name in [wrapper::NAME, runner::NAME] {
            put_tool(&home.join(name)).map_err(failed)?;
        }
        Mirror::open(&plan, &home)?.update()?;
        let build_directory = if with_dependencies {
            // Every crate is compiled otherwise.
            home.join("build")
        } else {
            let others = replaced.as_ref().map(|replaced| replaced.build_directory.as_path());
            others.unwrap_or(workspace.build_directory()).to_path_buf()
        };
        let target = target.map(str::to_owned);
        let replaces = replaced.map(|replaced| replaced.wrapper);
        Ok(Self { plan, home, folder, toolchain, target, build_directory, with_dependencies, replaces })
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
        let own = self.home.join(wrapper::NAME);
        let (all, members) = match &self.replaces {
            Some(replaces) => (replaces.clone(), own),
            None if self.with_dependencies => (own, PathBuf::new()),
            None => (PathBuf::new(), own),
        };
        for (name, ours) in [("RUSTC_WRAPPER", all), ("RUSTC_WORKSPACE_WRAPPER", members)] {
            if let Some(others) = std::env::var_os(name).filter(|value| !value.is_empty()) {
                notice(&format!("{name}={} is not used for this build", others.to_string_lossy()));
            }
            // NOTE: empty is none, also where cargo's configuration has one.
            cargo.env(name, ours);
        }
        // Intermediate files beside those of plain builds, whose dependencies are the same; programs elsewhere.
        cargo.env("CARGO_BUILD_BUILD_DIR", &self.build_directory);
        let programs =
            if self.with_dependencies { self.home.join("build") } else { self.folder.join("build") };
        cargo.env("CARGO_TARGET_DIR", programs);
        let triple = self.target.as_deref().unwrap_or(&self.toolchain.host);
        let variable = format!("CARGO_TARGET_{}_RUNNER", triple.to_uppercase().replace('-', "_"));
        cargo.env(runner::OTHERS_RUNNER, others_runner::of(triple, &variable).join(runner::BETWEEN));
        let runner = self.home.join(runner::NAME);
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

/// The workspace's packages and those that were asked for.
fn chosen<'w>(workspace: &'w Workspace, wish: &Wish) -> Result<Vec<&'w Package>, Failure> {
    if let Some(name) = wish.named.iter().find(|name| !workspace.packages.iter().any(|p| p.name == **name)) {
        return Err(Failure::new(format!(
            "--crate {name}: the workspace does not depend on a package of this name"
        )));
    }
    let is_chosen = |package: &&Package| {
        let is_wished = workspace.is_member(package) || wish.all || wish.named.contains(&package.name);
        is_wished && !is_ours(package)
    };
    Ok(workspace.packages.iter().filter(is_chosen).collect())
}

/// The profiler measures itself otherwise.
fn is_ours(package: &Package) -> bool {
    ["profile-cost", "profile-cost-macros", "profile-cost-runtime"].contains(&package.name.as_str())
}

fn roots(packages: &[&Package]) -> BTreeMap<PathBuf, Root> {
    let mut roots = BTreeMap::new();
    for package in packages {
        for target in package.targets.iter().filter(|target| !target.is_for_compiling()) {
            let path = target.src_path.canonicalize().unwrap_or_else(|_| target.src_path.clone());
            let root = Root { edition_2015: target.edition == "2015", package: package.name.clone() };
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
