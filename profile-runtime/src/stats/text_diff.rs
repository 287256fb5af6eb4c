//! The table of what changed between two profiles.

use std::cmp::Ordering;
use std::io::{self, Write};

use super::diff::{Change, Diff, DiffRow, Figures};
use super::restriction::Selection;
use super::sort::SortKey;
use super::text_default::{ALLOCATED, LIVE, calls, ignored, limits, name, narrowed};
use super::text_table::{Cell, Column, Table, Tint};
use crate::profile::HeapCounts;
use crate::units::{bytes, count, counted, duration};

pub(super) fn write(diff: &Diff, selection: &Selection, out: &mut dyn Write) -> io::Result<()> {
    let look = diff.joint.look;
    let [before, after] = &diff.totals;
    let total = |f: &Figures| format!("{} in {}", duration(f.total), counted(f.calls, "call"));
    let change = Change { before: before.total, after: after.total };
    let normalized = if diff.normalized { "; shares compared" } else { "" };
    let text = format!(
        "difference: {} before, {} after, {}{normalized}",
        total(before),
        total(after),
        share(&change)
    );
    writeln!(out, "{}", look.wrapped(&text))?;
    let rows: Vec<&DiffRow> = selection.functions.iter().filter_map(|id| diff.rows.get(id)).collect();
    let has_heap = diff.rows.values().any(has_heap);
    if has_heap {
        let held = |f: &Figures| format!("{} allocated and {} live", ALLOCATED(&f.heap), LIVE(&f.heap));
        let text = format!("heap: {} before, {} after", held(before), held(after));
        writeln!(out, "{}", look.wrapped(&text))?;
    }
    let keys = diff.joint.order.iter().flat_map(|order| &order.keys).map(|key| match key {
        SortKey::Filename | SortKey::Line | SortKey::Name | SortKey::Nfl | SortKey::Stdname => {
            key.description().to_owned()
        }
        _ => format!("change of {}", key.description()),
    });
    let reversed = diff.joint.order.as_ref().is_some_and(|order| order.reversed);
    let text = format!(
        "functions, by {}{}: {} of {} shown{}",
        keys.collect::<Vec<_>>().join(", "),
        if reversed { ", reversed" } else { "" },
        count(selection.functions.len() as u64),
        count(diff.rows.len() as u64),
        limits(&selection.remarks)
    );
    writeln!(out, "{}", look.wrapped(&text))?;
    ignored(&selection.remarks, look, out)?;
    if !rows.is_empty() {
        writeln!(out)?;
        let fields = || FIELDS.iter().chain(HEAP_FIELDS.iter().filter(|_| has_heap));
        let heads = fields().map(|(group, title, rank, _)| Column { title, group, rank: *rank });
        let mut table = Table::new(heads.collect(), look);
        for row in &rows {
            table.line(fields().map(|(.., cell)| cell(row)).collect(), name(&row.label, ""));
        }
        let left_out = table.fit();
        table.write("function", out)?;
        narrowed(&left_out, look, out)?;
    }
    writeln!(out)
}

type Field = (&'static str, &'static str, u8, fn(&DiffRow) -> Cell);

const FIELDS: [Field; 13] = [
    ("", "cause", 1, |r| r.cause().to_owned().into()),
    ("self", "before", 8, |r| seconds(r.before.map(|f| f.total * r.time_scale))),
    ("self", "after", 4, |r| seconds(r.after.map(|f| f.total))),
    ("self", "change", 0, |r| tinted(signed(&r.total()), &r.total())),
    ("self", "%", 6, |r| tinted(share(&r.total()), &r.total())),
    ("cumulative", "before", 12, |r| seconds(r.before.map(|f| f.cumulative * r.time_scale))),
    ("cumulative", "after", 11, |r| seconds(r.after.map(|f| f.cumulative))),
    ("cumulative", "change", 5, |r| tinted(signed(&r.cumulative()), &r.cumulative())),
    ("calls", "before", 10, |r| {
        r.before
            .map_or("-".into(), |f| match r.call_scale {
                1.0 => calls(f.calls, f.primitive_calls),
                scale => count((f.calls as f64 * scale).round() as u64),
            })
            .into()
    }),
    ("calls", "after", 9, |r| r.after.map_or("-".into(), |f| calls(f.calls, f.primitive_calls)).into()),
    ("calls", "%", 3, |r| share(&r.calls()).into()),
    ("per call", "after", 7, |r| seconds(r.after.and_then(|f| f.per_call()))),
    ("per call", "%", 2, |r| match r.per_call() {
        Some(change) => tinted(share(&change), &change),
        None => "-".to_owned().into(),
    }),
];

/// Where there is any heap. Never normalized, as the order by it is not.
const HEAP_FIELDS: [Field; 8] = [
    ("self allocated", "after", 16, |r| after(r, |f| ALLOCATED(&f.heap))),
    ("self allocated", "change", 10, |r| grown(r, |f| f.heap, |heap| heap.allocated_bytes)),
    ("self live", "after", 13, |r| after(r, |f| LIVE(&f.heap))),
    ("self live", "change", 4, |r| grown(r, |f| f.heap, HeapCounts::live_bytes)),
    ("cum. allocated", "after", 15, |r| after(r, |f| ALLOCATED(&f.cumulative_heap))),
    ("cum. allocated", "change", 11, |r| grown(r, |f| f.cumulative_heap, |heap| heap.allocated_bytes)),
    ("cum. live", "after", 14, |r| after(r, |f| LIVE(&f.cumulative_heap))),
    ("cum. live", "change", 3, |r| grown(r, |f| f.cumulative_heap, HeapCounts::live_bytes)),
];

