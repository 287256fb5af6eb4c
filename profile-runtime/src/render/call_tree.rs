//! The call tree as indented text: rows as data, and their table.

use std::collections::HashSet;
use std::io::{self, Write};

use super::Metric;
use super::names::printable;
use crate::profile::{HeapCounts, Label, Profile};
use crate::stats::{
    Cell, Column, Look, Restriction, SortKey, Stats, Table, heap_cells, heap_columns, narrowed,
};
use crate::units::{bytes, count, counted, duration, percent};

/// Spaces for each level.
const INDENT: usize = 2;

/// Which part of a call tree is shown, and in which order. Fill in with `..Default::default()`.
#[derive(Clone, Debug)]
pub struct TreeOptions {
    /// What shares are taken of.
    pub metric: Metric,
    /// In what order the callees of a function stand.
    pub sort: SortKey,
    /// The other way round.
    pub reverse: bool,
    /// Smallest share of the whole that is shown, in percent.
    pub min_percent: f64,
    /// Levels that are shown.
    pub max_depth: u32,
    /// Patterns keep the paths that lead to or through a matching function; counts and fractions limit lines.
    pub restrictions: Vec<Restriction>,
}

impl Default for TreeOptions {
    fn default() -> Self {
        Self {
            metric: Metric::Task,
            sort: SortKey::Cumulative,
            reverse: false,
            min_percent: 0.1,
            max_depth: 64,
            restrictions: Vec::new(),
        }
    }
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TreeRow {
    /// Callers above it.
    pub depth: u32,
    /// The function.
    pub label: Label,
    /// Calls on this path.
    pub calls: u64,
    /// In the path's own code: nanoseconds, or calls.
    pub own: u64,
    /// With all that it called: nanoseconds, or calls.
    pub total: u64,
    /// `total` as a share of the whole profile, 0 to 1.
    pub share: f64,
    /// What the path's own code asked of the heap; all zero without a tracking allocator.
    pub heap: HeapCounts,
    /// With all that it called.
    pub cumulative_heap: HeapCounts,
}

/// The part of a call tree that is shown.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallTree {
    /// Each caller before its callees.
    pub rows: Vec<TreeRow>,
    /// What figures are of.
    pub metric: Metric,
    /// All roots together, in nanoseconds or calls.
    pub whole: u64,
    /// Paths that are too small, too deep, or beyond the limit on lines.
    pub hidden: usize,
}

