//! What changed between two profiles, function by function, as data before it is text.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::io::{self, Write};

use super::entry::FunctionStats;
use super::labels::{LabelId, Labels, standard_name};
use super::look::Look;
use super::restriction::{IntoRestrictions, select};
use super::sort::SortKey;
use super::{Covers, Order, Stats, text_diff};
use crate::profile::{HeapCounts, Label};

/// What one of the two profiles holds of a function. Times in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Calls begun, recursive ones included.
    pub calls: u64,
    /// Calls that were not recursive.
    pub primitive_calls: u64,
    /// In the function itself.
    pub total: f64,
    /// In the function and all that it called.
    pub cumulative: f64,
    /// What the function itself asked of the heap.
    pub heap: HeapCounts,
    /// What the function and all that it called asked of the heap.
    pub cumulative_heap: HeapCounts,
}

impl Figures {
    fn of(function: &FunctionStats) -> Self {
        Self {
            calls: function.calls,
            primitive_calls: function.primitive_calls,
            total: function.tottime,
            cumulative: function.cumtime,
            heap: function.details.heap,
            cumulative_heap: function.details.cumulative_heap,
        }
    }

    /// `cumulative` per primitive call; none without such.
    pub fn per_call(&self) -> Option<f64> {
        (self.primitive_calls > 0).then(|| self.cumulative / self.primitive_calls as f64)
    }
}

/// A number before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// In the first profile.
    pub before: f64,
    /// In the second.
    pub after: f64,
}

impl Change {
    /// How much more it is after; below zero where it is less.
    pub fn absolute(&self) -> f64 {
        self.after - self.before
    }

    /// `absolute` as a share of `before`: 0.1 is 10 % more. None where there was nothing before.
    pub fn relative(&self) -> Option<f64> {
        (self.before > 0.0).then(|| self.absolute() / self.before)
    }
}

/// One function before and after.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DiffRow {
    /// The function, as in the second profile if it is there: its line may have been another in the first.
    pub label: Label,
    /// In the first profile; none for a new function.
    pub before: Option<Figures>,
    /// In the second profile; none for a function that is gone.
    pub after: Option<Figures>,
    /// What the first profile's times are multiplied with in comparisons; 1 unless normalized.
    pub(super) time_scale: f64,
    /// The same for its calls.
    pub(super) call_scale: f64,
}

impl DiffRow {
    fn change(&self, scale: f64, figure: impl Fn(&Figures) -> f64) -> Change {
        let of = |figures: &Option<Figures>| figures.as_ref().map_or(0.0, &figure);
        Change { before: of(&self.before) * scale, after: of(&self.after) }
    }

    /// Calls.
    pub fn calls(&self) -> Change {
        self.change(self.call_scale, |f| f.calls as f64)
    }

    /// Seconds in the function itself.
    pub fn total(&self) -> Change {
        self.change(self.time_scale, |f| f.total)
    }

    /// Seconds in the function and all that it called.
    pub fn cumulative(&self) -> Change {
        self.change(self.time_scale, |f| f.cumulative)
    }

    /// Seconds in the function and all that it called, per call that is not recursive. Never normalized; none unless
    /// both profiles hold such calls.
    pub fn per_call(&self) -> Option<Change> {
        Some(Change { before: self.before?.per_call()?, after: self.after?.per_call()? })
    }

    /// What most of the change in cumulative time comes from, in a word or two: `new`, `gone`, `slower`, `faster`,
    /// `more calls`, `fewer calls`; nothing where it is less than a thousandth.
    pub fn cause(&self) -> &'static str {
        let (Some(before), Some(after)) = (&self.before, &self.after) else {
            return if self.before.is_none() { "new" } else { "gone" };
        };
        let (Some(old), Some(new)) = (before.per_call(), after.per_call()) else { return "" };
        let old_calls = before.primitive_calls as f64 * self.call_scale;
        let new_calls = after.primitive_calls as f64;
        // The two add up to the whole change.
        let by_speed = (new - old) * (old_calls + new_calls) / 2.0;
        let by_calls = (new_calls - old_calls) * (old + new) / 2.0;
        let size = by_speed.abs().max(by_calls.abs());
        match () {
            () if size <= 1e-3 * before.cumulative.max(after.cumulative) => "",
            () if by_speed.abs() >= by_calls.abs() => {
                if by_speed > 0.0 {
                    "slower"
                } else {
                    "faster"
                }
            }
            () if by_calls > 0.0 => "more calls",
            () => "fewer calls",
        }
    }
}

/// Two profiles compared. Functions are matched by file and name, so that lines may have moved; where a file has
/// several functions of one name, by line as well.
#[derive(Clone, Debug)]
pub struct Diff {
    pub(super) rows: HashMap<LabelId, DiffRow>,
    /// The functions of both, without figures: what restrictions are applied to.
    pub(super) joint: Stats,
    /// Calls, and seconds in all functions.
    pub(super) totals: [Figures; 2],
    pub(super) normalized: bool,
}

