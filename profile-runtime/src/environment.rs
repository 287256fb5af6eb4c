//! `PROFILE_COST` and its companions: parsed once, with a message for each value that makes no sense.

use std::path::{Path, PathBuf};

#[cfg(feature = "heap")]
use crate::heap::{Mode, before_main};
use crate::paths::Limits;
use crate::stats::SortKey;
use crate::stderr;

/// Names the folder of the flight recorder's files.
pub(crate) const RECORD: &str = "PROFILE_COST_RECORD";
/// Says what the recorder does, as `keep=5,report-previous`.
#[cfg(all(feature = "recorder", unix))]
const RECORD_OPTIONS: &str = "PROFILE_COST_RECORD_OPTIONS";

/// What the environment asks for.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// `PROFILE_COST=off`: no recording, not even for per-call reports.
    pub(crate) off: bool,
    /// `PROFILE_COST=cumulative`: the report at exit, sorted so.
    pub(crate) report: Option<Vec<SortKey>>,
    /// `PROFILE_COST_OUT`: files to write at exit, absolute: the program may go elsewhere meanwhile. `%p` in a name is
    /// the process.
    pub(crate) files: Vec<PathBuf>,
    /// `PROFILE_COST_WHOLE`: a file for `cargo profile-cost run`, which reads it and does the talking.
    pub(crate) whole: Option<PathBuf>,
    /// `PROFILE_COST_SIGTERM=1`: also when the process is terminated.
    pub(crate) on_sigterm: bool,
    /// `PROFILE_COST_SIGINT=1`: and when somebody types Ctrl-C.
    pub(crate) on_sigint: bool,
    /// `PROFILE_COST_HEAP`: what the tracking allocator records.
    #[cfg(feature = "heap")]
    pub(crate) heap: Option<Mode>,
    /// `PROFILE_COST_HEAP_OUT`: files of what is live at exit, absolute; without any, the report goes to stderr.
    #[cfg(feature = "heap")]
    pub(crate) heap_files: Vec<PathBuf>,
    /// `PROFILE_COST_TOP`: rows of each table of the heap's report at exit.
    #[cfg(feature = "heap")]
    pub(crate) heap_top: usize,
    /// `PROFILE_COST_HEAP_MEMORY`: the most that the heap's recording may take, bytes.
    #[cfg(feature = "heap")]
    pub(crate) heap_memory: Option<u64>,
    /// [`RECORD`]: the folder of the flight recorder's files, absolute.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) record: Option<PathBuf>,
    /// [`RECORD_OPTIONS`]: what the recorder does.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) record_options: crate::recorder::Options,
    /// `PROFILE_COST_HTTP`: where requests are answered.
    #[cfg(feature = "server")]
    pub(crate) http: Option<crate::http::server::Listen>,
    /// `PROFILE_COST_TOP`: rows of the report at exit.
    pub(crate) top: usize,
    /// `PROFILE_COST_MAX_PATHS`, `PROFILE_COST_MAX_DEPTH`.
    pub(crate) limits: Limits,
    /// What could not be understood, with the remedy.
    pub(crate) complaints: Vec<String>,
}

impl Environment {
    pub(crate) fn from_process() -> Self {
        if has_more_rights_than_its_caller() {
            return Self::parse(|_| None);
        }
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
        parsed.whole = get("PROFILE_COST_WHOLE").map(|file| file_of_this_process(&file));
        let mut files = |name: &str, check: fn(&Path) -> std::io::Result<()>| {
            let mut files = Vec::new();
            let list = get(name).unwrap_or_default();
            for file in list.split(',').map(str::trim).filter(|file| !file.is_empty()) {
                match check(Path::new(file)) {
                    Ok(()) => files.push(file_of_this_process(file)),
                    Err(error) => parsed.complaints.push(format!("{name}={file}: {error}")),
                }
            }
            files
        };
        parsed.files = files("PROFILE_COST_OUT", |path| crate::format::Format::of(path).map(drop));
        #[cfg(feature = "heap")]
        {
            parsed.heap_files = files(before_main::FILES, |path| crate::heap::Format::of(path).map(drop));
            parsed.heap = match get(before_main::VARIABLE) {
                // As `PROFILE_COST_OUT` alone does.
                None if !parsed.heap_files.is_empty() => Some(Mode::Exact { frames: Mode::FRAMES }),
                None => None,
                Some(value) => value
                    .parse()
                    .inspect_err(|remedy| {
                        parsed.complaints.push(format!("{}={value}: {remedy}", before_main::VARIABLE))
                    })
                    .ok(),
            };
            if let Some(value) = get("PROFILE_COST_HEAP_MEMORY") {
                parsed.heap_memory = crate::heap::bytes(&value).filter(|bytes| *bytes > 0);
                if parsed.heap_memory.is_none() {
                    parsed.complaints.push(format!(
                        "PROFILE_COST_HEAP_MEMORY={value}: use bytes from 1, as in 64MiB or 1GiB"
                    ));
                }
            }
        }
        #[cfg(all(feature = "recorder", unix))]
        {
            parsed.record = get(RECORD).map(|folder| file_of_this_process(&folder));
            if let Some(value) = get(RECORD_OPTIONS) {
                match value.parse() {
                    Ok(options) => parsed.record_options = options,
                    Err(remedy) => parsed.complaints.push(format!("{RECORD_OPTIONS}={value}: {remedy}")),
                }
            }
        }
        #[cfg(not(all(feature = "recorder", unix)))]
        if let Some(value) = get(RECORD) {
            parsed.complaints.push(format!(
                "{RECORD}={value}: nothing is recorded: profile-cost is built without its feature `recorder`"
            ));
        }
        #[cfg(feature = "server")]
        match crate::http::server::Listen::parse(get) {
            Ok(listen) => parsed.http = listen,
            Err(complaint) => parsed.complaints.push(complaint),
        }
        #[cfg(not(feature = "server"))]
        if let Some(value) = get("PROFILE_COST_HTTP") {
            parsed.complaints.push(format!(
                "PROFILE_COST_HTTP={value}: nothing listens: profile-cost is built without its feature `server`"
            ));
        }
        let mut switch = |name: &str| match get(name).as_deref() {
            Some("1" | "on" | "true" | "yes") => true,
            None | Some("0" | "off" | "false" | "no") => false,
            Some(value) => {
                parsed.complaints.push(format!("{name}={value}: use 1 or 0"));
                false
            }
        };
        let (on_sigterm, on_sigint) = (switch("PROFILE_COST_SIGTERM"), switch("PROFILE_COST_SIGINT"));
        (parsed.on_sigterm, parsed.on_sigint) = (on_sigterm, on_sigint);
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
        #[cfg(feature = "heap")]
        {
            // Its tables are many.
            let is_set = get("PROFILE_COST_TOP").is_some();
            parsed.heap_top = if is_set { top as usize } else { 10 };
        }
        parsed.limits = Limits { depth, paths };
        parsed.top = top as usize;
        parsed
    }

