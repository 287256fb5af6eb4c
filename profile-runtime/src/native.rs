//! What the native JSON form calls things; its writer and its reader both go by this. `docs/json.md` explains it.

use crate::profile::Counts;

/// The first key of a file, and the version that is written and read.
pub(crate) const VERSION_KEY: &str = "profile_cost";
pub(crate) const VERSION: u64 = 1;

/// What times in a file are in; the keys of times end in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Nanoseconds,
    /// Of [`crate::Profile::seconds_per_tick`]: profiles that were not recorded by this crate.
    Ticks,
}

impl Unit {
    pub(crate) fn of(seconds_per_tick: f64) -> Self {
        if seconds_per_tick == 1e-9 { Self::Nanoseconds } else { Self::Ticks }
    }

    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Nanoseconds => "_ns",
            Self::Ticks => "_ticks",
        }
    }

    /// The key of a time without its unit, and the unit.
    #[cfg(feature = "read")]
    pub(crate) fn split(key: &str) -> (&str, Option<Self>) {
        let units = [Self::Nanoseconds, Self::Ticks];
        let found = units.into_iter().find_map(|unit| Some((key.strip_suffix(unit.suffix())?, Some(unit))));
        found.unwrap_or((key, None))
    }
}

/// The keys of the notes that say what the whole process asked of the heap.
pub(crate) const PROCESS_HEAP: [&str; 5] = [
    "process_allocations",
    "process_allocated_bytes",
    "process_frees",
    "process_freed_bytes",
    "process_heap_samples",
];

/// One number of [`Counts`].
pub(crate) struct Column {
    /// Without the unit, where it is a time.
    pub(crate) key: &'static str,
    pub(crate) is_time: bool,
    pub(crate) get: fn(&Counts) -> u64,
    #[cfg(feature = "read")]
    pub(crate) get_mut: fn(&mut Counts) -> &mut u64,
}

macro_rules! column {
    ($key:literal, $is_time:literal, $($field:ident).+) => {
        Column {
            key: $key,
            is_time: $is_time,
            get: |counts| counts.$($field).+,
            #[cfg(feature = "read")]
            get_mut: |counts| &mut counts.$($field).+,
        }
    };
}

/// All of them.
pub(crate) const COLUMNS: [Column; 15] = [
    column!("calls", false, starts),
    column!("folded_calls", false, folded),
    column!("returned", false, returned),
    column!("panicked", false, panicked),
    column!("cancelled", false, cancelled),
    column!("self_busy", true, self_busy),
    column!("self_await", true, self_await),
    column!("polls", false, polls),
    column!("longest_poll", true, longest_poll),
    column!("untimed_calls", false, untimed),
    column!("allocations", false, heap.allocations),
    column!("allocated_bytes", false, heap.allocated_bytes),
    column!("frees", false, heap.frees),
    column!("freed_bytes", false, heap.freed_bytes),
    column!("heap_samples", false, heap.samples),
];