impl Profile {
    /// The call tree from its roots down.
    pub fn call_tree(&self, options: &TreeOptions) -> CallTree {
        let metric = options.metric;
        let own = metric.values(self);
        let mut total = own.clone();
        let kept = self.on_matching_paths(&options.restrictions);
        let paths = self.paths();
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); paths.len()];
        let mut roots = Vec::new();
        let mut candidates = 0;
        for i in (0..paths.len()).rev() {
            let parent = paths[i].parent.map(|parent| parent.0 as usize);
            if let Some(parent) = parent {
                total[parent] = total[parent].saturating_add(total[i]);
            }
            if kept[i] {
                candidates += 1;
                parent.map_or(&mut roots, |parent| &mut children[parent]).push(i);
            }
        }
        let all_roots = (0..paths.len()).filter(|&i| paths[i].parent.is_none());
        let whole = all_roots.fold(0u64, |sum, i| sum.saturating_add(total[i]));
        let heap = self.inclusive_heap();
        let sort = |list: &mut Vec<usize>| {
            // The stack gives the last one first.
            list.sort_by(|&a, &b| {
                let [left, right] =
                    [a, b].map(|i| (&paths[i].counts, &self.function(paths[i].function).label));
                let by_key = match options.sort {
                    SortKey::Calls | SortKey::Pcalls => left.0.starts.cmp(&right.0.starts),
                    SortKey::Time => own[a].cmp(&own[b]),
                    SortKey::Filename => right.1.file.cmp(&left.1.file),
                    SortKey::Line => right.1.line.cmp(&left.1.line),
                    SortKey::Name | SortKey::Nfl => right.1.name.cmp(&left.1.name),
                    SortKey::Stdname => right.1.cmp(left.1),
                    SortKey::Cumulative => total[a].cmp(&total[b]),
                    of_heap => {
                        let [a, b] = [a, b].map(|i| of_heap.of_heap(&paths[i].counts.heap, &heap[i]));
                        a.cmp(&b)
                    }
                };
                let by_key = if options.reverse { by_key.reverse() } else { by_key };
                by_key.then_with(|| right.1.cmp(left.1))
            });
        };
        let least = whole as f64 * options.min_percent / 100.0;
        let mut rows = Vec::new();
        sort(&mut roots);
        let mut stack: Vec<(usize, u32)> = roots.into_iter().map(|root| (root, 0)).collect();
        while let Some((i, depth)) = stack.pop() {
            if (total[i] as f64) < least || depth >= options.max_depth {
                continue;
            }
            rows.push(TreeRow {
                depth,
                label: self.function(paths[i].function).label.clone(),
                calls: paths[i].counts.starts,
                own: own[i],
                total: total[i],
                share: if whole > 0 { total[i] as f64 / whole as f64 } else { 0.0 },
                heap: paths[i].counts.heap,
                cumulative_heap: heap[i],
            });
            let mut below = std::mem::take(&mut children[i]);
            sort(&mut below);
            stack.extend(below.into_iter().map(|child| (child, depth + 1)));
        }
        for restriction in &options.restrictions {
            match restriction {
                Restriction::Count(lines) => {
                    rows.truncate(usize::try_from(*lines).unwrap_or(usize::MAX));
                }
                Restriction::Fraction(share) if (0.0..1.0).contains(share) => {
                    rows.truncate((rows.len() as f64 * share + 0.5) as usize);
                }
                _ => {}
            }
        }
        let hidden = candidates - rows.len();
        CallTree { rows, metric, whole, hidden }
    }

    /// Of each path, whether a function on it, above it or below it matches all patterns.
    fn on_matching_paths(&self, restrictions: &[Restriction]) -> Vec<bool> {
        let patterns: Vec<Restriction> =
            restrictions.iter().filter(|r| matches!(r, Restriction::Regex(_))).cloned().collect();
        if patterns.is_empty() {
            return vec![true; self.paths().len()];
        }
        let matching: HashSet<Label> =
            Stats::new(self).rows(patterns).into_iter().map(|row| row.label).collect();
        let paths = self.paths();
        let mut kept = vec![false; paths.len()];
        for i in 0..paths.len() {
            let above = paths[i].parent.is_some_and(|parent| kept[parent.0 as usize]);
            kept[i] = above || matching.contains(&self.function(paths[i].function).label);
        }
        for i in (0..paths.len()).rev() {
            if let Some(parent) = paths[i].parent.filter(|_| kept[i]) {
                kept[parent.0 as usize] = true;
            }
        }
        kept
    }
}