impl Diff {
    /// What changed from `before` to `after`, the largest change of time in functions themselves first.
    pub fn new(before: &Stats, after: &Stats) -> Self {
        let mut lines: [HashMap<(&str, &str), u32>; 2] = Default::default();
        let mut ambiguous: HashMap<(&str, &str), bool> = HashMap::new();
        for (lines, stats) in lines.iter_mut().zip([before, after]) {
            for label in stats.functions.keys().map(|id| stats.labels.label(id)) {
                let key = (label.file.as_str(), label.name.as_str());
                let line = *lines.entry(key).or_insert(label.line);
                *ambiguous.entry(key).or_default() |= line != label.line;
            }
        }
        let key = |label: &Label| {
            let keep_line = ambiguous.get(&(label.file.as_str(), label.name.as_str())).is_some_and(|a| *a);
            Label { line: if keep_line { label.line } else { 0 }, ..label.clone() }
        };
        let mut old: HashMap<Label, (LabelId, &FunctionStats)> =
            before.functions.iter().map(|(id, f)| (key(before.labels.label(id)), (id, f))).collect();
        let mut joint = Stats::empty(Labels::default(), Covers::default());
        let mut rows = HashMap::new();
        let mut add = |label: &Label, before: Option<Figures>, after: Option<Figures>| {
            let id = joint.labels.intern(label);
            joint.functions.set(id, FunctionStats::default());
            let label = label.clone();
            rows.insert(id, DiffRow { label, before, after, time_scale: 1.0, call_scale: 1.0 });
        };
        for (id, function) in after.functions.iter() {
            let label = after.labels.label(id);
            let there = old.remove(&key(label)).map(|(_, f)| Figures::of(f));
            add(label, there, Some(Figures::of(function)));
        }
        for (id, function) in before.functions.iter() {
            let label = before.labels.label(id);
            if old.contains_key(&key(label)) {
                add(label, Some(Figures::of(function)), None);
            }
        }
        let totals = [before, after].map(|stats| {
            let mut heap = HeapCounts::default();
            stats.functions.iter().for_each(|(_, function)| heap.add(&function.details.heap));
            Figures {
                calls: stats.total_calls,
                primitive_calls: stats.prim_calls,
                total: stats.total_tt,
                cumulative: stats.total_tt,
                heap,
                cumulative_heap: heap,
            }
        });
        let mut diff = Self { rows, joint, totals, normalized: false };
        diff.sort([SortKey::Time]);
        diff
    }

    /// Compares shares and not amounts: scales the first profile's times so that all functions together take as
    /// long as in the second, and its calls so that they are as many. Times per call stay as they are. For profiles
    /// of unequal length; sort afterwards.
    pub fn normalize(&mut self) -> &mut Self {
        let [before, after] = &self.totals;
        let scale = |before: f64, after: f64| if before > 0.0 && after > 0.0 { after / before } else { 1.0 };
        let time_scale = scale(before.total, after.total);
        let call_scale = scale(before.calls as f64, after.calls as f64);
        for row in self.rows.values_mut() {
            (row.time_scale, row.call_scale) = (time_scale, call_scale);
        }
        self.normalized = true;
        self
    }

    /// Chooses how wide and how colourful the table may be.
    pub fn look(&mut self, look: Look) -> &mut Self {
        self.joint.look = look;
        self
    }

