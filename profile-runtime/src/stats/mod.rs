//! Statistics over a [`Profile`]: Python's pstats model, its names, and its reports.
//!
//! Nothing here touches a thread-local, a clock or a global: the same profile gives the same bytes.

mod diff;
pub(crate) mod dump;
mod entry;
mod labels;
pub(crate) mod look;
mod ordered;
mod pattern;
mod python;
mod restriction;
mod row;
mod sort;
mod stats_profile;
mod text_default;
mod text_diff;
mod text_pstats;
mod text_table;
mod totals;

use std::borrow::Borrow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::time::Duration;

pub(crate) use labels::LabelId;
use labels::{Labels, without_directories};
use ordered::Ordered;

pub use diff::{Change, Diff, DiffRow, Figures};
pub use entry::{Details, EdgeStats, FunctionStats};
pub use look::Look;
pub use restriction::{IntoRestrictions, Restriction};
pub use row::{Percentiles, Row};
pub use sort::{SortKey, SortKeyError};
pub use stats_profile::{FunctionProfile, StatsProfile};
pub(crate) use text_default::{heap_cells, heap_columns, narrowed};
pub(crate) use text_table::{Cell, Column, Table};
pub use totals::{EdgeTotals, FunctionTotals, totals};

use crate::profile::{Label, Notes, Profile, least_above_0};

/// How reports look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Style {
    /// For people: human units, percentiles, async columns when there is async.
    #[default]
    Default,
    /// Byte for byte what Python's pstats prints.
    Pstats,
}

/// The statistics of one profile or of several: pstats' `Stats`.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use profile_cost_runtime::{Profile, SortKey, Stats};
///
/// let mut text = Vec::new();
/// Stats::new(Profile::new())
///     .strip_dirs()
///     .sort_stats([SortKey::Cumulative])
///     .print_stats(&mut text, 20)?
///     .print_callers(&mut text, ("orders", 0.5))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Stats {
    labels: Labels,
    functions: Ordered<FunctionStats>,
    /// `None`: order of first call.
    order: Option<Order>,
    /// Of each function, what it called. Built when first asked for.
    callees: Option<Callees>,
    total_calls: u64,
    prim_calls: u64,
    total_tt: f64,
    /// Longest printed name, in code points. It includes names that `add` has merged away.
    max_name_len: usize,
    style: Style,
    look: Look,
    show_overhead: bool,
    covers: Covers,
}

type Callees = HashMap<LabelId, Vec<(LabelId, EdgeStats)>>;

/// A sorted list and what it was sorted by.
#[derive(Clone, Debug)]
struct Order {
    keys: Vec<SortKey>,
    functions: Vec<LabelId>,
    reversed: bool,
}

/// What the statistics were made from.
#[derive(Clone, Debug, Default)]
struct Covers {
    duration: Duration,
    threads: u32,
    profiles: u32,
    /// Something was read from a dump, whose order says nothing.
    of_dump: bool,
    notes: Notes,
}

impl<P: Borrow<Profile>> From<P> for Stats {
    fn from(profile: P) -> Self {
        Self::new(profile)
    }
}

impl Stats {
    /// The statistics of a profile (given by value or by reference), unsorted, in [`Style::Default`].
    ///
    /// Times are in seconds. An empty profile gives empty statistics, where Python raises a `TypeError`.
    pub fn new(profile: impl Borrow<Profile>) -> Self {
        let profile = profile.borrow();
        let Profile { duration, threads, notes, .. } = *profile;
        let covers = Covers { duration, threads, profiles: 1, of_dump: false, notes };
        let mut stats = Self::empty(Labels::default(), covers);
        for totals in totals(profile) {
            let mut function = FunctionStats::new(&totals, profile);
            for edge in &totals.callers {
                let caller = stats.labels.intern(&profile.function(edge.caller).label);
                function.callers.set(caller, EdgeStats::new(edge, profile.seconds_per_tick));
            }
            stats.total_calls = stats.total_calls.saturating_add(function.calls);
            stats.prim_calls = stats.prim_calls.saturating_add(function.primitive_calls);
            stats.total_tt += function.tottime;
            let id = stats.labels.intern(&profile.function(totals.function).label);
            stats.max_name_len = stats.max_name_len.max(stats.labels.length(id));
            stats.functions.set(id, function);
        }
        stats
    }

    fn empty(labels: Labels, covers: Covers) -> Self {
        Self {
            labels,
            functions: Ordered::default(),
            order: None,
            callees: None,
            total_calls: 0,
            prim_calls: 0,
            total_tt: 0.0,
            max_name_len: 0,
            style: Style::Default,
            look: Look::default(),
            show_overhead: false,
            covers,
        }
    }

    /// Chooses how reports look.
    pub fn style(&mut self, style: Style) -> &mut Self {
        self.style = style;
        self
    }

    /// Chooses how wide and how colourful reports in [`Style::Default`] may be.
    pub fn look(&mut self, look: Look) -> &mut Self {
        self.look = look;
        self
    }

