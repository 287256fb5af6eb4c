//! `heap`: a snapshot of the heap, named, as a report, as rows by a key, as what changed, or in another format.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use profile_cost_runtime::heap::{Format, LoadError, ReportOptions, Snapshot, StackOptions, source_line};
use profile_cost_runtime::{FlamegraphOptions, recorder};

use crate::args::Heap;
use crate::failure::Failure;
use crate::input::notice;
use crate::output;

pub(crate) fn run(asked: &Heap) -> Result<(), Failure> {
    let format = format(asked)?;
    if asked.compare.as_deref().is_some_and(|old| old == Path::new("-") && asked.file == Path::new("-")) {
        return Err(Failure::new("-: stdin can be read only once; give a file for the other"));
    }
    let mut snapshot = read(&asked.file)?;
    let mut old = asked.compare.as_deref().map(read).transpose()?;
    // Of each binary whether it is of either snapshot: two snapshots may be of two builds.
    let (mut of_new, mut of_old) = (Vec::new(), Vec::new());
    for binary in &asked.binaries {
        let new = snapshot.module_of(binary);
        let is_old = old.as_ref().is_some_and(|old| old.module_of(binary).is_ok());
        if is_old {
            of_old.push(binary.clone());
        }
        match new {
            Ok(_) => of_new.push(binary.clone()),
            Err(error) if !is_old => return Err(Failure::new(error.to_string())),
            Err(_) => {}
        }
    }
    name(&mut snapshot, &asked.file, &of_new)?;
    if let (Some(old), Some(path)) = (&mut old, &asked.compare) {
        name(old, path, &of_old)?;
    }
    output::to(asked.output.as_deref(), |out| match &old {
        Some(old) => write_change(&snapshot, old, asked, format, out),
        None => write(&snapshot, asked, format, out),
    })
}

/// What can be done is found out before anything is read.
fn format(asked: &Heap) -> Result<Format, Failure> {
    let target = asked.output.as_deref().filter(|path| *path != Path::new("-"));
    let format = match (asked.to, target) {
        (Some(format), _) => format,
        (None, Some(path)) => {
            Format::of(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?
        }
        (None, None) => Format::Text,
    };
    if asked.key.is_some() && format != Format::Text {
        return Err(Failure::new("rows by a key are text; leave --key away, or write a .txt"));
    }
    if asked.compare.is_some() && !matches!(format, Format::Text | Format::Flamegraph) {
        return Err(Failure::new("a difference is .txt or .svg; leave --compare away for other formats"));
    }
    if format == Format::Pprof {
        output::refuse_terminal(asked.output.as_ref(), profile_cost_runtime::Format::Pprof)?;
    }
    Ok(format)
}

/// Reads a snapshot, or stdin for `-`.
fn read(path: &Path) -> Result<Snapshot, Failure> {
    let mut start = [0; recorder::MAGIC.len()];
    let is_flight = File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && recorder::is_recording(&start);
    if is_flight {
        return of_flight(path);
    }
    let read = if path == Path::new("-") {
        Snapshot::read_dump(&mut BufReader::new(io::stdin().lock()))
    } else if path.is_dir() {
        Err(LoadError::Io(io::ErrorKind::IsADirectory.into()))
    } else {
        Snapshot::load(path)
    };
    read.map_err(|error| match error {
        LoadError::Io(error) => Failure::of_file(path, &error),
        other => Failure::new(format!("{}: {other}", path.display())),
    })
}

/// The last snapshot in a flight recorder's file.
fn of_flight(path: &Path) -> Result<Snapshot, Failure> {
    let failure = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let post_mortem = recorder::read(path).map_err(|error| failure(&error))?;
    match post_mortem.heap() {
        Some(snapshot) => snapshot.map_err(|error| failure(&error)),
        None => Err(failure(
            &"holds no snapshot of the heap; PROFILE_COST_HEAP=sample:512KiB in a program with a Tracker records it",
        )),
    }
}

/// Names what has no names yet, or what files were given for. What stays without is said on stderr; an error only
/// where files were given.
pub(super) fn name(snapshot: &mut Snapshot, path: &Path, binaries: &[PathBuf]) -> Result<(), Failure> {
    if (snapshot.named || snapshot.frames.is_empty()) && binaries.is_empty() {
        return Ok(());
    }
    match snapshot.name_from(binaries) {
        Ok(unnamed) => unnamed.iter().for_each(|module| notice(&module.to_string())),
        Err(error) if binaries.is_empty() => {
            notice(&format!("{}: addresses stay without names, give --binary: {error}", path.display()));
        }
        Err(error) => return Err(Failure::new(error.to_string())),
    }
    Ok(())
}

fn top(asked: &Heap) -> usize {
    if asked.top == 0 { usize::MAX } else { asked.top }
}

fn write(snapshot: &Snapshot, asked: &Heap, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let stacks = StackOptions { measure: asked.measure.into(), ..StackOptions::default() };
    match (asked.key, format) {
        (Some(key), _) => {
            snapshot.write_statistics_by(out, key, asked.measure.into(), asked.cumulative, asked.top)
        }
        (None, Format::Text) => {
            let options =
                ReportOptions { top: top(asked), source_line: Some(source_line), ..ReportOptions::default() };
            snapshot.write_report(out, &options)
        }
        (None, Format::Folded) => snapshot.write_folded(out, stacks),
        (None, Format::Flamegraph) => snapshot.write_flamegraph(out, stacks, &FlamegraphOptions::default()),
        (None, format) => snapshot.write(format, out),
    }
}

fn write_change(
    snapshot: &Snapshot,
    old: &Snapshot,
    asked: &Heap,
    format: Format,
    out: &mut dyn Write,
) -> io::Result<()> {
    match (asked.key, format) {
        (Some(key), _) => snapshot.write_comparison(old, out, key, asked.cumulative, asked.top),
        (None, Format::Flamegraph) => {
            let stacks = StackOptions { measure: asked.measure.into(), ..StackOptions::default() };
            snapshot.write_diff_flamegraph(old, out, stacks, &FlamegraphOptions::default())
        }
        _ => {
            let options =
                ReportOptions { top: top(asked), source_line: Some(source_line), ..ReportOptions::default() };
            snapshot.write_growth(old, out, &options)
        }
    }
}
