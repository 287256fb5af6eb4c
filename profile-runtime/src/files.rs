//! A profile into a file: the extension picks the renderer, and no file is ever half written.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::profile::Profile;
#[cfg(feature = "flamegraph")]
use crate::render::FlamegraphOptions;
use crate::render::Metric;
use crate::report;
use crate::stats::SortKey;

/// What a file name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    /// `.svg`: flamegraph of busy and suspended time.
    #[cfg(feature = "flamegraph")]
    Flamegraph,
    /// `.folded`: one line a path, nanoseconds.
    Folded,
    /// `.txt`: the report for people.
    Text,
}

impl FileFormat {
    /// # Errors
    /// A sentence with the remedy when the extension is none that is written.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        match path.extension().and_then(|e| e.to_str()) {
            #[cfg(feature = "flamegraph")]
            Some("svg") => Ok(Self::Flamegraph),
            #[cfg(not(feature = "flamegraph"))]
            Some("svg") => Err("built without the feature `flamegraph`; use .folded or .txt".to_owned()),
            Some("folded") => Ok(Self::Folded),
            Some("txt") => Ok(Self::Text),
            _ => Err("not a kind of file that can be written; use .svg, .folded or .txt".to_owned()),
        }
    }
}

/// Writes the profile in the format of the path's extension, beside the target first and then renamed, so
/// that whoever reads the path sees a whole file.
///
/// # Errors
/// When the extension is unknown ([`io::ErrorKind::InvalidInput`]) or the file cannot be written.
pub(crate) fn write(profile: &Profile, path: &Path) -> io::Result<()> {
    let format = FileFormat::of(path).map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = Path::new(&beside);
    let written = File::create(beside).and_then(|file| {
        let mut writer = BufWriter::new(file);
        render(profile, format, &mut writer)?;
        writer.flush()
    });
    let written = written.and_then(|()| fs::rename(beside, path));
    if written.is_err() {
        let _ = fs::remove_file(beside);
    }
    written
}

fn render(profile: &Profile, format: FileFormat, writer: &mut impl Write) -> io::Result<()> {
    match format {
        #[cfg(feature = "flamegraph")]
        FileFormat::Flamegraph => profile.write_flamegraph(writer, &FlamegraphOptions::new(Metric::Task)),
        FileFormat::Folded => profile.write_folded(writer, Metric::Task),
        FileFormat::Text => report::write(profile, &[SortKey::Cumulative], usize::MAX, writer),
    }
}
