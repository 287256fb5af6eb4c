//! The folder of a plan. It is in use from the planning to the end of the run; of those that are not, the last few stay.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// How many are kept beside the one in use: a user goes back and forth between a few settings.
const KEPT: usize = 4;
/// What their names begin with.
const PLAN: &str = "plan-";
/// The same, once they are not to be found any more.
const REMOVED: &str = "removed-";
/// In each of them: locked by those at it, and as old as its last use.
const USED: &str = "used";

/// A plan's folder, in use.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) path: PathBuf,
    _used: File,
}

impl Home {
    /// The folder in `folder` of the plan with this hash; others are removed if they are too many.
    ///
    /// One that was removed comes again under another name: what cargo still knows of its builds is not taken for new.
    pub(crate) fn of(folder: &Path, hash: &str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        // Else a folder could be taken that is just being removed.
        let lock = File::create(folder.join("plans.lock"))?;
        lock.lock()?;
        let start = format!("{PLAN}{hash}-");
        let known = starting_with(&start, folder)?.into_iter().next();
        let path = known.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            folder.join(format!("{start}{:x}", since.as_micros()))
        });
        fs::create_dir_all(&path)?;
        let used = File::create(path.join(USED))?;
        used.lock_shared()?;
        used.set_modified(SystemTime::now())?;
        hide_old(folder, &path)?;
        drop(lock);
        for removed in starting_with(REMOVED, folder)? {
            // Somebody else may be at it, and what is left is tried again.
            let _ = fs::remove_dir_all(removed);
        }
        Ok(Self { path, _used: used })
    }
}

/// Renames those that nobody needs.
fn hide_old(folder: &Path, own: &Path) -> io::Result<()> {
    let mut others = starting_with(PLAN, folder)?;
    others.retain(|path| path != own);
    others.sort_by_key(|path| std::cmp::Reverse(last_use(path)));
    for old in others.into_iter().skip(KEPT) {
        // NOTE: not emptied, which would be a use.
        let used = File::options().append(true).create(true).open(old.join(USED))?;
        if used.try_lock().is_ok()
            && let Some(name) = old.file_name()
        {
            fs::rename(&old, folder.join(format!("{REMOVED}{}", name.to_string_lossy())))?;
        }
    }
    Ok(())
}

/// Those of tools that did not write it down are as old as what is in them.
fn last_use(path: &Path) -> Option<SystemTime> {
    let metadata = fs::metadata(path.join(USED)).or_else(|_| fs::metadata(path));
    metadata.and_then(|metadata| metadata.modified()).ok()
}

fn starting_with(start: &str, folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    Ok(named.map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_few_and_those_in_use_stay() {
        let folder = std::env::temp_dir().join(format!("profile-cost-home-{}", std::process::id()));
        let hashes = || {
            let mut paths = starting_with("", &folder).unwrap();
            paths.sort();
            let names = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
            names.map(|name| name.rsplit_once('-').unwrap().0.to_owned()).collect::<Vec<_>>().join(" ")
        };
        let take = |hash| Home::of(&folder, hash).unwrap().path;
        let in_use = Home::of(&folder, "0").unwrap();
        let first = take("1");
        fs::write(first.join("plan.json"), "{}").unwrap();
        for hash in ["2", "3", "4"] {
            take(hash);
        }
        assert_eq!(take("1"), first);
        assert!(first.join("plan.json").exists());
        assert_eq!(hashes(), "plan-0 plan-1 plan-2 plan-3 plan-4");
        take("5");
        take("6");
        assert_eq!(hashes(), "plan-0 plan-1 plan-3 plan-4 plan-5 plan-6");
        drop(in_use);
        for hash in ["7", "8", "9"] {
            take(hash);
        }
        assert_eq!(hashes(), "plan-5 plan-6 plan-7 plan-8 plan-9");
        assert_ne!(take("1"), first);
        // Of a tool that did not say when it was used, and what somebody left when he was stopped.
        fs::create_dir(folder.join("plan-old-0")).unwrap();
        fs::create_dir(folder.join("removed-0")).unwrap();
        take("1");
        assert_eq!(hashes(), "plan-1 plan-7 plan-8 plan-9 plan-old");
        fs::remove_dir_all(&folder).unwrap();
    }
}
