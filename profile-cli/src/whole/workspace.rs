//! What `cargo metadata` says of the workspace: packages, their targets, and where builds go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::toolchain::Toolchain;
use crate::failure::Failure;

/// The part of cargo's answer that is used.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    #[serde(default)]
    resolve: Resolve,
    pub(crate) workspace_root: PathBuf,
    pub(crate) target_directory: PathBuf,
    /// Where intermediate files go; with cargo before 1.91 the same.
    #[serde(default)]
    build_directory: Option<PathBuf>,
    #[serde(default)]
    metadata: Value,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) targets: Vec<Target>,
    #[serde(default)]
    pub(crate) metadata: Value,
}

/// Who depends on whom.
#[derive(Debug, Default, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

/// A package, and what it depends on.
#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    #[serde(rename = "pkg")]
    package: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// `dev`, `build`, or none for what the package itself is compiled with.
    kind: Option<String>,
}

/// What rustc is called for.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
    pub(crate) edition: String,
}

impl Workspace {
    /// Asks cargo, with those of the flags that decide what there is.
    pub(crate) fn read(toolchain: &Toolchain, flags: &[String]) -> Result<Self, Failure> {
        let mut cargo = toolchain.cargo();
        cargo.args(["metadata", "--format-version", "1"]).args(flags);
        // NOTE: cargo asks the compiler for its version even here, by a wrapper that is not used for the build.
        cargo.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "");
        let output = cargo.output().map_err(|error| {
            let program = cargo.get_program().to_string_lossy();
            Failure::new(format!(
                "{program} cannot be run: {error}; install cargo, or set CARGO to where it is"
            ))
        })?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            let lines = lines.map(|line| line.strip_prefix("error: ").unwrap_or(line));
            return Err(Failure::new(lines.collect::<Vec<_>>().join(" ")));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::new(format!("cargo metadata cannot be understood: {error}")))
    }

    pub(crate) fn is_member(&self, package: &Package) -> bool {
        self.workspace_members.contains(&package.id)
    }

    /// The package's id, and those of all that has to be compiled before it.
    pub(crate) fn needed_by<'w>(&'w self, package: &'w Package) -> BTreeSet<&'w str> {
        let mut needed = BTreeSet::new();
        let mut open = vec![package.id.as_str()];
        while let Some(id) = open.pop() {
            if !needed.insert(id) {
                continue;
            }
            let nodes = self.resolve.nodes.iter().filter(|node| node.id == id);
            let dependencies = nodes.flat_map(|node| &node.deps);
            let is_needed = |kind: &DependencyKind| kind.kind.as_deref() != Some("dev");
            let dependencies = dependencies.filter(|dependency| dependency.dep_kinds.iter().any(is_needed));
            open.extend(dependencies.map(|dependency| dependency.package.as_str()));
        }
        needed
    }

    pub(crate) fn build_directory(&self) -> &Path {
        self.build_directory.as_deref().unwrap_or(&self.target_directory)
    }

    /// The `[profile-cost]` tables of the workspace and then of the package whose manifest was asked for.
    pub(crate) fn tables(&self, manifest: Option<&Path>) -> Vec<&Value> {
        let manifest = manifest.map_or_else(|| self.workspace_root.join("Cargo.toml"), Path::to_path_buf);
        let manifest = manifest.canonicalize().unwrap_or(manifest);
        let package = self.packages.iter().find(|package| package.manifest_path == manifest);
        let tables = [Some(&self.metadata), package.map(|package| &package.metadata)];
        tables.into_iter().flatten().filter_map(|table| table.get("profile-cost")).collect()
    }
}

impl Package {
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

impl Target {
    pub(crate) fn is_library(&self) -> bool {
        self.kind.iter().any(|kind| kind == "lib" || kind == "rlib") || self.is_proc_macro()
    }

    pub(crate) fn is_proc_macro(&self) -> bool {
        self.kind.iter().any(|kind| kind == "proc-macro")
    }

    pub(crate) fn is_build_script(&self) -> bool {
        self.kind.iter().any(|kind| kind == "custom-build")
    }
}
