//! The reports that are made without being asked for each time: of single calls, and at exit.

use std::io::{self, Write};
use std::time::Duration;

use crate::profile::Profile;
use crate::stats::{SortKey, Stats};
use crate::stderr;

/// How long a call that is reported on waits for somebody to read on, where stderr does not wait by itself.
const PATIENCE: Duration = Duration::from_millis(100);

/// What `report`, `report_over`, `top`, `sort` and `log_target` ask for. Lives in a `static`, or with a layer.
#[derive(Clone, Debug)]
pub struct Report {
    /// Print only calls that took at least this long, nanoseconds; 0 prints all.
    pub over_ns: u64,
    /// Rows to print.
    pub top: u32,
    /// A pstats sort key.
    pub sort: &'static str,
    /// Target of the log record.
    pub log_target: &'static str,
}

impl Report {
    /// Prints the report of one call: to the log where a logger takes it, to stderr otherwise.
    pub(crate) fn print(&self, profile: &Profile) {
        if profile.duration.as_nanos() < u128::from(self.over_ns) {
            return;
        }
        let keys: Vec<SortKey> = self.sort.split(',').filter_map(|key| key.trim().parse().ok()).collect();
        let mut text = Vec::new();
        if write(profile, &keys, self.top as usize, &mut text).is_err() {
            return;
        }
        let text = String::from_utf8_lossy(&text);
        if log::log_enabled!(target: self.log_target, log::Level::Info) {
            log::info!(target: self.log_target, "{text}");
        } else {
            let _ = stderr::write(text.as_bytes(), PATIENCE);
        }
    }
}

/// Directories stripped, sorted, the functions and then their callers.
pub(crate) fn write(
    profile: &Profile,
    keys: &[SortKey],
    top: usize,
    writer: &mut dyn Write,
) -> io::Result<()> {
    let mut stats = Stats::new(profile);
    stats.strip_dirs().sort_stats(keys.iter().copied());
    stats.print_stats(&mut *writer, top)?.print_callers(&mut *writer, top)?;
    Ok(())
}
