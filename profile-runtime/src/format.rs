//! A profile into a file or a stream: which formats there are, and which one a file's extension asks for.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::extension::{self, Extensions};
use crate::profile::Profile;
#[cfg(feature = "flamegraph")]
use crate::render::FlamegraphOptions;
use crate::render::Metric;
use crate::report;
use crate::stats::SortKey;

/// A kind of file that a profile can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `.svg`: flamegraph of busy and suspended time.
    #[cfg(feature = "flamegraph")]
    Flamegraph,
    /// `.folded`: one line a path, nanoseconds busy and suspended.
    Folded,
    /// `.txt`: the report for people.
    Text,
    /// `.json`: the native form, which loses nothing.
    Json,
    /// `.prof`, `.pstats`: what Python's cProfile dumps, for pstats and its tools.
    Pstats,
    /// `.pb.gz`, `.pprof`: for `go tool pprof`.
    #[cfg(feature = "pprof")]
    Pprof,
    /// `.callgrind`, `callgrind.out.*`: for KCachegrind and callgrind_annotate.
    Callgrind,
    /// `.speedscope.json`, `.speedscope`: for speedscope.
    Speedscope,
    /// `.html`: one page with table and flamegraph.
    Html,
}

const EXTENSIONS: Extensions<Format> = Extensions {
    what: "a profile",
    known: &[
        #[cfg(feature = "flamegraph")]
        (".svg", Format::Flamegraph),
        (".folded", Format::Folded),
        (".txt", Format::Text),
        (".speedscope.json", Format::Speedscope),
        (".speedscope", Format::Speedscope),
        (".json", Format::Json),
        (".prof", Format::Pstats),
        (".pstats", Format::Pstats),
        #[cfg(feature = "pprof")]
        (".pb.gz", Format::Pprof),
        #[cfg(feature = "pprof")]
        (".pprof", Format::Pprof),
        (".callgrind", Format::Callgrind),
        (".html", Format::Html),
    ],
};

impl Format {
    /// The format that the file's name asks for.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`], with a sentence that says which extensions there are.
    pub fn of(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        EXTENSIONS.format_of(path).or_else(|error| {
            let is_callgrinds_own = extension::name_of(path).starts_with("callgrind.out");
            if is_callgrinds_own { Ok(Self::Callgrind) } else { Err(error) }
        })
    }
}

impl Profile {
    /// Writes the profile in that format: see the method of each (`write_json`, `write_pstats`, ..) for what
    /// it holds. Flamegraph and folded stacks show [`Metric::Task`].
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, format: Format, writer: &mut dyn Write) -> io::Result<()> {
        match format {
            #[cfg(feature = "flamegraph")]
            Format::Flamegraph => self.write_flamegraph(writer, &FlamegraphOptions::new(Metric::Task)),
            Format::Folded => self.write_folded(writer, Metric::Task),
            Format::Text => report::write(self, &[SortKey::Cumulative], usize::MAX, writer),
            Format::Json => self.write_json(writer),
            Format::Pstats => self.write_pstats(writer),
            #[cfg(feature = "pprof")]
            Format::Pprof => self.write_pprof(writer),
            Format::Callgrind => self.write_callgrind(writer),
            Format::Speedscope => self.write_speedscope(writer),
            Format::Html => self.write_html(writer),
        }
    }

    /// Writes the profile to a file, in the format of its extension ([`Format::of`]).
    ///
    /// # Errors
    /// When the extension is unknown ([`io::ErrorKind::InvalidInput`]) or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let format = Format::of(&path)?;
        write_file(path.as_ref(), |writer| self.write(format, writer))
    }
}

/// Writes a file whole or not at all: beside the target first, then renamed, so that whoever reads the path
/// sees either what was there before or all that `content` wrote.
///
/// # Errors
/// Those of the file system and of `content`; the target is untouched then.
pub fn write_file(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        // A pipe or a device (`/dev/stdout`) is written to, not replaced.
        let mut writer = BufWriter::new(fs::OpenOptions::new().write(true).open(path)?);
        content(&mut writer)?;
        return writer.flush();
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = Path::new(&beside);
    let written = File::create(beside).and_then(|file| {
        let mut writer = BufWriter::new(file);
        content(&mut writer)?;
        writer.flush()
    });
    let written = written.and_then(|()| fs::rename(beside, path));
    if written.is_err() {
        let _ = fs::remove_file(beside);
    }
    written
}
