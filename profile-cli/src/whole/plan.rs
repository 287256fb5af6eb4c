//! What is instrumented and how: made by the command, read by the compiler's wrapper.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex_lite::Regex;
use serde::{Deserialize, Serialize};

use super::runtime_library::RuntimeLibrary;
use crate::failure::Failure;

/// Kept as `plan.json` in a folder whose name begins with its hash ([`Home`](super::home::Home)). The wrapper lies in that folder, and its path is part of
/// what cargo knows of a build: other settings are another build.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Plan {
    pub(crate) runtime: RuntimeLibrary,
    /// The files that rustc is called with, and what they are.
    pub(crate) roots: BTreeMap<PathBuf, Root>,
    /// Folders that are mirrored whole, so that `../` means the same in the mirror.
    pub(crate) folders: Vec<PathBuf>,
    /// Functions with fewer tokens, no loop and no `.await` are left alone.
    pub(crate) min_size: usize,
    /// Patterns of names and files; without any, all are wanted.
    pub(crate) include: Vec<String>,
    pub(crate) exclude: Vec<String>,
    /// Through what rustc is called for all else; where the profiler's own sources are replaced.
    pub(crate) replaces: Option<PathBuf>,
    /// A target was named, so that what is compiled without one is for the build itself.
    pub(crate) names_target: bool,
}

/// A crate.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Root {
    pub(crate) edition_2015: bool,
    /// Runs in the compiler, but for its tests, which are programs.
    pub(crate) is_proc_macro: bool,
    pub(crate) package: String,
}

/// Patterns, compiled.
#[derive(Debug)]
pub(crate) struct Wanted {
    include: Vec<Regex>,
    exclude: Vec<Regex>,
}

impl Plan {
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("plan.json");
        let text = fs::read_to_string(&path).map_err(|error| Failure::of_file(&path, &error))?;
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    pub(crate) fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self).map_err(|error| Failure::new(error.to_string()))
    }

    pub(crate) fn wanted(&self) -> Result<Wanted, Failure> {
        let compile = |patterns: &[String]| -> Result<Vec<Regex>, Failure> {
            let compiled = patterns.iter().map(|pattern| {
                Regex::new(pattern).map_err(|error| Failure::new(format!("{pattern}: {error}")))
            });
            compiled.collect()
        };
        Ok(Wanted { include: compile(&self.include)?, exclude: compile(&self.exclude)? })
    }
}

impl Wanted {
    /// Whether a function is, by the path of its file or its name.
    pub(crate) fn is(&self, file: &str, function: &str) -> bool {
        let any = |patterns: &[Regex]| patterns.iter().any(|p| p.is_match(file) || p.is_match(function));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}