    /// Chooses whether [`Stats::print_stats`] in [`Style::Default`] shows, in place of what the profiler cost in all, how
    /// much of each function's own time is the profiler's ([`Row::overhead`]): for programs with every function
    /// instrumented, small ones too.
    pub fn show_overhead(&mut self, show: bool) -> &mut Self {
        self.show_overhead = show;
        self
    }

    /// Removes the directories from file names. Functions that become equal are added up. The sort
    /// order is lost, as in pstats: sort afterwards.
    pub fn strip_dirs(&mut self) -> &mut Self {
        let mut labels = Labels::default();
        let mut functions: Ordered<FunctionStats> = Ordered::default();
        self.max_name_len = 0;
        for (id, function) in std::mem::take(&mut self.functions).into_entries() {
            let stripped = labels.intern(&without_directories(self.labels.label(id)));
            let old = &self.labels;
            let function = function.with_callers(|c| labels.intern(&without_directories(old.label(c))));
            self.max_name_len = self.max_name_len.max(labels.length(stripped));
            match functions.get_mut(stripped) {
                Some(same) => same.add(function),
                None => functions.set(stripped, function),
            }
        }
        self.labels = labels;
        self.functions = functions;
        self.order = None;
        self.callees = None;
        self
    }

    /// Adds other statistics, function by function and caller by caller. The sort order is lost, as in
    /// pstats: sort afterwards.
    pub fn add(&mut self, other: impl Borrow<Stats>) -> &mut Self {
        let other = other.borrow();
        self.total_calls = self.total_calls.saturating_add(other.total_calls);
        self.prim_calls = self.prim_calls.saturating_add(other.prim_calls);
        self.total_tt += other.total_tt;
        self.max_name_len = self.max_name_len.max(other.max_name_len);
        self.covers.add(&other.covers);
        for (id, function) in other.functions.iter() {
            let id = self.labels.intern(other.labels.label(id));
            let labels = &mut self.labels;
            let function = function.clone().with_callers(|c| labels.intern(other.labels.label(c)));
            match self.functions.get_mut(id) {
                Some(mine) => mine.add(function),
                None => self.functions.set(id, function),
            }
        }
        self.order = None;
        self.callees = None;
        self
    }

    /// Forgets who called whom: what cProfile records with `subcalls=False`.
    pub fn drop_callers(&mut self) -> &mut Self {
        let functions = std::mem::take(&mut self.functions);
        for (id, function) in functions.into_entries() {
            self.functions.set(id, FunctionStats { callers: Ordered::default(), ..function });
        }
        self.callees = None;
        self
    }

    /// Sorts by the keys in turn, equal rows staying in order of first call. Without a key, back to that
    /// order.
    pub fn sort_stats(&mut self, keys: impl IntoIterator<Item = SortKey>) -> &mut Self {
        let keys: Vec<SortKey> = keys.into_iter().collect();
        self.order = None;
        if !keys.is_empty() {
            let functions = sort::sorted(self, &keys);
            self.order = Some(Order { keys, functions, reversed: false });
        }
        self
    }

    /// Turns the sorted order round. Does nothing to unsorted statistics, as in pstats.
    pub fn reverse_order(&mut self) -> &mut Self {
        if let Some(order) = &mut self.order {
            order.functions.reverse();
            order.reversed = !order.reversed;
        }
        self
    }