    /// True when something is to be reported at exit.
    pub(crate) fn wants_recording(&self) -> bool {
        !self.off && (self.report.is_some() || !self.files.is_empty() || self.whole.is_some())
    }

    /// True when what is live at exit is to be reported.
    #[cfg(feature = "heap")]
    pub(crate) fn wants_heap(&self) -> bool {
        self.heap.is_some_and(|mode| mode != Mode::Off)
    }

    /// Says on stderr what could not be understood. The program runs on.
    pub(crate) fn complain(&self) {
        for complaint in &self.complaints {
            stderr::say(complaint);
        }
    }
}

/// Programs that start others like themselves share the environment, and not the file.
fn file_of_this_process(file: &str) -> PathBuf {
    let file = file.replace("%p", &std::process::id().to_string());
    std::path::absolute(&file).unwrap_or_else(|_| PathBuf::from(&file))
}

/// A program with more rights than whoever started it takes no orders on what files to write.
fn has_more_rights_than_its_caller() -> bool {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: reads a number that the kernel gave.
    return unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    false
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
        let own = parse(&[("PROFILE_COST_OUT", "/tmp/%p/a-%p.txt")]);
        let process = std::process::id();
        assert_eq!(own.files, [PathBuf::from(format!("/tmp/{process}/a-{process}.txt"))]);
        assert!(parse(&[("PROFILE_COST", "off"), ("PROFILE_COST_OUT", "a.folded")]).off);
    }

    #[cfg(feature = "heap")]
    #[test]
    fn files_alone_ask_for_the_heap_and_off_is_off() {
        assert!(!parse(&[]).wants_heap());
        assert!(parse(&[("PROFILE_COST_HEAP", "paths")]).wants_heap());
        let files = ("PROFILE_COST_HEAP_OUT", "a.heap, b.svg.json");
        assert_eq!(parse(&[files]).heap, Some(Mode::Exact { frames: 25 }));
        assert_eq!(parse(&[files]).heap_files.len(), 2);
        assert!(!parse(&[files, ("PROFILE_COST_HEAP", "off")]).wants_heap());
        // What makes no sense records nothing: better no figures than others than were meant.
        assert!(!parse(&[files, ("PROFILE_COST_HEAP", "everything")]).wants_heap());
    }

    #[test]
    fn a_bad_value_says_what_to_write_instead() {
        for (name, value) in [
            ("PROFILE_COST", "fastest"),
            ("PROFILE_COST_OUT", "a.docx"),
            ("PROFILE_COST_SIGTERM", "maybe"),
            ("PROFILE_COST_SIGINT", "maybe"),
            #[cfg(feature = "heap")]
            ("PROFILE_COST_HEAP", "everything"),
            #[cfg(feature = "heap")]
            ("PROFILE_COST_HEAP_OUT", "a.docx"),
            #[cfg(feature = "heap")]
            ("PROFILE_COST_HEAP_MEMORY", "plenty"),
            #[cfg(feature = "heap")]
            ("PROFILE_COST_HEAP_MEMORY", "0"),
            #[cfg(feature = "heap")]
            ("PROFILE_COST_HEAP_MEMORY", "-1MiB"),
            ("PROFILE_COST_HTTP", "everywhere"),
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
