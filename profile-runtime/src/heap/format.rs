//! A heap snapshot into a file or a stream: which formats there are, and which one a file's extension asks for.

use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

use super::render::{ReportOptions, StackOptions};
use super::snapshot::Snapshot;
use crate::extension::{Extensions, MISSING};
#[cfg(feature = "flamegraph")]
use crate::render::FlamegraphOptions;

/// A kind of file that a heap snapshot can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `.heap.txt`, `.txt`: the report for people.
    Text,
    /// `.json`: for programs.
    Json,
    /// `.folded`: one line a stack, live bytes.
    Folded,
    /// `.svg`: flamegraph of live bytes.
    #[cfg(feature = "flamegraph")]
    Flamegraph,
    /// `.pb.gz`, `.pprof`: for `go tool pprof`.
    #[cfg(feature = "pprof")]
    Pprof,
    /// `.dhat.json`: for valgrind's `dh_view.html`.
    Dhat,
    /// `.heap`: the snapshot itself, for [`Snapshot::load`] and `cargo profile-cost heap`.
    Dump,
}

const EXTENSIONS: Extensions<Format> = Extensions {
    what: "a heap snapshot",
    known: &[
        (".heap.txt", Format::Text),
        (".txt", Format::Text),
        (".dhat.json", Format::Dhat),
        (".json", Format::Json),
        (".folded", Format::Folded),
        (".heap", Format::Dump),
        #[cfg(feature = "flamegraph")]
        (".svg", Format::Flamegraph),
        #[cfg(feature = "pprof")]
        (".pb.gz", Format::Pprof),
        #[cfg(feature = "pprof")]
        (".pprof", Format::Pprof),
    ],
};

/// Name, format.
const NAMES: &[(&str, Format)] = &[
    ("text", Format::Text),
    ("json", Format::Json),
    ("folded", Format::Folded),
    #[cfg(feature = "flamegraph")]
    ("svg", Format::Flamegraph),
    #[cfg(feature = "pprof")]
    ("pprof", Format::Pprof),
    ("dhat", Format::Dhat),
    ("dump", Format::Dump),
];

impl Format {
    /// The format that the file's name asks for.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`], with a sentence that says which extensions there are.
    pub fn of(path: impl AsRef<Path>) -> io::Result<Self> {
        EXTENSIONS.format_of(path.as_ref())
    }

    /// What the format is called where there is no file: `text`, `json`, `folded`, `svg`, `pprof`, `dhat`, `dump`.
    /// [`FromStr`] reads it back.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, format)| *format == self).map_or("", |(name, _)| name)
    }
}

impl FromStr for Format {
    type Err = String;

    /// The error names the formats that there are.
    fn from_str(text: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, format)| *format);
        found.ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            match MISSING.iter().find(|(extension, _)| extension.trim_start_matches('.') == text) {
                Some((_, feature)) => {
                    format!("built without the feature `{feature}`; use one of {}", known.join(", "))
                }
                None => format!("not a format of heap snapshots; use one of {}", known.join(", ")),
            }
        })
    }
}

impl Snapshot {
    /// Writes the snapshot in that format, with the options that are usual: live bytes in folded stacks and
    /// flamegraph. See the method of each (`write_json`, `write_pprof`, ..) for what it holds.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, format: Format, writer: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Text => self.write_report(writer, &ReportOptions::default()),
            Format::Json => self.write_json(writer),
            Format::Folded => self.write_folded(writer, StackOptions::default()),
            #[cfg(feature = "flamegraph")]
            Format::Flamegraph => {
                self.write_flamegraph(writer, StackOptions::default(), &FlamegraphOptions::default())
            }
            #[cfg(feature = "pprof")]
            Format::Pprof => self.write_pprof(writer),
            Format::Dhat => self.write_dhat(writer),
            Format::Dump => self.write_dump(writer),
        }
    }

    /// Writes the snapshot to a file, in the format of its extension ([`Format::of`]), whole or not at all.
    ///
    /// # Errors
    /// When the extension is unknown ([`io::ErrorKind::InvalidInput`]) or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let format = Format::of(&path)?;
        crate::format::write_file(path.as_ref(), |writer| self.write(format, writer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_ask_for_formats() {
        for (file, name) in [
            ("heap.txt", "text"),
            ("a.heap.txt", "text"),
            ("out/a.json", "json"),
            ("A.DHAT.JSON", "dhat"),
            ("a.heap", "dump"),
            ("a.folded", "folded"),
            #[cfg(feature = "flamegraph")]
            ("a.svg", "svg"),
            #[cfg(feature = "pprof")]
            ("a.pb.gz", "pprof"),
            #[cfg(feature = "pprof")]
            ("a.pprof", "pprof"),
        ] {
            let format = Format::of(file).expect(file);
            assert_eq!(format.name(), name, "{file}");
            assert_eq!(name.parse(), Ok(format));
        }
        for file in ["", "json", "a.xml", "a.json/b"] {
            let error = Format::of(file).expect_err(file).to_string();
            assert!(error.contains(".dhat.json"), "{error}");
        }
        let error = "xml".parse::<Format>().expect_err("no such format");
        assert!(error.contains("folded"), "{error}");
    }
}
