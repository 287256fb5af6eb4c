//! The programs that other people read profiles with, where they are installed.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::print_stdout, reason = "what was skipped")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Says that something is not there. With PROFILE_COST_REQUIRE_READERS=1 that is a failure.
pub fn skipped(what: &str) {
    let required = std::env::var_os("PROFILE_COST_REQUIRE_READERS").is_some_and(|value| value == "1");
    assert!(!required, "{what} is not installed");
    println!("skipped: {what} is not installed");
}

/// A script of tests/readers.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/readers").join(name)
}

/// The Python that has the readers installed: PROFILE_COST_PYTHON, or `python3`.
pub fn python() -> Option<PathBuf> {
    let python = std::env::var_os("PROFILE_COST_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    version(&python).map(|_| python)
}

/// Every Python there is, one of each version: `python3` and the like on the path, and pyenv's.
pub fn pythons() -> Vec<(String, PathBuf)> {
    let names = ["python3", "python2", "python"].map(str::to_owned).into_iter();
    let numbered = (6..=15).map(|minor| format!("python3.{minor}"));
    let mut candidates: Vec<PathBuf> = names.chain(numbered).map(PathBuf::from).collect();
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv"));
    if let Some(root) = std::env::var_os("PYENV_ROOT").map(PathBuf::from).or(home) {
        let installed = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
        candidates.extend(installed.map(|version| version.path().join("bin/python")));
    }
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for python in candidates {
        if let Some(version) = version(&python)
            && found.iter().all(|(known, _)| *known != version)
        {
            found.push((version, python));
        }
    }
    found
}

/// `3.11`; nothing when it does not run.
fn version(python: &Path) -> Option<String> {
    let ask = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])";
    let output = Command::new(python).args(["-c", ask]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The folder where playwright-core is, where node and Chromium are there too.
pub fn browser() -> Option<PathBuf> {
    let modules = script("node_modules");
    let modules = std::env::var_os("PROFILE_COST_NODE_MODULES").map_or(modules, PathBuf::from);
    let chromium = std::env::var("PROFILE_COST_CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let missing = if !Command::new("node").arg("--version").output().is_ok_and(|out| out.status.success()) {
        "node"
    } else if !Path::new(&chromium).exists() {
        "chromium"
    } else if !modules.join("playwright-core").exists() {
        "npm package playwright-core"
    } else {
        return Some(modules);
    };
    skipped(missing);
    None
}
