//! `run`, `test`, `bench`: a program built with every function measured, run, and reported on.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use profile_cost_runtime::{Format, Profile, Recording, SortKey, Stats, Style};

use crate::args::Whole;
use crate::failure::Failure;
use crate::input::notice;
use crate::terminal::Screen;
use crate::whole::Build;
use crate::whole::advice;
use crate::whole::build::Wish;
use crate::whole::coverage::Coverage;
use crate::whole::defaults::Defaults;
use crate::whole::others_runner;
use crate::whole::toolchain::Toolchain;
use crate::whole::workspace::Workspace;

/// Functions of fewer tokens cost less than a look at the clock.
const MIN_SIZE: usize = 40;
/// Rows of the report.
const TOP: usize = 30;

pub(crate) fn run(command: &str, asked: &Whole, screen: &Screen) -> Result<ExitCode, Failure> {
    // Before anything is built for it.
    for file in &asked.output {
        Format::of(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    }
    others_runner::refuse_given(&asked.cargo.config)?;
    let toolchain = Toolchain::find()?;
    let workspace = Workspace::read(&toolchain, &asked.cargo.metadata_flags())?;
    let defaults = Defaults::read(&workspace, asked.cargo.manifest_path.as_deref())?;
    let wish = wish(asked, &defaults);
    let sort = keys(asked, &defaults)?;
    let flags = asked.cargo.flags();
    let build =
        Build::prepare(toolchain, &workspace, (command, &flags), asked.cargo.target.as_deref(), &wish)?;
    let profiles = Profiles::new(&build.folder)?;
    let mut cargo = build.cargo(command, &profiles.folder);
    cargo.args(&flags).args(&asked.filter);
    if !asked.arguments.is_empty() {
        cargo.arg("--").args(&asked.arguments);
    }
    let status = {
        let _ours = crate::whole::interrupt::Ignored::new();
        cargo.status().map_err(|error| Failure::new(format!("cargo cannot be run: {error}")))?
    };
    let code = ExitCode::from(exit_code(status));
    let Merged { profile, unwritten } = profiles.merged()?;
    let Some(profile) = profile else {
        // Else it was not built, or was only to be built.
        note_unwritten(unwritten);
        return Ok(code);
    };
    let kept = profiles.keep(&profile)?;
    for file in &asked.output {
        profile.save(file).map_err(|error| Failure::of_file(file, &error))?;
    }
    let mut stats = Stats::new(profile);
    stats.sort_stats(sort).look(screen.look_of_stderr()).show_overhead(true);
    if asked.pstats || defaults.pstats == Some(true) {
        stats.style(Style::Pstats);
    }
    let top = asked.top.or(defaults.top).unwrap_or(TOP);
    let coverage = Coverage::read(&build, command, &flags)?;
    let written = write(io::stderr().lock(), &mut stats, top, &coverage, asked.show_skipped, &kept);
    written.map_err(|error| Failure::of_file(Path::new("stderr"), &error))?;
    note_unwritten(unwritten);
    Ok(code)
}

/// Of processes that are not in the profile.
fn note_unwritten(processes: usize) {
    let whose = match processes {
        0 => return,
        1 => "a process".to_owned(),
        _ => format!("{processes} processes"),
    };
    notice(&format!(
        "{whose} wrote no profile: aborted (by a panic where panic = \"abort\", for one), killed, ended by _exit, or still running"
    ));
}

fn write(
    mut out: impl Write,
    stats: &mut Stats,
    top: usize,
    coverage: &Coverage,
    with_list: bool,
    kept: &Path,
) -> io::Result<()> {
    let restrictions = if top == 0 { Vec::new() } else { vec![top.into()] };
    stats.print_stats(&mut out, &restrictions)?;
    advice::write(stats, &mut out)?;
    coverage.write(&mut out)?;
    if with_list {
        coverage.write_list(&mut out)?;
    }
    writeln!(out, "profile: {} (cargo profile-cost callers, tree, html, .. FILE)", kept.display())
}

fn wish(asked: &Whole, defaults: &Defaults) -> Wish {
    let list = |asked: &[String], default: &Option<Vec<String>>| {
        if asked.is_empty() { default.clone().unwrap_or_default() } else { asked.to_vec() }
    };
    Wish {
        all: asked.deps || defaults.deps == Some(true),
        named: list(&asked.crates, &defaults.crates),
        min_size: asked.min_size.or(defaults.min_size).unwrap_or(MIN_SIZE),
        include: list(&asked.include, &defaults.include),
        exclude: list(&asked.exclude, &defaults.exclude),
    }
}

fn keys(asked: &Whole, defaults: &Defaults) -> Result<Vec<SortKey>, Failure> {
    let asked: Vec<SortKey> = asked.sort.iter().flat_map(|keys| keys.0.iter().copied()).collect();
    match &defaults.sort {
        _ if !asked.is_empty() => Ok(asked),
        Some(keys) => {
            SortKey::parse_list(keys).map_err(|error| Failure::new(format!("sort = {keys:?}: {error}")))
        }
        None => Ok(vec![SortKey::Cumulative]),
    }
}

/// As a shell says it.
fn exit_code(status: std::process::ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(255);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}

/// A folder for what the processes of one run write.
struct Profiles {
    folder: PathBuf,
    kept: PathBuf,
}

impl Profiles {
    fn new(folder: &Path) -> Result<Self, Failure> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let own = folder.join("runs").join(format!("{}-{}", since.as_millis(), std::process::id()));
        fs::create_dir_all(&own).map_err(|error| Failure::of_file(&own, &error))?;
        Ok(Self { folder: own, kept: folder.to_owned() })
    }

    fn merged(&self) -> Result<Merged, Failure> {
        let entries = fs::read_dir(&self.folder).map_err(|error| Failure::of_file(&self.folder, &error))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let (mut sum, mut unwritten) = (None::<Profile>, 0);
        for path in paths {
            let read = fs::read(&path).map_err(|error| error.to_string());
            if read.as_ref().is_ok_and(Vec::is_empty) {
                unwritten += 1;
                continue;
            }
            match read.and_then(|bytes| Recording::read(&bytes).map_err(|error| error.to_string())) {
                Ok(Recording::Profile(profile)) => match &mut sum {
                    Some(sum) => sum.merge(&profile),
                    None => sum = Some(profile),
                },
                Ok(_) => {}
                Err(error) => notice(&format!("{}: {error}", path.display())),
            }
        }
        Ok(Merged { profile: sum, unwritten })
    }

    /// Keeps the profile, and the one before it under another name.
    fn keep(&self, profile: &Profile) -> Result<PathBuf, Failure> {
        let latest = self.kept.join("latest.json");
        let _ = fs::rename(&latest, self.kept.join("previous.json"));
        profile.save(&latest).map_err(|error| Failure::of_file(&latest, &error))?;
        Ok(latest)
    }
}

/// What the processes of a run left.
struct Merged {
    /// All that were written, in one; `None` without any.
    profile: Option<Profile>,
    /// Processes that began to record, and ended without a word.
    unwritten: usize,
}

impl Drop for Profiles {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
