//! A snapshot grouped by line, file, stack, function, crate, call path, type or size.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::interval;
use super::mode::Mode;
use super::place::{Place, Places};
use super::size_class::SizeClass;
use super::snapshot::{Snapshot, Trace, TraceCounts};
use super::text::format_size;
use super::traceback::{Shown, Traceback};

/// What a snapshot is grouped by; the first three as in tracemalloc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// Source file and line of the innermost frame outside the standard library.
    Lineno,
    /// Source file of it.
    Filename,
    /// The whole stack.
    Traceback,
    /// Function of it.
    Function,
    /// Crate of it.
    Crate,
    /// The `#[profile_cost]` call path.
    CallPath,
    /// The type that owns the blocks.
    Type,
    /// [`super::SizeClass`] of the blocks.
    SizeClass,
}

const KEY_TYPES: [(&str, KeyType); 8] = [
    ("lineno", KeyType::Lineno),
    ("filename", KeyType::Filename),
    ("traceback", KeyType::Traceback),
    ("function", KeyType::Function),
    ("crate", KeyType::Crate),
    ("call-path", KeyType::CallPath),
    ("type", KeyType::Type),
    ("size", KeyType::SizeClass),
];

impl fmt::Display for KeyType {
    /// `lineno`, `filename`, `traceback` as in tracemalloc; `function`, `crate`, `call-path`, `type`, `size`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(KEY_TYPES.iter().find(|(_, key)| key == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for KeyType {
    type Err = String;

    /// # Errors
    /// A sentence that says what may be written.
    fn from_str(text: &str) -> Result<Self, String> {
        let names = KEY_TYPES.map(|(name, _)| name);
        let found = KEY_TYPES.iter().find(|(name, _)| *name == text.trim());
        found.map(|(_, key)| *key).ok_or_else(|| format!("use one of {}", names.join(", ")))
    }
}

/// Which blocks are counted and summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// Those not freed.
    #[default]
    Live,
    /// All that were allocated.
    Allocated,
    /// Those that were live at the peak.
    Peak,
    /// Those that were freed soon after. Their bytes are estimated by the mean size on each stack.
    Temporary,
    /// Bytes that `realloc` copied; how many blocks is not known and stays 0.
    Copied,
}

/// What the blocks of a row have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Key {
    /// One line, a file with line 0, or a stack.
    Traceback(Traceback),
    /// Function, crate, call path or type. `unknown` is the type of blocks whose type cannot be told, or was not asked.
    Name(String),
    /// Blocks of like size.
    SizeClass(SizeClass),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Traceback(traceback) => traceback.fmt(f),
            Key::Name(name) => Shown(name).fmt(f),
            Key::SizeClass(class) => class.fmt(f),
        }
    }
}

/// The name of the row of blocks whose type is not known.
pub(super) const UNKNOWN_TYPE: &str = "unknown";

/// What was summed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Amount {
    /// Bytes.
    pub(super) size: u64,
    /// Blocks.
    pub(super) count: u64,
    pub(super) samples: u64,
    /// Bytes squared.
    pub(super) variance: f64,
    /// What one sample more would have stood for, bytes; 0 without sampling.
    pub(super) rate: f64,
}

impl Amount {
    pub(super) fn add(&mut self, other: &Self) {
        self.size = self.size.saturating_add(other.size);
        self.count = self.count.saturating_add(other.count);
        self.samples = self.samples.saturating_add(other.samples);
        self.variance += other.variance;
        self.rate = self.rate.max(other.rate);
    }

    pub(super) fn interval(&self) -> (u64, u64) {
        interval::of(self.size, self.variance, self.rate)
    }

    /// Of a trace, in a snapshot of that mode.
    pub(super) fn of(trace: &Trace, mode: Mode, measure: Measure) -> Self {
        let counts = &trace.counts;
        let mean = |blocks: u64| {
            let bytes = u128::from(counts.allocated_bytes) * u128::from(blocks);
            u64::try_from(bytes / u128::from(counts.allocations.max(1))).unwrap_or(u64::MAX)
        };
        let (count, size) = match measure {
            Measure::Live => (counts.live_blocks(), counts.live_bytes()),
            Measure::Allocated => (counts.allocations, counts.allocated_bytes),
            Measure::Peak => (counts.peak_blocks, counts.peak_bytes),
            Measure::Temporary => (counts.temporary, mean(counts.temporary)),
            Measure::Copied => (0, counts.copied_bytes),
        };
        let rate = rate_of(counts, mode);
        let variance = match measure {
            Measure::Live => counts.variance,
            // How many samples it is from is not known; each stands for the rate at least, which is the worst case.
            Measure::Copied => size as f64 * rate,
            _ => interval::variance_of(size, count, rate),
        };
        let samples = if measure == Measure::Live { counts.samples } else { 0 };
        Self { size, count, samples, variance, rate }
    }
}

