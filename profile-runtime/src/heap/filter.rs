//! Which traces of a snapshot count: tracemalloc's filters, and more of the kind.

use super::pattern::Pattern;
use super::place::{Place, Places};
use super::snapshot::{Snapshot, Trace};

/// Takes the traces in that match (inclusive), or leaves them out: tracemalloc's `Filter`.
///
/// Patterns are those of Python's `fnmatch`, and the whole name has to match: `*`, `?`, `[a-z]`, `[!a-z]`; case counts.
/// Two habits of Python have no counterpart: that `.pyc` in a pattern means `.py`, and `DomainFilter`, as a domain is
/// told by the C function that allocated, and here all blocks are of one.
///
/// ```
/// # use profile_cost_runtime::heap::{Filter, Snapshot};
/// # let snapshot = Snapshot::new();
/// let own = snapshot.filter_traces(&[Filter::new(true, "src/*"), Filter::of_type(false, "String")]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    inclusive: bool,
    pattern: Pattern,
    what: What,
    lineno: Option<u32>,
    all_frames: bool,
}

/// What has to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    File,
    Function,
    Crate,
    Type,
    CallPath,
}

impl Filter {
    fn of(inclusive: bool, pattern: &str, what: What) -> Self {
        Self { inclusive, pattern: Pattern::new(pattern), what, lineno: None, all_frames: false }
    }

    /// By source file of the line that the blocks count on.
    #[must_use]
    pub fn new(inclusive: bool, filename_pattern: &str) -> Self {
        Self::of(inclusive, filename_pattern, What::File)
    }

    /// By function of it, with module path and generic arguments: `app::orders::*`.
    #[must_use]
    pub fn function(inclusive: bool, pattern: &str) -> Self {
        Self::of(inclusive, pattern, What::Function)
    }

    /// By crate of it.
    #[must_use]
    pub fn of_crate(inclusive: bool, pattern: &str) -> Self {
        Self::of(inclusive, pattern, What::Crate)
    }

    /// By the type that owns the blocks; `unknown` where it cannot be told.
    #[must_use]
    pub fn of_type(inclusive: bool, pattern: &str) -> Self {
        Self::of(inclusive, pattern, What::Type)
    }

    /// By `#[profile_cost]` call path, as [`super::KeyType::CallPath`] prints it: `main -> load -> *`.
    #[must_use]
    pub fn call_path(inclusive: bool, pattern: &str) -> Self {
        Self::of(inclusive, pattern, What::CallPath)
    }

    /// Only that line of the file. Of no consequence to types and call paths.
    #[must_use]
    pub fn lineno(mut self, lineno: u32) -> Self {
        self.lineno = Some(lineno);
        self
    }

    /// Any line (function, crate) of the stack may match, not only the one that the blocks count on.
    #[must_use]
    pub fn all_frames(mut self, all_frames: bool) -> Self {
        self.all_frames = all_frames;
        self
    }

    /// Whether traces that match are taken in.
    #[must_use]
    pub fn inclusive(&self) -> bool {
        self.inclusive
    }

    fn matches(&self, trace: &Trace, places: &Places<'_>, snapshot: &Snapshot) -> bool {
        match self.what {
            What::Type => self.pattern.matches(snapshot.type_of(trace)),
            What::CallPath => self.pattern.matches(&places.call_path(trace.path)),
            _ if self.all_frames => places.all(trace).any(|place| self.matches_place(place, places)),
            _ => self.matches_place(places.own(trace), places),
        }
    }

    fn matches_place(&self, place: Place, places: &Places<'_>) -> bool {
        let line = places.line(place);
        if self.lineno.is_some_and(|lineno| line.line != Some(lineno)) {
            return false;
        }
        match self.what {
            What::Function => self.pattern.matches(&places.function(place)),
            What::Crate => self.pattern.matches(&places.crate_name(place)),
            _ => self.pattern.matches(&line.file),
        }
    }
}

impl Snapshot {
    /// A snapshot of the traces that any inclusive filter (when there is one) and no exclusive one matches: tracemalloc's
    /// `Snapshot.filter_traces`. Figures of the process stay those of all.
    #[must_use]
    pub fn filter_traces(&self, filters: &[Filter]) -> Self {
        let places = Places::new(self);
        let (inclusive, exclusive): (Vec<&Filter>, Vec<&Filter>) =
            filters.iter().partition(|filter| filter.inclusive);
        let any = |filters: &[&Filter], trace: &Trace| {
            filters.iter().any(|filter| filter.matches(trace, &places, self))
        };
        let stays =
            |trace: &Trace| (inclusive.is_empty() || any(&inclusive, trace)) && !any(&exclusive, trace);
        let traces = self.traces.iter().filter(|trace| stays(trace)).cloned().collect();
        self.with_traces(traces)
    }

    /// As it is, with other traces.
    pub(crate) fn with_traces(&self, traces: Vec<Trace>) -> Self {
        Self {
            traces,
            modules: self.modules.clone(),
            frames: self.frames.clone(),
            paths: self.paths.clone(),
            types: self.types.clone(),
            ..*self
        }
    }
}
