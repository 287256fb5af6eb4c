//! The folder of the files: a name for each process, the last few kept, and which of them are of processes that live.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What the files' names end with.
pub(super) const EXTENSION: &str = "flight";

/// Makes the file of this process, and the folder where it is not there. The file is locked as long as it is open.
///
/// # Errors
/// Those of the file system. A link is not followed, and a file that is there is not opened.
pub(super) fn create(folder: &Path, program: &str, seconds: u64) -> io::Result<(File, PathBuf)> {
    fs::create_dir_all(folder)?;
    let program: String = program
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .take(64)
        .collect();
    let stem = format!("{program}-{seconds}-{}", std::process::id());
    let mut number = 0;
    loop {
        let more = if number == 0 { String::new() } else { format!(".{number}") };
        let path = folder.join(format!("{stem}{more}.{EXTENSION}"));
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(&path);
        match opened {
            Ok(file) => {
                // Where a file system has no locks nobody can tell whether the process lives.
                lock(&file, libc::LOCK_EX);
                return Ok((file, path));
            }
            // A process of that number, in that second, in another container.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 100 => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn lock(file: &File, how: i32) -> bool {
    // SAFETY: the descriptor is open.
    unsafe { libc::flock(file.as_raw_fd(), how | libc::LOCK_NB) == 0 }
}

/// True when the process that writes the file lives.
pub(super) fn is_alive(file: &File) -> bool {
    if lock(file, libc::LOCK_SH) {
        lock(file, libc::LOCK_UN);
        return false;
    }
    io::Error::last_os_error().raw_os_error() == Some(libc::EWOULDBLOCK)
}

/// When a file's process began to record, seconds since 1970, as its name says. NOTE: what is written to a mapped page changes
/// the file's own time only now and then.
fn began(path: &Path) -> Option<i64> {
    let mut parts = path.file_stem()?.to_str()?.rsplit('-');
    parts.next()?;
    parts.next()?.parse().ok()
}

/// The files in a folder, those that were begun last first.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(entry) = entry else { continue };
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        // Of the entry itself: a link is none of ours.
        let Ok(data) = entry.metadata() else { continue };
        if data.is_file() {
            let began = began(&path).unwrap_or(data.mtime());
            files.push(((began, data.mtime(), data.mtime_nsec()), path));
        }
    }
    files.sort_unstable_by(|one, other| other.cmp(one));
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// The newest file of a process that has ended, opened.
pub(super) fn newest_ended(folder: &Path) -> Option<File> {
    files(folder).ok()?.iter().filter_map(|path| open(path).ok()).find(|file| !is_alive(file))
}

/// Opens a file of the folder, and nothing else.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// Removes all but the newest `keep` of processes that have ended and are of this user.
pub(super) fn prune(folder: &Path, keep: usize) {
    let Ok(files) = files(folder) else { return };
    let ended = files.into_iter().filter(|path| open(path).is_ok_and(|file| !is_alive(&file)));
    for path in ended.skip(keep) {
        // One that another process removes meanwhile is gone as well.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_it_was_begun() {
        assert_eq!(began(Path::new("/a/my-shop-1796000000-7.flight")), Some(1_796_000_000));
        assert_eq!(began(Path::new("shop-1796000000-7.1.flight")), Some(1_796_000_000));
        assert_eq!(began(Path::new("other.flight")), None);
    }
}
