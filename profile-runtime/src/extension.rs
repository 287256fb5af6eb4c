//! Which of several formats the extension of a file's name asks for.

use std::io;
use std::path::Path;

/// The extensions of one kind of files.
#[derive(Debug)]
pub(crate) struct Extensions<F: 'static> {
    /// What is written so, as in "not a kind of file that a profile can be written as".
    pub(crate) what: &'static str,
    /// Extension, format. The first that the file's name ends with holds.
    pub(crate) known: &'static [(&'static str, F)],
}

/// What can be asked for only in a build with the feature: extension, feature.
pub(crate) const MISSING: &[(&str, &str)] = &[
    #[cfg(not(feature = "flamegraph"))]
    (".svg", "flamegraph"),
    #[cfg(not(feature = "pprof"))]
    (".pb.gz", "pprof"),
    #[cfg(not(feature = "pprof"))]
    (".pprof", "pprof"),
];

/// The last part of a path, as extensions are compared with.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

impl<F: Copy> Extensions<F> {
    /// The format that the file's name asks for.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`], with a sentence that says which extensions there are.
    pub(crate) fn format_of(&self, path: &Path) -> io::Result<F> {
        let name = name_of(path);
        if let Some((_, format)) = self.known.iter().find(|(extension, _)| name.ends_with(extension)) {
            return Ok(*format);
        }
        let missing = MISSING.iter().find(|(extension, _)| name.ends_with(extension));
        let known = self.known.iter().map(|(extension, _)| *extension).collect::<Vec<_>>().join(", ");
        let error = match missing {
            Some((_, feature)) => format!("built without the feature `{feature}`; use one of {known}"),
            None => format!("not a kind of file that {} can be written as; use one of {known}", self.what),
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, error))
    }
}
