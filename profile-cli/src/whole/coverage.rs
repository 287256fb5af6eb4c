//! What of a program's functions is measured, and what is not and why: a count for the report, a list on request.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::build::{Build, Crate};
use super::mirror::{Index, Mirror};
use super::wrapper::Compiled;
use crate::failure::Failure;

/// Of the crates that a run was of.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    pub(crate) measured: usize,
    /// Functions inside macro calls: of the file as a whole.
    pub(crate) in_macros: usize,
    /// How many, by reason.
    reasons: BTreeMap<String, usize>,
    /// Crates that are as they were, and the compiler's words.
    plain: Vec<(String, String)>,
    /// A line each.
    list: Vec<String>,
}

impl Coverage {
    /// `flags` are cargo's, of `cargo COMMAND`.
    pub(crate) fn read(build: &Build, command: &str, flags: &[OsString]) -> Result<Self, Failure> {
        let mirror = Mirror::open(&build.plan, &build.home.path)?;
        let mut coverage = Self::default();
        let mut files = BTreeSet::new();
        // By this plan other programs may have been compiled before. Where cargo does not say, all count.
        let crates = build.crates(command, flags);
        let is_of_run = |compiled: &Compiled| {
            crates.as_ref().is_none_or(|crates| crates.iter().any(|known| compiled.is(known)))
        };
        for compiled in compiled(&build.home.path).into_iter().filter(is_of_run) {
            match compiled.plain {
                Some(why) => coverage.plain.push((compiled.package, why)),
                None => files.extend(compiled.files),
            }
        }
        coverage.plain.sort();
        coverage.plain.dedup();
        for path in &files {
            coverage.add(mirror.index(), path);
        }
        Ok(coverage)
    }

    fn add(&mut self, index: &Index, path: &Path) {
        let Some(file) = index.files.get(path) else { return };
        let shown = path.display();
        self.measured += file.functions.len();
        self.in_macros += file.in_macros;
        if file.in_macros > 0 {
            self.list.push(format!("{shown}: {} inside macro calls", file.in_macros));
        }
        if let Some(why) = &file.unreadable {
            *self.reasons.entry("in files that cannot be read".to_owned()).or_default() += 1;
            self.list.push(format!("{shown}: {why}"));
        }
        for skipped in &file.skipped {
            *self.reasons.entry(skipped.why.clone()).or_default() += 1;
            self.list.push(format!("{shown}:{}: {}: {}", skipped.line, skipped.name, skipped.why));
        }
    }

    /// In a line or some.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let not: usize = self.reasons.values().sum::<usize>() + self.in_macros;
        write!(out, "functions in the sources: {} measured, {not} not", self.measured)?;
        let mut reasons: Vec<(&str, usize)> =
            self.reasons.iter().map(|(why, n)| (why.as_str(), *n)).collect();
        if self.in_macros > 0 {
            reasons.push(("inside macro calls", self.in_macros));
        }
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let reasons: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {why}")).collect();
        if reasons.is_empty() {
            writeln!(out)?;
        } else {
            writeln!(out, " ({}); --show-skipped lists them", reasons.join(", "))?;
        }
        for (package, why) in &self.plain {
            writeln!(
                out,
                "note: {package} is not measured: with calls of the profiler in it, it does not compile: {why}"
            )?;
        }
        Ok(())
    }

    /// What is not measured, a line each.
    pub(crate) fn write_list(&self, out: &mut dyn Write) -> io::Result<()> {
        self.list.iter().try_for_each(|line| writeln!(out, "{line}"))
    }
}

impl Compiled {
    fn is(&self, known: &Crate) -> bool {
        (&self.root, self.is_test, &self.features) == (&known.root, known.is_test, &known.features)
    }
}

fn compiled(home: &Path) -> Vec<Compiled> {
    let entries = fs::read_dir(home.join("crates")).into_iter().flatten().flatten();
    let texts = entries.filter_map(|entry| fs::read(entry.path()).ok());
    texts.filter_map(|text| serde_json::from_slice(&text).ok()).collect()
}