    /// Writes one line per function, in one write.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print_stats(
        &mut self,
        out: impl Write,
        restrictions: impl IntoRestrictions,
    ) -> io::Result<&mut Self> {
        self.print(out, restrictions, text_pstats::stats, text_default::stats)
    }

    /// Writes for each function who called it, in one write.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print_callers(
        &mut self,
        out: impl Write,
        restrictions: impl IntoRestrictions,
    ) -> io::Result<&mut Self> {
        self.print(out, restrictions, text_pstats::callers, text_default::callers)
    }

    /// Writes for each function whom it called, in one write.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print_callees(
        &mut self,
        out: impl Write,
        restrictions: impl IntoRestrictions,
    ) -> io::Result<&mut Self> {
        self.calc_callees();
        self.print(out, restrictions, text_pstats::callees, text_default::callees)
    }

    fn print(
        &mut self,
        mut out: impl Write,
        restrictions: impl IntoRestrictions,
        pstats: Printer,
        default: Printer,
    ) -> io::Result<&mut Self> {
        let printer = match self.style {
            Style::Pstats => pstats,
            Style::Default => default,
        };
        let called = match self.style {
            Style::Pstats => self.called_only(),
            Style::Default => None,
        };
        // One write a report, so that reports of several threads do not mix on stderr.
        let mut text = Vec::new();
        printer(called.as_ref().unwrap_or(self), &restrictions.into_restrictions(), &mut text)?;
        out.write_all(&text)?;
        Ok(self)
    }

    /// Builds the table of callees, which [`Stats::callees`] and [`Stats::print_callees`] use.
    /// Unlike pstats', it is built anew after [`Stats::add`].
    pub fn calc_callees(&mut self) -> &mut Self {
        if self.callees.is_none() {
            let mut callees = Callees::new();
            for (id, function) in self.functions.iter() {
                for (caller, edge) in function.callers.iter() {
                    callees.entry(caller).or_default().push((id, *edge));
                }
            }
            self.callees = Some(callees);
        }
        self
    }

    /// The printed numbers by function name, rounded to milliseconds as printed.
    pub fn get_stats_profile(&self) -> StatsProfile {
        stats_profile::stats_profile(self.called_only().as_ref().unwrap_or(self))
    }

    /// The same without what is there only for its blocks on the heap, which pstats would not know of: functions that
    /// were not called since a reset, but hold memory. `None` when nothing is.
    pub(crate) fn called_only(&self) -> Option<Stats> {
        let of_heap = |(_, function): (LabelId, &FunctionStats)| {
            function.is_of_heap_only() || function.callers.iter().any(|(_, edge)| edge.is_of_heap_only())
        };
        if !self.functions.iter().any(of_heap) {
            return None;
        }
        let mut called =
            Self { functions: Ordered::default(), callees: None, max_name_len: 0, ..self.clone() };
        for (id, function) in self.functions.iter().filter(|(_, function)| !function.is_of_heap_only()) {
            let mut callers = Ordered::default();
            for (caller, edge) in function.callers.iter().filter(|(_, edge)| !edge.is_of_heap_only()) {
                callers.set(caller, *edge);
            }
            called.functions.set(id, FunctionStats { callers, ..function.clone() });
            called.max_name_len = called.max_name_len.max(called.labels.length(id));
        }
        if let Some(order) = &mut called.order {
            order.functions.retain(|&id| called.functions.get(id).is_some());
        }
        if self.callees.is_some() {
            called.calc_callees();
        }
        Some(called)
    }

    /// Calls of all functions, recursive ones included.
    pub fn total_calls(&self) -> u64 {
        self.total_calls
    }

    /// Calls of all functions that were not recursive.
    pub fn prim_calls(&self) -> u64 {
        self.prim_calls
    }

    /// Seconds in all functions.
    pub fn total_tt(&self) -> f64 {
        self.total_tt
    }

    /// True when nothing was called.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// Every function with its numbers, in the current order.
    pub fn functions(&self) -> impl Iterator<Item = (&Label, &FunctionStats)> {
        let listing = self.listing().into_iter();
        listing.filter_map(|id| Some((self.labels.label(id), self.functions.get(id)?)))
    }

    /// The numbers of one function.
    pub fn function(&self, label: &Label) -> Option<&FunctionStats> {
        self.functions.get(self.labels.find(label)?)
    }

    /// Who called a function, in order of first call.
    pub fn callers(&self, label: &Label) -> Vec<(&Label, EdgeStats)> {
        let function = self.function(label).into_iter();
        function.flat_map(|f| f.callers.iter()).map(|(id, edge)| (self.labels.label(id), *edge)).collect()
    }

    /// Whom a function called. Empty before [`Stats::calc_callees`].
    pub fn callees(&self, label: &Label) -> Vec<(&Label, EdgeStats)> {
        let callees = self.labels.find(label).map(|id| self.callees_of(id)).unwrap_or_default();
        callees.into_iter().map(|(id, edge)| (self.labels.label(id), edge)).collect()
    }

    /// The rows of the default report as data, in its order and within its restrictions.
    pub fn rows(&self, restrictions: impl IntoRestrictions) -> Vec<Row> {
        let selection = restriction::select(self, &restrictions.into_restrictions());
        row::rows(self, &selection.functions)
    }

    /// What reports say below their tables: what was lost, and what the profiler cost.
    pub(crate) fn notes(&self) -> Vec<String> {
        text_default::note_lines(self)
    }

    fn callees_of(&self, id: LabelId) -> Vec<(LabelId, EdgeStats)> {
        self.callees.as_ref().and_then(|callees| callees.get(&id)).cloned().unwrap_or_default()
    }

    fn listing(&self) -> Vec<LabelId> {
        match &self.order {
            Some(order) => order.functions.clone(),
            None => self.functions.keys().collect(),
        }
    }
}

/// A sum of counts that a damaged file may have made too large.
fn saturating_sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

type Printer = fn(&Stats, &[Restriction], &mut dyn Write) -> io::Result<()>;

impl Covers {
    fn add(&mut self, other: &Self) {
        self.duration = self.duration.max(other.duration);
        self.threads = self.threads.saturating_add(other.threads);
        self.profiles = self.profiles.saturating_add(other.profiles);
        self.of_dump |= other.of_dump;
        self.notes.add(&other.notes);
        self.notes.untimed_after = least_above_0(self.notes.untimed_after, other.notes.untimed_after);
    }
}
