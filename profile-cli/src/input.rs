//! Files in: names with wildcards, stdin, and what each file holds.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use profile_cost_runtime::{Profile, Recording, Restriction, Stats, recorder};

use crate::approximate;
use crate::failure::Failure;
use crate::progress::Progress;

/// Longer input is refused: it would have to be held in memory.
const LONGEST: u64 = 2 << 30;

/// What snapshots of the heap begin with.
const HEAP: &[u8] = b"profile-cost heap ";

/// A file that was read.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) recording: Recording,
}

impl Input {
    /// Reads a file, or stdin for `-`.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = if path == Path::new("-") {
            content(&mut io::stdin().lock())
        } else {
            File::open(path).and_then(|mut file| {
                if file.metadata()?.is_dir() {
                    return Err(io::ErrorKind::IsADirectory.into());
                }
                content(&mut file)
            })
        };
        let bytes = bytes.map_err(|error| Failure::of_file(path, &error))?;
        if bytes.starts_with(HEAP) {
            return Err(Failure::new(format!(
                "{}: a snapshot of the heap; read it with `cargo profile-cost heap`",
                path.display()
            )));
        }
        if recorder::is_recording(&bytes) {
            let post_mortem = recorder::read_bytes(&bytes);
            let post_mortem =
                post_mortem.map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
            post_mortem.notes.iter().for_each(|note| notice(&format!("{}: {note}", path.display())));
            return Ok(Self { path: path.to_owned(), recording: Recording::Profile(post_mortem.profile) });
        }
        let recording =
            Recording::read(&bytes).map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        Ok(Self { path: path.to_owned(), recording })
    }

    /// The call tree. That of a pstats dump is put together from who called whom, which is said on stderr.
    pub(crate) fn into_profile(self) -> Profile {
        match self.recording {
            Recording::Profile(profile) => profile,
            other => {
                notice(&format!(
                    "{}: a pstats dump holds no call paths; they are estimated from who called whom",
                    self.path.display()
                ));
                approximate::profile(&other.stats())
            }
        }
    }
}

/// Says something on stderr that is no error.
pub(crate) fn notice(text: &str) {
    let text: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    let _ = io::Write::write_all(&mut io::stderr(), format!("note: {text}\n").as_bytes());
}

fn content(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // What is no profile from its first byte on is not read to its end: `/dev/zero` has none.
    from.take(1).read_to_end(&mut bytes)?;
    if bytes.first().is_some_and(|b| {
        !matches!(b, b'{' | b'[' | 0xef | 0xfe | 0xff) && b & 0x7f != b'{' && !b.is_ascii_whitespace()
    }) {
        from.take(1 << 10).read_to_end(&mut bytes)?;
        if !recorder::is_recording(&bytes) {
            return Ok(bytes);
        }
    }
    from.take(LONGEST).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "longer than 2 GiB; merge fewer profiles into it",
        ));
    }
    Ok(bytes)
}

/// The statistics of all files: the first, and the others added to it.
pub(crate) fn stats(paths: &[PathBuf]) -> Result<Stats, Failure> {
    let mut progress = Progress::new(paths.len());
    let mut sum: Option<Stats> = None;
    for path in paths {
        let stats = Input::read(path)?.recording.stats();
        match &mut sum {
            Some(sum) => {
                sum.add(&stats);
            }
            None => sum = Some(stats),
        }
        progress.step();
    }
    sum.ok_or_else(|| Failure::new("no file to read"))
}

/// The files that the arguments name, wildcards expanded; stdin at most once.
pub(crate) fn files(names: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for name in names {
        match expanded(name)? {
            Some(matches) if matches.is_empty() => {
                return Err(Failure::new(format!("{}: no file matches; check the pattern", name.display())));
            }
            Some(matches) => files.extend(matches),
            None => files.push(name.clone()),
        }
    }
    if files.iter().filter(|file| file.as_path() == Path::new("-")).count() > 1 {
        return Err(Failure::new("-: stdin can be read only once; give a file for the other"));
    }
    Ok(files)
}

/// What a name with wildcards stands for, where no file is really called so.
fn expanded(name: &Path) -> Result<Option<Vec<PathBuf>>, Failure> {
    let text = name.to_string_lossy();
    if !text.contains(['*', '?', '[']) || name.exists() {
        return Ok(None);
    }
    let paths = glob::glob(&text).map_err(|error| Failure::new(format!("{text}: {error}")))?;
    let mut matches: Vec<PathBuf> = paths.filter_map(Result::ok).collect();
    matches.sort();
    Ok(Some(matches))
}

/// Positional arguments: files, then restrictions. The first is always a file; of the others those are files that
/// are there.
pub(crate) fn files_and_restrictions(
    words: &[std::ffi::OsString],
) -> Result<(Vec<PathBuf>, Vec<Restriction>), Failure> {
    let mut names: Vec<PathBuf> = Vec::new();
    let mut restrictions = Vec::new();
    for word in words {
        let path = PathBuf::from(word);
        let text = word.to_string_lossy();
        let is_number = text.parse::<f64>().is_ok();
        let is_file = || {
            path == Path::new("-")
                || path.exists()
                || expanded(&path).is_ok_and(|found| found.is_some_and(|found| !found.is_empty()))
        };
        if names.is_empty() || (restrictions.is_empty() && !is_number && is_file()) {
            names.push(path);
        } else if !is_number && [".json", ".prof", ".pstats"].iter().any(|end| text.ends_with(end)) {
            return Err(Failure::new(format!("{text}: no such file; if it is a pattern, give it after -r")));
        } else {
            restrictions.push(restriction(&text)?);
        }
    }
    Ok((files(&names)?, restrictions))
}

/// A number of lines, a fraction, or a pattern: as pstats' browser reads them.
pub(crate) fn restriction(word: &str) -> Result<Restriction, Failure> {
    word.parse().map_err(|error: String| Failure::new(format!("{word}: {error}")))
}
