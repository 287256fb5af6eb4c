//! Calls as programs counted them by hand, and as the profile says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use profile_cost_runtime::{Profile, Recording};

/// By file, and by the last part of the function's name.
pub type Counts = BTreeMap<(String, String), u64>;

/// What the processes of a run wrote into a folder. Build scripts are no programs of the user's.
pub fn by_hand(folder: &Path) -> Counts {
    let mut counts = Counts::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let text = fs::read_to_string(entry.expect("an entry").path()).expect("a file");
        for line in text.lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            let [file, name, calls] = parts[..] else { panic!("{line}") };
            if !file.starts_with("generated/build") {
                *counts.entry((file.to_owned(), name.to_owned())).or_default() +=
                    calls.parse::<u64>().expect("a number");
            }
        }
    }
    counts
}

pub fn profile(file: &Path) -> Profile {
    let text = fs::read(file).expect("a profile");
    match Recording::read(&text).expect("a profile") {
        Recording::Profile(profile) => profile,
        other => panic!("{other:?}"),
    }
}

pub fn of_profile(profile: &Profile) -> Counts {
    let mut counts = Counts::new();
    for path in profile.paths() {
        let label = &profile.function(path.function).label;
        let name = label.name.rsplit("::").next().unwrap_or_default().to_owned();
        *counts.entry((label.file.clone(), name)).or_default() += path.counts.starts;
    }
    counts
}

/// Every function's line is one of the user's file on which it stands.
pub fn assert_lines(profile: &Profile, root: &Path) {
    for function in profile.functions() {
        let label = &function.label;
        let text = fs::read_to_string(root.join(&label.file)).unwrap_or_else(|e| panic!("{label:?}: {e}"));
        let line = text.lines().nth(label.line as usize - 1).unwrap_or_else(|| panic!("{label:?}"));
        let name = label.name.rsplit("::").next().unwrap_or_default();
        assert!(
            line.contains(&format!("fn {name}")) || line.contains(&format!("fn r#{name}")),
            "{label:?}: {line}"
        );
    }
}
