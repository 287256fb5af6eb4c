//! The runner that programs would have without us: an emulator, a debugger, `sudo`. It goes between us and the program.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::condition::{Condition, Settings};
use super::toolchain::Toolchain;
use crate::failure::Failure;

/// The words of the runner for `triple`: from cargo's variable, then from the nearest of cargo's configuration files that
/// has one for the triple, then from the nearest that has one for a `cfg(..)` that holds.
///
/// # Errors
/// When the compiler does not say what holds, where somebody asks.
pub(super) fn of(toolchain: &Toolchain, triple: &str, variable: &str) -> Result<Vec<String>, Failure> {
    if let Ok(text) = std::env::var(variable) {
        return Ok(words(&Value::String(text), None));
    }
    let here = std::env::current_dir().unwrap_or_default();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    let folders = here.ancestors().map(|folder| folder.join(".cargo")).chain(home);
    let mut conditional = Vec::new();
    for folder in folders {
        for (target, runner) in in_folder(&folder) {
            if target == triple {
                return Ok(runner);
            }
            conditional.extend(Condition::parse(&target).map(|condition| (condition, runner)));
        }
    }
    if conditional.is_empty() {
        return Ok(Vec::new());
    }
    let settings = Settings::of(toolchain, triple)?;
    // NOTE: where several hold, cargo refuses to run anything, also plainly; not so when each build has one.
    let mut holding = conditional.into_iter().filter(|(condition, _)| condition.holds(&settings));
    Ok(holding.next().map(|(_, runner)| runner).unwrap_or_default())
}

/// Refuses a runner that is given by `--config`, which cargo prefers to all others, ours as well: values of that flag.
///
/// # Errors
/// Says where else it can be named.
pub(crate) fn refuse_given(values: &[String]) -> Result<(), Failure> {
    for value in values {
        // A file, or a key and its value.
        let text = fs::read_to_string(value);
        let table = text.as_deref().unwrap_or(value).parse::<Table>().unwrap_or_default();
        if runners(&table).next().is_some() {
            return Err(Failure::new(format!(
                "--config {value}: a runner that is named there would start the program without the profiler; name it in \
                 CARGO_TARGET_<TRIPLE>_RUNNER or in .cargo/config.toml"
            )));
        }
    }
    Ok(())
}

/// The runners in a configuration, each with its target.
fn runners(configuration: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let targets = configuration.get("target").and_then(Value::as_table).into_iter().flatten();
    targets.filter_map(|(target, settings)| Some((target, settings.get("runner")?)))
}

/// The runners that cargo's configuration in this folder names, each with its target.
fn in_folder(folder: &Path) -> Vec<(String, Vec<String>)> {
    // NOTE: of two files cargo takes the one without an extension.
    let text = ["config", "config.toml"].iter().find_map(|name| fs::read_to_string(folder.join(name)).ok());
    let table = text.and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    runners(&table).map(|(target, runner)| (target.clone(), words(runner, folder.parent()))).collect()
}

/// A program that is named by a path is looked for from `folder`.
fn words(runner: &Value, folder: Option<&Path>) -> Vec<String> {
    let mut words: Vec<String> = match runner {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    if let (Some(program), Some(folder)) = (words.first_mut(), folder)
        && program.contains(['/', std::path::MAIN_SEPARATOR])
    {
        *program = folder.join(&*program).to_string_lossy().into_owned();
    }
    words
}