    /// Sorts by the keys in turn: where they are numbers, by how much they changed in whichever direction.
    pub fn sort(&mut self, keys: impl IntoIterator<Item = SortKey>) -> &mut Self {
        let keys: Vec<SortKey> = keys.into_iter().collect();
        let mut functions: Vec<LabelId> = self.joint.functions.keys().collect();
        functions.sort_by(|a, b| {
            let (Some(a), Some(b)) = (self.rows.get(a), self.rows.get(b)) else { return Ordering::Equal };
            keys.iter().map(|key| compare(*key, a, b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        });
        self.joint.order = Some(Order { keys, functions, reversed: false });
        self
    }

    /// Turns the order round.
    pub fn reverse_order(&mut self) -> &mut Self {
        self.joint.reverse_order();
        self
    }

    /// The rows in order and within the restrictions.
    pub fn rows(&self, restrictions: impl IntoRestrictions) -> Vec<&DiffRow> {
        let selection = select(&self.joint, &restrictions.into_restrictions());
        selection.functions.iter().filter_map(|id| self.rows.get(id)).collect()
    }

    /// Writes the table, in one write.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print(&self, mut out: impl Write, restrictions: impl IntoRestrictions) -> io::Result<()> {
        let mut text = Vec::new();
        text_diff::write(self, &select(&self.joint, &restrictions.into_restrictions()), &mut text)?;
        out.write_all(&text)
    }
}

fn compare(key: SortKey, a: &DiffRow, b: &DiffRow) -> Ordering {
    let size = |change: Change| {
        let size = change.absolute().abs();
        // What no number is said of stands last.
        if size.is_nan() { -1.0 } else { size }
    };
    let by = |figure: fn(&DiffRow) -> Change| size(figure(b)).total_cmp(&size(figure(a)));
    match key {
        SortKey::Calls => by(DiffRow::calls),
        SortKey::Pcalls => by(|row| row.change(row.call_scale, |f| f.primitive_calls as f64)),
        SortKey::Cumulative => by(DiffRow::cumulative),
        SortKey::Time => by(DiffRow::total),
        SortKey::Filename => a.label.file.cmp(&b.label.file),
        SortKey::Line => a.label.line.cmp(&b.label.line),
        SortKey::Name => a.label.name.cmp(&b.label.name),
        SortKey::Nfl => {
            let parts = |label: &Label| (label.name.clone(), label.file.clone(), label.line);
            parts(&a.label).cmp(&parts(&b.label))
        }
        SortKey::Stdname => standard_name(&a.label).cmp(&standard_name(&b.label)),
        of_heap => {
            let figure = |figures: &Figures| of_heap.of_heap(&figures.heap, &figures.cumulative_heap);
            let change = |row: &DiffRow| size(row.change(1.0, |f| figure(f).unwrap_or(0) as f64));
            change(b).total_cmp(&change(a))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Counts, Profile};

    fn stats(functions: &[(&str, u32, &str, u64, u64)]) -> Stats {
        let mut profile = Profile::new();
        for &(file, line, name, starts, self_busy) in functions {
            let f = profile.add_function(Label::new(file, line, name));
            profile.add_path(None, f, &Counts { starts, returned: starts, self_busy, ..Counts::default() });
        }
        Stats::new(profile)
    }

    #[test]
    fn functions_are_matched_though_their_lines_moved() {
        let before = stats(&[
            ("a.rs", 1, "f", 1, 100),
            ("a.rs", 9, "gone", 1, 5),
            ("b.rs", 1, "x", 1, 1),
            ("b.rs", 2, "x", 2, 2),
        ]);
        let after = stats(&[("a.rs", 4, "f", 2, 300), ("a.rs", 7, "new", 1, 7), ("b.rs", 2, "x", 2, 2)]);
        let diff = Diff::new(&before, &after);
        let rows: Vec<_> = (diff.rows(()).iter())
            .map(|r| {
                (
                    r.label.name.clone(),
                    r.label.line,
                    r.before.map(|f| f.calls),
                    r.after.map(|f| f.calls),
                    r.cause(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("f".into(), 4, Some(1), Some(2), "more calls"),
                ("new".into(), 7, None, Some(1), "new"),
                ("gone".into(), 9, Some(1), None, "gone"),
                ("x".into(), 1, Some(1), None, "gone"),
                ("x".into(), 2, Some(2), Some(2), ""),
            ]
        );
    }

    #[test]
    fn causes_are_told_apart() {
        let cause = |before: (u64, u64), after: (u64, u64)| {
            let of = |(calls, ns)| stats(&[("a.rs", 1, "f", calls, ns)]);
            Diff::new(&of(before), &of(after)).rows(())[0].cause()
        };
        assert_eq!(cause((10, 1000), (10, 2000)), "slower");
        assert_eq!(cause((10, 1000), (10, 500)), "faster");
        assert_eq!(cause((10, 1000), (20, 2100)), "more calls");
        assert_eq!(cause((10, 1000), (5, 600)), "fewer calls");
        assert_eq!(cause((10, 1000), (10, 1000)), "");
    }

    #[test]
    fn shares_are_compared_when_normalized_but_never_times_per_call() {
        let before = stats(&[("a.rs", 1, "f", 10, 1000), ("a.rs", 2, "g", 10, 1000)]);
        let after = stats(&[("a.rs", 1, "f", 20, 3000), ("a.rs", 2, "g", 20, 1000)]);
        let mut diff = Diff::new(&before, &after);
        diff.normalize().sort([SortKey::Name]);
        let rows = diff.rows(());
        let is = |relative: Option<f64>, must: f64| {
            assert!(relative.is_some_and(|is| (is - must).abs() < 1e-9), "{relative:?}");
        };
        is(rows[0].total().relative(), 0.5);
        is(rows[1].total().relative(), -0.5);
        is(rows[0].calls().relative(), 0.0);
        is(rows[0].per_call().and_then(|change| change.relative()), 0.5);
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        let diff = Diff::new(&stats(&[]), &stats(&[("a.rs", 1, "f", 1, 0)]));
        let mut text = Vec::new();
        assert!(diff.print(&mut text, ()).is_ok());
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
