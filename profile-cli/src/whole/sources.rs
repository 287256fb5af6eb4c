//! The profiler's own sources, as they were when this tool was built.

use std::fs;
use std::io;
use std::path::Path;

include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// Names in the package's folder, and texts. Packages are `runtime`, `macros` and `facade`; of the first there is a
/// manifest.
pub(super) fn of(package: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().filter_map(move |(name, text)| Some((name.strip_prefix(package)?.strip_prefix('/')?, *text)))
}

/// Writes the package's files into `folder`; files that are as they should be keep their dates.
pub(super) fn unpack(package: &str, folder: &Path) -> io::Result<()> {
    for (name, text) in of(package) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            fs::write(&path, text)?;
        }
    }
    Ok(())
}
