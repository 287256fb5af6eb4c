//! `PROFILE_COST` and its companions: parsed once, with a message for each value that makes no sense.

use std::path::{Path, PathBuf};

use crate::paths::Limits;
use crate::stats::SortKey;
use crate::stderr;

/// What the environment asks for.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// `PROFILE_COST=off`: no recording, not even for per-call reports.
    pub(crate) off: bool,
    /// `PROFILE_COST=cumulative`: the report at exit, sorted so.
    pub(crate) report: Option<Vec<SortKey>>,
    /// `PROFILE_COST_OUT`: files to write at exit, absolute: the program may go elsewhere meanwhile.
    pub(crate) files: Vec<PathBuf>,
    /// `PROFILE_COST_SIGTERM=1`: also when the process is terminated.
    pub(crate) on_sigterm: bool,
    /// `PROFILE_COST_HEAP`: what the tracking allocator records.
    #[cfg(feature = "heap")]
    pub(crate) heap: Option<crate::heap::Mode>,
    /// `PROFILE_COST_TOP`: rows of the report at exit.
    pub(crate) top: usize,
    /// `PROFILE_COST_MAX_PATHS`, `PROFILE_COST_MAX_DEPTH`.
    pub(crate) limits: Limits,
    /// What could not be understood, with the remedy.
    pub(crate) complaints: Vec<String>,
}

impl Environment {
    pub(crate) fn from_process() -> Self {
        Self::parse(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    pub(crate) fn parse(get: impl Fn(&str) -> Option<String>) -> Self {
        let mut parsed = Self { top: 30, ..Self::default() };
        let get = |name: &str| get(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        match get("PROFILE_COST").as_deref() {
            None => {}
            Some("0" | "off" | "false" | "no") => parsed.off = true,
            Some("1" | "on" | "true" | "yes") => parsed.report = Some(vec![SortKey::Cumulative]),
            Some(keys) => match keys.split(',').map(|key| key.trim().parse()).collect() {
                Ok(keys) => parsed.report = Some(keys),
                Err(_) => parsed.complaints.push(format!(
                    "PROFILE_COST={keys}: not a sort key; use one or more of cumulative, tottime, ncalls, \
                     pcalls, name, filename, line, nfl, stdname (with commas between), or off"
                )),
            },
        }
        for file in get("PROFILE_COST_OUT").iter().flat_map(|list| list.split(',')).map(str::trim) {
            if file.is_empty() {
                continue;
            }
            match crate::format::Format::of(Path::new(file)) {
                Ok(_) => parsed.files.push(std::path::absolute(file).unwrap_or_else(|_| PathBuf::from(file))),
                Err(error) => parsed.complaints.push(format!("PROFILE_COST_OUT={file}: {error}")),
            }
        }
        #[cfg(feature = "heap")]
        if let Some(value) = get("PROFILE_COST_HEAP") {
            match value.parse() {
                Ok(mode) => parsed.heap = Some(mode),
                Err(remedy) => parsed.complaints.push(format!("PROFILE_COST_HEAP={value}: {remedy}")),
            }
        }
        if let Some(value) = get("PROFILE_COST_SIGTERM") {
            match value.as_str() {
                "1" | "on" | "true" | "yes" => parsed.on_sigterm = true,
                "0" | "off" | "false" | "no" => {}
                _ => parsed.complaints.push(format!("PROFILE_COST_SIGTERM={value}: use 1 or 0")),
            }
        }
        let mut number = |name: &str, range: std::ops::RangeInclusive<u32>, default: u32| match get(name) {
            None => default,
            Some(value) => value.parse().ok().filter(|n| range.contains(n)).unwrap_or_else(|| {
                let (low, high) = range.into_inner();
                parsed.complaints.push(format!("{name}={value}: use a whole number from {low} to {high}"));
                default
            }),
        };
        let limits = Limits::default();
        let paths = number("PROFILE_COST_MAX_PATHS", 1..=Limits::MAX_PATHS, limits.paths);
        let depth = number("PROFILE_COST_MAX_DEPTH", 1..=10_000, limits.depth);
        let top = number("PROFILE_COST_TOP", 1..=1_000_000, 30);
        parsed.limits = Limits { depth, paths };
        parsed.top = top as usize;
        parsed
    }

    /// True when something is to be reported at exit.
    pub(crate) fn wants_recording(&self) -> bool {
        !self.off && (self.report.is_some() || !self.files.is_empty())
    }

    /// Says on stderr what could not be understood. The program runs on.
    pub(crate) fn complain(&self) {
        for complaint in &self.complaints {
            stderr::say(complaint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Environment {
        Environment::parse(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn sort_keys_files_and_nothing() {
        assert!(!parse(&[]).wants_recording());
        assert_eq!(parse(&[("PROFILE_COST", "cumulative")]).report, Some(vec![SortKey::Cumulative]));
        let both = parse(&[("PROFILE_COST", "tottime, name"), ("PROFILE_COST_OUT", "a.txt,b.folded")]);
        assert_eq!(both.report.as_ref().map(Vec::len), Some(2));
        assert_eq!(both.files.len(), 2);
        assert!(parse(&[("PROFILE_COST", "off"), ("PROFILE_COST_OUT", "a.folded")]).off);
    }

    #[test]
    fn a_bad_value_says_what_to_write_instead() {
        for (name, value) in [
            ("PROFILE_COST", "fastest"),
            ("PROFILE_COST_OUT", "a.docx"),
            ("PROFILE_COST_SIGTERM", "maybe"),
            #[cfg(feature = "heap")]
            ("PROFILE_COST_HEAP", "everything"),
            ("PROFILE_COST_MAX_PATHS", "0"),
            ("PROFILE_COST_TOP", "-1"),
        ] {
            let parsed = parse(&[(name, value)]);
            assert_eq!(parsed.complaints.len(), 1, "{name}");
            assert!(
                parsed.complaints[0].starts_with(&format!("{name}={value}: ")),
                "{:?}",
                parsed.complaints
            );
        }
    }
}