/// Bytes between the samples that the counts are made from; 0 when every block was recorded.
pub(super) fn rate_of(counts: &TraceCounts, mode: Mode) -> f64 {
    let of_mode = if let Mode::Sample { rate } = mode { rate as f64 } else { 0.0 };
    match counts.samples {
        // Recorded before sampling began.
        0 if counts.live_bytes() > 0 => 0.0,
        0 => of_mode,
        // The rate may have been another.
        samples => of_mode.max(interval::rate_of(samples, counts.variance)),
    }
}

/// A row: blocks that have a key in common. tracemalloc's `Statistic`, and printed as that is.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistic {
    /// What they have in common.
    pub key: Key,
    /// Bytes.
    pub size: u64,
    /// Blocks.
    pub count: u64,
    amount: Amount,
}

impl Statistic {
    pub(super) fn new(key: Key, amount: Amount) -> Self {
        Self { key, size: amount.size, count: amount.count, amount }
    }

    /// The line, file or stack; `None` of rows that are grouped by something else.
    #[must_use]
    pub fn traceback(&self) -> Option<&Traceback> {
        if let Key::Traceback(traceback) = &self.key { Some(traceback) } else { None }
    }

    /// Samples that live blocks are estimated from; 0 when every block was recorded, and of other measures.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.amount.samples
    }

    /// Variance of the bytes, bytes squared; 0 when every block was recorded.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.amount.variance
    }

    /// Whether the figures are estimates.
    #[must_use]
    pub fn is_estimate(&self) -> bool {
        self.amount.rate > 0.0 || self.amount.variance > 0.0
    }

    /// Bytes that the true size is between, in at least 90 % of recordings and mostly 95 %; twice the size itself when
    /// every block was recorded.
    #[must_use]
    pub fn interval(&self) -> (u64, u64) {
        self.amount.interval()
    }
}

impl fmt::Display for Statistic {
    /// `src/orders.rs:40: size=4096 B, count=2, average=2048 B`, as tracemalloc's `str(statistic)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: size={}, count={}", self.key, format_size(self.size as f64, false), self.count)?;
        write_average(f, self.size, self.count)
    }
}

pub(super) fn write_average(f: &mut fmt::Formatter<'_>, size: u64, count: u64) -> fmt::Result {
    if count == 0 {
        return Ok(());
    }
    write!(f, ", average={}", format_size(size as f64 / count as f64, false))
}

impl Snapshot {
    /// Live blocks by key, the largest sum first: tracemalloc's `Snapshot.statistics`.
    ///
    /// Each block counts on the line (function, ..) that allocated it; with `cumulative`, on every line of its stack,
    /// once each. (tracemalloc counts a line as often as it is on the stack, so that recursion exceeds the total.)
    /// For call paths, cumulative counts a block on each path that the allocating one goes through; for stacks, types
    /// and sizes it means nothing and changes nothing.
    #[must_use]
    pub fn statistics(&self, key_type: KeyType, cumulative: bool) -> Vec<Statistic> {
        self.statistics_by(key_type, Measure::Live, cumulative)
    }

    /// As [`Snapshot::statistics`], of other blocks than the live ones.
    #[must_use]
    pub fn statistics_by(&self, key_type: KeyType, measure: Measure, cumulative: bool) -> Vec<Statistic> {
        let mut rows: Vec<Statistic> = group(self, key_type, measure, cumulative)
            .into_iter()
            .map(|(key, amount)| Statistic::new(key, amount))
            .collect();
        rows.sort_unstable_by(|a, b| (b.size, b.count, &b.key).cmp(&(a.size, a.count, &a.key)));
        rows
    }

    /// What all traces come to, as one row named `total`.
    #[must_use]
    pub fn total(&self, measure: Measure) -> Statistic {
        let mut sum = Amount::default();
        if let Mode::Sample { rate } = self.mode
            && self.traces.is_empty()
        {
            sum.rate = rate as f64;
        }
        for trace in &self.traces {
            sum.add(&Amount::of(trace, self.mode, measure));
        }
        Statistic::new(Key::Name("total".to_owned()), sum)
    }
}

