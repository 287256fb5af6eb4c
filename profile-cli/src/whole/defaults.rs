//! Defaults of whole-program runs: `[profile-cost]` tables of the manifests' metadata, then `profile-cost.toml`.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::workspace::Workspace;
use crate::failure::Failure;

/// The same names as the flags have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Defaults {
    pub(crate) deps: Option<bool>,
    #[serde(rename = "crate")]
    pub(crate) crates: Option<Vec<String>>,
    pub(crate) min_size: Option<usize>,
    pub(crate) include: Option<Vec<String>>,
    pub(crate) exclude: Option<Vec<String>>,
    pub(crate) sort: Option<String>,
    pub(crate) top: Option<usize>,
    pub(crate) pstats: Option<bool>,
}

impl Defaults {
    pub(crate) fn read(workspace: &Workspace, manifest: Option<&Path>) -> Result<Self, Failure> {
        let mut defaults = Self::default();
        for table in workspace.tables(manifest) {
            let table = Self::deserialize(table);
            let table = table.map_err(|error| Failure::new(format!("[metadata.profile-cost]: {error}")))?;
            defaults = table.over(defaults);
        }
        let path = workspace.workspace_root.join("profile-cost.toml");
        if let Ok(text) = fs::read_to_string(&path) {
            let failed = |error: String| Failure::new(format!("{}: {error}", path.display()));
            let file: Value = toml::from_str(&text).map_err(|error| failed(error.to_string()))?;
            // With the table's heading or without.
            let table = Self::deserialize(file.get("profile-cost").unwrap_or(&file));
            defaults = table.map_err(|error| failed(error.to_string()))?.over(defaults);
        }
        Ok(defaults)
    }

    fn over(self, below: Self) -> Self {
        Self {
            deps: self.deps.or(below.deps),
            crates: self.crates.or(below.crates),
            min_size: self.min_size.or(below.min_size),
            include: self.include.or(below.include),
            exclude: self.exclude.or(below.exclude),
            sort: self.sort.or(below.sort),
            top: self.top.or(below.top),
            pstats: self.pstats.or(below.pstats),
        }
    }
}