impl CallTree {
    /// Writes the tree, in one write.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn print(&self, mut out: impl Write, look: Look) -> io::Result<()> {
        let mut text = Vec::new();
        self.write(look, &mut text)?;
        out.write_all(&text)
    }

    fn write(&self, look: Look, out: &mut dyn Write) -> io::Result<()> {
        let amount = |value: u64| match self.metric {
            Metric::Calls => count(value),
            Metric::Live => bytes(value),
            Metric::Busy | Metric::Await | Metric::Task => duration(value as f64 * 1e-9),
        };
        let head = format!("call tree of {}: {} in all", self.metric.name(), amount(self.whole));
        writeln!(out, "{}", look.wrapped(&head))?;
        if !self.rows.is_empty() {
            writeln!(out)?;
            let heads = [("total", 1), ("share", 0), ("self", 2), ("calls", 3)];
            let heads = heads.map(|(title, rank)| Column { title, group: "", rank });
            let has_heap = self.rows.iter().any(|row| row.cumulative_heap != HeapCounts::default());
            let heads = heads.into_iter().chain(heap_columns().filter(|_| has_heap));
            let mut table = Table::new(heads.collect(), look);
            for row in &self.rows {
                let share = percent(row.share, 1.0);
                let cells = [amount(row.total), share, amount(row.own), count(row.calls)];
                let Label { file, line, name } = &row.label;
                let indent = " ".repeat(INDENT * row.depth as usize);
                let place = if file == "~" { String::new() } else { format!("  {}:{line}", printable(file)) };
                let heap = if has_heap { heap_cells(&row.heap, &row.cumulative_heap) } else { Vec::new() };
                let cells = cells.into_iter().map(Cell::from).chain(heap).collect();
                table.line(cells, format!("{indent}{}{place}", printable(name)));
            }
            let left_out = table.fit();
            table.write("function", out)?;
            narrowed(&left_out, look, out)?;
        }
        if self.hidden > 0 {
            let text = format!("note: not shown: {}", counted(self.hidden as u64, "smaller or deeper path"));
            writeln!(out, "{}", look.wrapped(&text))?;
        }
        writeln!(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Counts;

    fn profile() -> Profile {
        let mut profile = Profile::new();
        let [a, b, c] = ["a", "b", "c"].map(|name| profile.add_function(Label::new("x.rs", 1, name)));
        let counts = |starts, self_busy| Counts { starts, self_busy, ..Counts::default() };
        let root = profile.add_path(None, a, &counts(1, 10));
        profile.add_path(Some(root), b, &counts(7, 30));
        let under = profile.add_path(Some(root), c, &counts(2, 50));
        profile.add_path(Some(under), b, &counts(1, 10));
        profile
    }

    fn lines(options: &TreeOptions) -> Vec<(u32, String, u64, u64)> {
        let tree = profile().call_tree(options);
        tree.rows.into_iter().map(|row| (row.depth, row.label.name, row.own, row.total)).collect()
    }

    #[test]
    fn callees_stand_below_their_callers_the_dearest_first() {
        let expected = [(0, "a", 10, 100), (1, "c", 50, 60), (2, "b", 10, 10), (1, "b", 30, 30)];
        assert_eq!(
            lines(&TreeOptions::default()),
            expected.map(|(depth, name, own, total)| (depth, name.to_owned(), own, total))
        );
        let by_calls = TreeOptions { sort: SortKey::Calls, ..Default::default() };
        assert_eq!(lines(&by_calls)[1].1, "b");
    }

    #[test]
    fn paths_show_what_they_hold_where_that_was_recorded() {
        let mut with_heap = profile();
        let text = |profile: &Profile| {
            let mut text = Vec::new();
            profile.call_tree(&TreeOptions::default()).print(&mut text, Look::default()).unwrap();
            String::from_utf8(text).unwrap()
        };
        assert!(!text(&with_heap).contains("heap"));
        let heap = HeapCounts {
            allocations: 3,
            allocated_bytes: 3 << 20,
            frees: 1,
            freed_bytes: 1 << 20,
            samples: 0,
        };
        let path = with_heap.paths()[3].clone();
        with_heap.add_path(path.parent, path.function, &Counts { heap, ..Counts::default() });
        let text = text(&with_heap);
        let cells = |name: &str| -> String {
            let line = text.lines().find(|line| line.contains(name)).unwrap();
            line.split_whitespace().skip(4).take(9).collect::<Vec<_>>().join(" ")
        };
        assert!(text.contains("self heap") && text.contains("cum. heap"), "{text}");
        let root = &with_heap.call_tree(&TreeOptions::default()).rows[0];
        assert_eq!((root.heap, root.cumulative_heap), (HeapCounts::default(), heap));
        // Of the leaf, its own are all.
        assert_eq!(cells("      b"), "3 3.0 MiB 2.0 MiB 3 3.0 MiB 2.0", "{text}");
    }

    #[test]
    fn a_pattern_keeps_the_paths_through_its_functions() {
        let options = |restrictions: Vec<Restriction>| TreeOptions { restrictions, ..Default::default() };
        let names = |options: &TreeOptions| lines(options).into_iter().map(|l| l.1).collect::<Vec<_>>();
        assert_eq!(names(&options(vec![r"\(c\)".into()])), ["a", "c", "b"]);
        assert_eq!(names(&options(vec![2.into()])), ["a", "c"]);
        let small = TreeOptions { min_percent: 20.0, ..Default::default() };
        assert_eq!(names(&small), ["a", "c", "b"]);
        assert_eq!(profile().call_tree(&small).hidden, 1);
    }
}