/// The sums by key. Keys without a block or byte are left out.
pub(super) fn group(
    snapshot: &Snapshot,
    key_type: KeyType,
    measure: Measure,
    cumulative: bool,
) -> HashMap<Key, Amount> {
    let mut groups = Groups { places: Places::new(snapshot), rows: Vec::new(), by_key: HashMap::new() };
    let traces = snapshot.traces.iter().map(|trace| (trace, Amount::of(trace, snapshot.mode, measure)));
    let traces = traces.filter(|(_, amount)| amount.size > 0 || amount.count > 0);
    match key_type {
        KeyType::Lineno | KeyType::Filename | KeyType::Function | KeyType::Crate => {
            groups.add_by_place(traces, key_type, cumulative);
        }
        KeyType::CallPath => groups.add_by_path(traces, cumulative),
        KeyType::Traceback => {
            let mut lines = HashMap::new();
            for (trace, amount) in traces {
                let places = groups.places.all(trace);
                let stack =
                    places.map(|at| lines.entry(at).or_insert_with(|| groups.places.line(at)).clone());
                let key = Key::Traceback(Traceback::from_innermost(stack));
                let row = groups.row(key);
                groups.rows[row].add(&amount);
            }
        }
        KeyType::Type => {
            for (trace, amount) in traces {
                let row = groups.row(Key::Name(snapshot.type_of(trace).to_owned()));
                groups.rows[row].add(&amount);
            }
        }
        KeyType::SizeClass => {
            for (trace, amount) in traces {
                let row = groups.row(Key::SizeClass(trace.size_class));
                groups.rows[row].add(&amount);
            }
        }
    }
    let rows = groups.rows;
    groups.by_key.into_iter().map(|(key, row)| (key, rows[row])).collect()
}

impl Snapshot {
    /// The name of the type that owns the trace's blocks.
    pub(super) fn type_of(&self, trace: &Trace) -> &str {
        let name = trace.type_id.and_then(|id| self.types.get(id as usize));
        name.map_or(UNKNOWN_TYPE, String::as_str)
    }
}

struct Groups<'a> {
    places: Places<'a>,
    rows: Vec<Amount>,
    by_key: HashMap<Key, usize>,
}

impl<'a> Groups<'a> {
    fn row(&mut self, key: Key) -> usize {
        *self.by_key.entry(key).or_insert_with(|| {
            self.rows.push(Amount::default());
            self.rows.len() - 1
        })
    }

    fn add_by_place(
        &mut self,
        traces: impl Iterator<Item = (&'a Trace, Amount)>,
        key_type: KeyType,
        cumulative: bool,
    ) {
        let mut by_place: HashMap<Place, usize> = HashMap::new();
        // Of each row, the trace that was last added to it.
        let mut last: Vec<usize> = Vec::new();
        for (number, (trace, amount)) in traces.enumerate() {
            let own = (!cumulative).then(|| self.places.own(trace));
            let all = cumulative.then(|| self.places.all(trace));
            for place in own.into_iter().chain(all.into_iter().flatten()) {
                let row = match by_place.get(&place) {
                    Some(&row) => row,
                    None => {
                        let row = self.row(key_of(&self.places, place, key_type));
                        by_place.insert(place, row);
                        last.resize(self.rows.len(), usize::MAX);
                        row
                    }
                };
                if last[row] != number {
                    last[row] = number;
                    self.rows[row].add(&amount);
                }
            }
        }
    }

    fn add_by_path(&mut self, traces: impl Iterator<Item = (&'a Trace, Amount)>, cumulative: bool) {
        let paths = self.places.paths();
        let mut sums = vec![None::<Amount>; paths.len()];
        let mut outside = None::<Amount>;
        for (trace, amount) in traces {
            let sum = trace.path.and_then(|path| sums.get_mut(path as usize));
            sum.unwrap_or(&mut outside).get_or_insert_default().add(&amount);
        }
        if cumulative {
            // Callers stand before those they call.
            for (at, path) in paths.iter().enumerate().rev() {
                if let (Some(amount), Some(parent)) = (sums[at], path.parent)
                    && let Some(parent) = sums[..at].get_mut(parent as usize)
                {
                    parent.get_or_insert_default().add(&amount);
                }
            }
        }
        let sums = (0..).zip(sums).map(|(path, sum)| (Some(path), sum)).chain([(None, outside)]);
        for (path, amount) in sums {
            if let Some(amount) = amount {
                let row = self.row(Key::Name(self.places.call_path(path)));
                self.rows[row].add(&amount);
            }
        }
    }
}

fn key_of(places: &Places<'_>, place: Place, key_type: KeyType) -> Key {
    match key_type {
        KeyType::Lineno => Key::Traceback(Traceback::from_innermost([places.line(place)])),
        KeyType::Filename => Key::Traceback(Traceback::from_innermost([places.file(place)])),
        KeyType::Crate => Key::Name(places.crate_name(place)),
        _ => Key::Name(places.function(place)),
    }
}
