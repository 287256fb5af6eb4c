//! The runner that programs would have without us: an emulator, a debugger, `sudo`. It goes between us and the program.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// The words of the runner for `triple`: from cargo's variable, then from the nearest of cargo's configuration files.
/// Those for `cfg(..)` are not looked for.
pub(super) fn of(triple: &str, variable: &str) -> Vec<String> {
    if let Ok(text) = std::env::var(variable) {
        return words(&Value::String(text));
    }
    let here = std::env::current_dir().unwrap_or_default();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let folders = here.ancestors().map(|folder| folder.join(".cargo")).chain(home);
    folders.filter_map(|folder| in_folder(&folder, triple)).next().unwrap_or_default()
}

fn in_folder(folder: &Path, triple: &str) -> Option<Vec<String>> {
    // NOTE: of two files cargo takes the one without an extension.
    let text =
        ["config", "config.toml"].iter().find_map(|name| fs::read_to_string(folder.join(name)).ok())?;
    let table: Table = text.parse().ok()?;
    Some(words(table.get("target")?.get(triple)?.get("runner")?))
}

fn words(runner: &Value) -> Vec<String> {
    match runner {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