fn has_heap(row: &DiffRow) -> bool {
    row.before.iter().chain(&row.after).any(|f| f.cumulative_heap != HeapCounts::default())
}

fn after(row: &DiffRow, text: fn(&Figures) -> String) -> Cell {
    row.after.map_or("-".into(), |f| text(&f)).into()
}

/// `+1.2 MiB`, and a dot where nothing changed; `~` where one of the two is estimated.
fn grown(row: &DiffRow, heap: fn(&Figures) -> HeapCounts, figure: fn(&HeapCounts) -> u64) -> Cell {
    let [before, after] = [row.before, row.after].map(|f| f.as_ref().map(heap).unwrap_or_default());
    let mark = if before.samples > 0 || after.samples > 0 { "~" } else { "" };
    let [old, new] = [figure(&before), figure(&after)];
    let text = match new.cmp(&old) {
        Ordering::Less => format!("{mark}-{}", bytes(old - new)),
        Ordering::Equal => ".".into(),
        Ordering::Greater => format!("{mark}+{}", bytes(new - old)),
    };
    tinted(text, &Change { before: old as f64, after: new as f64 })
}

fn seconds(value: Option<f64>) -> Cell {
    value.map_or("-".into(), duration).into()
}

/// `+1.20ms`; no sign where nothing changed.
fn signed(change: &Change) -> String {
    let plus = if change.absolute() > 0.0 { "+" } else { "" };
    format!("{plus}{}", duration(change.absolute()))
}

/// `+12.3%`; a dash where there was nothing before.
fn share(change: &Change) -> String {
    match change.relative() {
        Some(share) if share.abs() >= 10.0 => format!("{:+.0}%", 100.0 * share),
        Some(0.0) => "0%".into(),
        Some(share) => format!("{:+.1}%", 100.0 * share),
        None => "-".into(),
    }
}

/// Red or green where the change is at least 1 %.
fn tinted(text: String, change: &Change) -> Cell {
    let share = change.relative().unwrap_or(change.after);
    let tint = match share {
        0.01.. => Tint::Worse,
        ..=-0.01 => Tint::Better,
        _ => Tint::Plain,
    };
    Cell::new(text, tint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Counts, Label, Profile};
    use crate::stats::Stats;

    const KIB: u64 = 1024;

    /// `serve` and what it calls, each with bytes allocated and freed, and of how many samples.
    fn stats(functions: &[(&str, u64, u64, u64)]) -> Stats {
        let mut profile = Profile::new();
        let mut caller = None;
        for &(name, allocated_bytes, freed_bytes, samples) in functions {
            let function = profile.add_function(Label::new("a.rs", 1, name));
            let heap = HeapCounts { allocations: 3, allocated_bytes, frees: 1, freed_bytes, samples };
            let counts = Counts { starts: 1, returned: 1, self_busy: 5, heap, ..Counts::default() };
            let path = profile.add_path(caller, function, &counts);
            caller = caller.or(Some(path));
        }
        Stats::new(profile)
    }

    fn text(diff: &Diff) -> String {
        let mut text = Vec::new();
        diff.print(&mut text, ()).expect("a Vec takes every write");
        String::from_utf8(text).expect("names are text")
    }

    /// The words of a function's line from its column of self allocated on.
    fn heap_of(text: &str, function: &str) -> String {
        let line =
            text.lines().find(|line| line.contains(&format!("  {function}  a.rs:1"))).expect("it is there");
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        cells[cells.len() - 10..cells.len() - 2].join("|")
    }

    #[test]
    fn the_heap_has_columns_where_there_is_any() {
        let before = stats(&[
            ("serve", 10 * KIB, 0, 0),
            ("grows", 4 * KIB, KIB, 0),
            ("gone", 2 * KIB, 0, 0),
            ("stays", 500, 500, 0),
            ("sampled", 900 * KIB, 0, 9),
        ]);
        let after = stats(&[
            ("serve", 10 * KIB, 2 * KIB, 0),
            ("grows", 9 * KIB, 5 * KIB, 0),
            ("new", 700, 100, 0),
            ("stays", 500, 500, 0),
            ("sampled", 800 * KIB, 0, 8),
        ]);
        let mut diff = Diff::new(&before, &after);
        diff.sort([SortKey::CumulativeLiveBytes]);
        let text = text(&diff);
        assert!(text.contains("functions, by change of cumulative live bytes: "), "{text}");
        for (function, cells) in [
            ("grows", "9.0 KiB|+5.0 KiB|4.0 KiB|+1.0 KiB|9.0 KiB|+5.0 KiB|4.0 KiB|+1.0 KiB"),
            ("gone", "-|-2.0 KiB|-|-2.0 KiB|-|-2.0 KiB|-|-2.0 KiB"),
            ("new", "700 B|+700 B|600 B|+600 B|700 B|+700 B|600 B|+600 B"),
            ("stays", "500 B|.|.|.|500 B|.|.|."),
            ("sampled", "~800 KiB|~-100 KiB|~800 KiB|~-100 KiB|~800 KiB|~-100 KiB|~800 KiB|~-100 KiB"),
        ] {
            assert_eq!(heap_of(&text, function), cells, "{function}: {text}");
        }
    }

    #[test]
    fn without_any_heap_it_has_none() {
        let of = |name| {
            let mut profile = Profile::new();
            let function = profile.add_function(Label::new("a.rs", 1, name));
            profile.add_path(
                None,
                function,
                &Counts { starts: 1, returned: 1, self_busy: 5, ..Counts::default() },
            );
            Stats::new(profile)
        };
        let text = text(&Diff::new(&of("f"), &of("f")));
        assert!(!text.contains("heap") && !text.contains("live") && !text.contains("allocated"), "{text}");
    }
}
