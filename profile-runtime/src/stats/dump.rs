//! Statistics as pstats dumps hold them: what is written of [`Stats`], and how they are built of what was read.

use super::entry::{EdgeStats, FunctionStats};
use super::labels::LabelId;
use super::{Stats, saturating_sum};
use crate::profile::Label;

/// The function that callers from outside are put down to.
const ROOT: &str = "<root>";

impl Stats {
    /// The functions in the order in which they came, whatever order reports have.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (LabelId, &FunctionStats)> {
        self.functions.iter()
    }

    /// The callers that are no function of their own, in order of their first call. Tools that read dumps look
    /// every caller up.
    pub(crate) fn callers_alone(&self) -> Vec<LabelId> {
        let mut alone = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (caller, _) in self.functions.iter().flat_map(|(_, function)| function.callers.iter()) {
            if self.functions.get(caller).is_none() && seen.insert(caller) {
                alone.push(caller);
            }
        }
        alone
    }

    pub(crate) fn label(&self, id: LabelId) -> &Label {
        self.labels.label(id)
    }

    /// Where every function has a caller (one that is recursive, and no other), gives those that were called from
    /// outside a common caller: tools that draw the calls begin at a function without any.
    pub(crate) fn add_root(&mut self) {
        let label = Label::new("~", 0, ROOT);
        let rooted = self.functions.iter().any(|(_, function)| function.callers.is_empty());
        if rooted || self.functions.is_empty() || self.function(&label).is_some() {
            return;
        }
        let root = self.labels.intern(&label);
        let outside = |function: &FunctionStats| {
            let inside = saturating_sum(function.callers.iter().map(|(_, edge)| edge.calls));
            function.calls.saturating_sub(inside)
        };
        let ids: Vec<LabelId> = self.functions.keys().collect();
        let mut cumtime = 0.0;
        for id in ids {
            let Some(function) = self.functions.get_mut(id) else { continue };
            let calls = outside(function);
            if calls > 0 {
                let inside: f64 = function.callers.iter().map(|(_, edge)| edge.tottime).sum();
                let tottime = (function.tottime - inside).max(0.0);
                let edge = EdgeStats {
                    calls,
                    primitive_calls: calls,
                    tottime,
                    cumtime: function.cumtime,
                    heap: function.details.heap,
                    cumulative_heap: function.details.cumulative_heap,
                    calls_only: false,
                };
                function.callers.set(root, edge);
                cumtime += function.cumtime;
            }
        }
        self.functions.set(root, FunctionStats { cumtime, ..FunctionStats::default() });
        self.max_name_len = self.max_name_len.max(self.labels.length(root));
        self.callees = None;
    }
}

impl FunctionStats {
    pub(crate) fn callers(&self) -> impl Iterator<Item = (LabelId, &EdgeStats)> {
        self.callers.iter()
    }
}

/// What a dump of no function at all holds, since Python's pstats refuses an empty one: a function that was
/// never called.
pub(crate) fn placeholder() -> Label {
    Label::new("~", 0, "<nothing recorded>")
}

#[cfg(feature = "read")]
mod build {
    use std::rc::Rc;

    use super::placeholder;
    use crate::profile::Label;
    use crate::stats::labels::{LabelId, Labels};
    use crate::stats::ordered::Ordered;
    use crate::stats::{Covers, Details, EdgeStats, FunctionStats, Stats};

    /// Who called a function, in the dump's order; one that comes twice counts as it comes last.
    pub(crate) type Callers = Rc<Vec<(LabelId, EdgeStats)>>;

    /// What a dump holds of one function. Times in seconds.
    #[derive(Clone, Debug)]
    pub(crate) struct Entry {
        pub(crate) primitive_calls: u64,
        pub(crate) calls: u64,
        pub(crate) tottime: f64,
        pub(crate) cumtime: f64,
        pub(crate) callers: Callers,
    }

    /// Statistics that are being read.
    #[derive(Default)]
    pub(crate) struct Builder {
        labels: Labels,
    }

    impl Builder {
        /// Finds or adds a label.
        pub(crate) fn label(&mut self, label: &Label) -> LabelId {
            self.labels.intern(label)
        }

        /// The statistics of those functions; one that comes twice counts as it comes last. Totals are what pstats'
        /// `get_top_level_stats` adds up, in the same order.
        pub(crate) fn finish(self, entries: Vec<(LabelId, Entry)>) -> Stats {
            let nothing = self.labels.find(&placeholder());
            let covers = Covers { profiles: 1, of_dump: true, ..Covers::default() };
            let mut stats = Stats::empty(self.labels, covers);
            stats.functions = Ordered::with_capacity(entries.len());
            for (id, entry) in entries {
                if Some(id) != nothing || entry.calls > 0 {
                    stats.functions.set(id, entry.into_function());
                }
            }
            for (id, function) in stats.functions.iter() {
                stats.total_calls = stats.total_calls.saturating_add(function.calls);
                stats.prim_calls = stats.prim_calls.saturating_add(function.primitive_calls);
                stats.total_tt += function.tottime;
                stats.max_name_len = stats.max_name_len.max(stats.labels.length(id));
            }
            stats
        }
    }

    impl Entry {
        fn into_function(self) -> FunctionStats {
            let mut callers = Ordered::with_capacity(self.callers.len());
            for &(caller, edge) in self.callers.iter() {
                callers.set(caller, edge);
            }
            FunctionStats {
                calls: self.calls,
                primitive_calls: self.primitive_calls,
                tottime: self.tottime,
                cumtime: self.cumtime,
                // Python's profilers count no time of a coroutine that is suspended.
                details: Details { busy: self.tottime, ..Details::default() },
                callers,
            }
        }
    }
}

#[cfg(feature = "read")]
pub(crate) use build::{Builder, Callers, Entry};
