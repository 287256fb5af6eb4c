//! `Style::Default`: the report for people. Numbers first, names last: a long or wide name moves no column.

use std::collections::HashMap;
use std::io::{self, Write};

use super::labels::LabelId;
use super::look::Look;
use super::restriction::{Remark, Restriction, Selection, select};
use super::row::{self, Row};
use super::text_table::{Cell, Column, Table};
use super::{EdgeStats, Stats, saturating_sum};
use crate::profile::{HeapCounts, Label, Notes};
use crate::units::{bytes, count, counted, duration, is_unseen, percent};

pub(super) fn stats(stats: &Stats, restrictions: &[Restriction], out: &mut dyn Write) -> io::Result<()> {
    let Selection { functions, remarks } = select(stats, restrictions);
    head(stats, "functions", &functions, &remarks, out)?;
    let rows = row::rows(stats, &functions);
    if !rows.is_empty() {
        writeln!(out)?;
        let cost = if stats.show_overhead { &OVERHEAD[..] } else { &COST[..] };
        let columns: Vec<&Field> = FIELDS.iter().chain(cost).filter(|f| rows.iter().any(f.when)).collect();
        let heads = columns.iter().map(|f| Column { title: f.title, group: f.group, rank: f.rank });
        let mut table = Table::new(heads.collect(), stats.look);
        for row in &rows {
            table.line(
                columns.iter().map(|f| (f.text)(row).into()).collect(),
                marked(&row.label, row.untimed),
            );
        }
        let left_out = table.fit();
        table.write("function", out)?;
        let columns: Vec<&Field> = (columns.into_iter())
            .filter(|f| left_out.iter().all(|c| (c.group, c.title) != (f.group, f.title)))
            .collect();
        legend(&columns, &rows, stats.look, out)?;
        explain_mark(stats, rows.iter().any(|row| row.untimed > 0), out)?;
        narrowed(&left_out, stats.look, out)?;
    }
    notes(stats, out)?;
    writeln!(out)
}

/// One column: when it is worth its place, and what it shows of a row.
struct Field {
    group: &'static str,
    title: &'static str,
    /// The higher, the sooner it is left out where the terminal is narrow.
    rank: u8,
    when: fn(&Row) -> bool,
    text: fn(&Row) -> String,
    meaning: &'static str,
}

const FIELDS: [Field; 22] = [
    field("", "calls", 0, |_| true, |r| calls(r.calls, r.primitive_calls), ""),
    field("", "self", 0, |_| true, |r| duration(r.total), ""),
    field("", "cumulative", 1, |_| true, |r| duration(r.cumulative), ""),
    field("", "per call", 2, |_| true, |r| r.per_call.map_or("-".into(), duration), ""),
    field("elapsed", "p50", 7, has_elapsed, |r| r.elapsed.map_or("-".into(), |e| duration(e.p50)), ""),
    field("elapsed", "p95", 3, has_elapsed, |r| r.elapsed.map_or("-".into(), |e| duration(e.p95)), ""),
    field("elapsed", "p99", 8, has_elapsed, |r| r.elapsed.map_or("-".into(), |e| duration(e.p99)), ""),
    field("elapsed", "max", 6, has_elapsed, |r| r.elapsed.map_or("-".into(), |e| duration(e.max)), ""),
    field("self", "busy", 9, is_async, |r| duration(r.busy), "busy = on a CPU or blocked"),
    field("self", "await", 4, is_async, |r| duration(r.wait), "await = suspended"),
    field("", "polls", 10, is_async, |r| some(r.polls), ""),
    field("", "long poll", 11, is_async, |r| duration(r.longest_poll), ""),
    field("", "in flight", 5, |r| r.in_flight > 0, |r| some(r.in_flight), "in flight = begun and not ended"),
    field("", "panicked", 5, |r| r.panicked > 0, |r| some(r.panicked), ""),
    field("", "cancelled", 5, |r| r.cancelled > 0, |r| some(r.cancelled), ""),
    field(SELF_HEAP, "blocks", 8, has_heap, |r| BLOCKS(&r.heap), ""),
    field(SELF_HEAP, "bytes", 6, has_heap, |r| ALLOCATED(&r.heap), ""),
    field(SELF_HEAP, "live", 4, has_heap, |r| LIVE(&r.heap), ""),
    field(CUMULATIVE_HEAP, "blocks", 8, has_heap, |r| BLOCKS(&r.cumulative_heap), ""),
    field(
        CUMULATIVE_HEAP,
        "bytes",
        5,
        has_heap,
        |r| ALLOCATED(&r.cumulative_heap),
        "blocks, bytes = allocated there, wherever they were freed",
    ),
    field(
        CUMULATIVE_HEAP,
        "live",
        1,
        has_heap,
        |r| LIVE(&r.cumulative_heap),
        "live = of those bytes, not freed; cum. = with all that it called",
    ),
    field(
        CUMULATIVE_HEAP,
        "samples",
        7,
        |r| r.cumulative_heap.samples > 0,
        |r| some(r.cumulative_heap.samples),
        "~ = estimated from that many sampled blocks: of 25 the error is some 20%, of 100 some 10%",
    ),
];

/// What the profiler cost in all.
const COST: [Field; 1] =
    [field("", "cost", 12, |r| r.cost > 0.0, cost, "cost = spent by the profiler itself")];

/// What of it is in the functions' own times, where that is asked for.
const OVERHEAD: [Field; 2] = [
    field(
        "overhead",
        "time",
        12,
        |r| r.overhead > 0.0,
        |r| duration(r.overhead),
        "overhead = of the profiler itself, within the calls",
    ),
    field(
        "overhead",
        "of self",
        4,
        |r| r.overhead > 0.0,
        overhead_share,
        "of self = its share of self, ! above 10%: do not trust that self time",
    ),
];

const fn field(
    group: &'static str,
    title: &'static str,
    rank: u8,
    when: fn(&Row) -> bool,
    text: fn(&Row) -> String,
    meaning: &'static str,
) -> Field {
    Field { group, title, rank, when, text, meaning }
}

fn has_elapsed(row: &Row) -> bool {
    row.elapsed.is_some()
}

fn is_async(row: &Row) -> bool {
    row.polls > 0 || row.wait > 0.0
}

/// Over the columns of what a function's own code asked of the heap, and of that with all below it.
const SELF_HEAP: &str = "self heap";
const CUMULATIVE_HEAP: &str = "cum. heap";

/// What a column of the heap shows.
pub(super) type OfHeap = fn(&HeapCounts) -> String;
const BLOCKS: OfHeap = |heap| estimated(heap, heap.allocations, count);
pub(super) const ALLOCATED: OfHeap = |heap| estimated(heap, heap.allocated_bytes, bytes);
pub(super) const LIVE: OfHeap = |heap| estimated(heap, heap.live_bytes(), bytes);

/// A dot for none; what was estimated is marked.
fn estimated(heap: &HeapCounts, n: u64, text: fn(u64) -> String) -> String {
    match n {
        0 => ".".into(),
        n if heap.samples > 0 => format!("~{}", text(n)),
        n => text(n),
    }
}

fn has_heap(row: &Row) -> bool {
    row.cumulative_heap != HeapCounts::default()
}

/// A count that is usually zero: the dot keeps the others in sight.
fn some(n: u64) -> String {
    if n == 0 { ".".into() } else { count(n) }
}

fn cost(row: &Row) -> String {
    format!("{}{}", duration(row.cost), if row.cost_matters { "!" } else { " " })
}

pub(super) fn calls(all: u64, primitive: u64) -> String {
    if all == primitive { count(all) } else { format!("{}/{}", count(all), count(primitive)) }
}

fn overhead_share(row: &Row) -> String {
    let Some(share) = row.overhead_share else { return "- ".into() };
    format!("{}{}", percent(share, 1.0), if share > 0.1 { "!" } else { " " })
}

/// As [`name`], with a mark where calls were only counted.
fn marked(label: &Label, untimed: u64) -> String {
    if untimed == 0 {
        return name(label, "");
    }
    name(&Label { name: format!("{} *", label.name), ..label.clone() }, "")
}

/// Says what the mark of [`marked`] means, if there is one.
fn explain_mark(stats: &Stats, is_there: bool, out: &mut dyn Write) -> io::Result<()> {
    if !is_there {
        return Ok(());
    }
    let after = match stats.covers.notes.untimed_after {
        0 => String::new(),
        calls => format!(" after {}", counted(calls, "call")),
    };
    writeln!(
        out,
        "{}",
        stats.look.wrapped(&format!(
            "  * many and short: one call of many is timed{after}; counts are exact, times estimated"
        ))
    )
}

/// `Orders::load  orders.rs:42`, and the name alone where there is no source.
pub(super) fn name(label: &Label, arrow: &str) -> String {
    let Label { file, line, name } = label;
    // A name is one line of a log, whatever it holds.
    let clean = |text: &str| text.replace(|c: char| c.is_control() || is_unseen(c), "?");
    if file == "~" && *line == 0 {
        return format!("{arrow}{}", clean(name));
    }
    format!("{arrow}{}  {}:{line}", clean(name), clean(file))
}

/// What is explained below the table: only signs that stand in it.
fn legend(columns: &[&Field], rows: &[Row], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut meanings: Vec<&str> = Vec::new();
    if rows.iter().any(|r| r.calls != r.primitive_calls) {
        meanings.push("calls = all/not recursive");
    }
    meanings.extend(columns.iter().map(|f| f.meaning).filter(|m| !m.is_empty()));
    if rows.iter().any(|r| r.cost_matters) && columns.iter().any(|f| f.title == "cost") {
        meanings.push("! = cost above 10% of self, do not trust that self time");
    }
    for line in wrapped(&meanings, 98) {
        writeln!(out, "{}", look.wrapped(&format!("  {line}")))?;
    }
    Ok(())
}

/// Says what is not shown for want of room.
pub(crate) fn narrowed(left_out: &[Column], look: Look, out: &mut dyn Write) -> io::Result<()> {
    if left_out.is_empty() {
        return Ok(());
    }
    let names = left_out.iter().map(|c| format!("{} {}", c.group, c.title).trim().to_owned());
    let names: Vec<String> = names.collect();
    let text = format!("  the terminal is too narrow for: {}", names.join(", "));
    writeln!(out, "{}", look.wrapped(&text))
}

/// Phrases joined by `; ` into lines of at most that many characters.
fn wrapped(phrases: &[&str], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for phrase in phrases {
        match lines.last_mut() {
            Some(line) if line.len() + 2 + phrase.len() <= width => {
                line.push_str("; ");
                line.push_str(phrase);
            }
            _ => lines.push((*phrase).to_owned()),
        }
    }
    lines
}

pub(super) fn callers(stats: &Stats, restrictions: &[Restriction], out: &mut dyn Write) -> io::Result<()> {
    edges(stats, restrictions, "callers of", "<- ", out, |id| {
        let Some(f) = stats.functions.get(id) else { return (Vec::new(), None) };
        let edges: Vec<_> = f.callers.iter().map(|(id, edge)| (id, *edge)).collect();
        let by_callers = saturating_sum(edges.iter().map(|(_, edge)| edge.calls));
        (edges, f.calls.checked_sub(by_callers).filter(|&calls| calls > 0))
    })
}

pub(super) fn callees(stats: &Stats, restrictions: &[Restriction], out: &mut dyn Write) -> io::Result<()> {
    edges(stats, restrictions, "callees of", "-> ", out, |id| (stats.callees_of(id), None))
}

/// The columns of the heap beside an edge or a path, where there are any: group, title, rank, text.
const HEAP_OF_EDGES: [(&str, &str, u8, OfHeap); 6] = [
    (SELF_HEAP, "blocks", 6, BLOCKS),
    (SELF_HEAP, "bytes", 5, ALLOCATED),
    (SELF_HEAP, "live", 4, LIVE),
    (CUMULATIVE_HEAP, "blocks", 6, BLOCKS),
    (CUMULATIVE_HEAP, "bytes", 3, ALLOCATED),
    (CUMULATIVE_HEAP, "live", 1, LIVE),
];

/// The heads of the heap's columns beside an edge or a path.
pub(crate) fn heap_columns() -> impl Iterator<Item = Column> {
    HEAP_OF_EDGES.iter().map(|&(group, title, rank, _)| Column { title, group, rank })
}

/// What stands in them: of its own code, and with all below it.
pub(crate) fn heap_cells(own: &HeapCounts, cumulative: &HeapCounts) -> Vec<Cell> {
    let of = |group| if group == SELF_HEAP { own } else { cumulative };
    HEAP_OF_EDGES.iter().map(|(group, _, _, text)| text(of(*group)).into()).collect()
}

/// The edges of a function, and its calls from outside all that is profiled.
type Edges = (Vec<(LabelId, EdgeStats)>, Option<u64>);

fn edges(
    stats: &Stats,
    restrictions: &[Restriction],
    what: &str,
    arrow: &str,
    out: &mut dyn Write,
    edges_of: impl Fn(LabelId) -> Edges,
) -> io::Result<()> {
    let Selection { functions, remarks } = select(stats, restrictions);
    head(stats, what, &functions, &remarks, out)?;
    let arrow = format!("    {arrow}");
    let has_heap = stats.functions.iter().any(|(_, f)| f.details.cumulative_heap != HeapCounts::default());
    let heap_cells = |own: &HeapCounts, cumulative: &HeapCounts| {
        if has_heap { heap_cells(own, cumulative) } else { Vec::new() }
    };
    let heads = [("", "calls", 0), ("", "self", 1), ("", "cumulative", 0)].into_iter();
    let heads = heads.map(|(group, title, rank)| Column { title, group, rank });
    let heads = heads.chain(heap_columns().filter(|_| has_heap));
    let mut table = Table::new(heads.collect(), stats.look);
    // PERF: a function is named once for each that it calls or is called by.
    let mut names: HashMap<LabelId, String> = HashMap::new();
    for &id in &functions {
        let Some(f) = stats.functions.get(id) else { continue };
        let cells = [calls(f.calls, f.primitive_calls), duration(f.tottime), duration(f.cumtime)];
        let cells = cells.map(Cell::from).into_iter();
        let heap = heap_cells(&f.details.heap, &f.details.cumulative_heap);
        table.gap();
        table.line(cells.chain(heap).collect(), marked(stats.labels.label(id), f.details.untimed));
        let (mut edges, outside) = edges_of(id);
        // The dearest first; equal ones in order of their labels.
        edges.sort_by(|(a, e), (b, f)| {
            let by_time = f.cumtime.total_cmp(&e.cumtime);
            by_time.then_with(|| stats.labels.label(*a).cmp(stats.labels.label(*b)))
        });
        for (other, edge) in edges {
            let time = |seconds| if edge.calls_only { "-".into() } else { duration(seconds) };
            let cells = [calls(edge.calls, edge.primitive_calls), time(edge.tottime), time(edge.cumtime)];
            let cells = cells.map(Cell::from).into_iter();
            let heap = heap_cells(&edge.heap, &edge.cumulative_heap);
            let name = names.entry(other).or_insert_with(|| name(stats.labels.label(other), &arrow));
            table.line(cells.chain(heap).collect(), name.clone());
        }
        if let Some(outside) = outside {
            let mut cells = vec![Cell::from(count(outside))];
            let empty = if has_heap { 2 + HEAP_OF_EDGES.len() } else { 2 };
            cells.extend((0..empty).map(|_| Cell::from(String::new())));
            table.line(cells, format!("{arrow}(no caller)"));
        }
    }
    if !functions.is_empty() {
        writeln!(out)?;
        let left_out = table.fit();
        table.write("function", out)?;
        let untimed = |&id| stats.functions.get(id).is_some_and(|f| f.details.untimed > 0);
        explain_mark(stats, functions.iter().any(untimed), out)?;
        narrowed(&left_out, stats.look, out)?;
    }
    notes(stats, out)?;
    writeln!(out)
}

/// What the profile covers, how the list is sorted, and what it leaves out.
fn head(
    stats: &Stats,
    what: &str,
    functions: &[LabelId],
    remarks: &[Remark],
    out: &mut dyn Write,
) -> io::Result<()> {
    let covers = &stats.covers;
    let mut parts = vec![counted(stats.total_calls, "call")];
    if stats.prim_calls != stats.total_calls {
        parts[0] += &format!(" ({} not recursive)", count(stats.prim_calls));
    }
    parts.push(counted(stats.functions.len() as u64, "function"));
    parts.push(format!("{} in them", duration(stats.total_tt)));
    if !covers.duration.is_zero() {
        parts.push(format!("{} of wall time", duration(covers.duration.as_secs_f64())));
    }
    if covers.threads > 0 {
        parts.push(counted(covers.threads.into(), "thread"));
    }
    if covers.profiles > 1 {
        parts.push(format!("{} added up", counted(covers.profiles.into(), "profile")));
    }
    let look = stats.look;
    writeln!(out, "{}", look.wrapped(&format!("profile: {}", parts.join(", "))))?;
    let order = match &stats.order {
        Some(order) => {
            let keys: Vec<&str> = order.keys.iter().map(|key| key.description()).collect();
            format!("by {}{}", keys.join(", "), if order.reversed { ", reversed" } else { "" })
        }
        None if covers.of_dump => "in the order of the dump".into(),
        None => "in order of first call".into(),
    };
    let (shown, all) = (functions.len(), stats.functions.len());
    let amount = if shown == all {
        count(all as u64)
    } else {
        format!("{} of {}", count(shown as u64), count(all as u64))
    };
    let what = if what == "functions" { "functions".to_owned() } else { format!("{what} functions") };
    let text = format!("{what}, {order}: {amount} shown{}", limits(remarks));
    writeln!(out, "{}", look.wrapped(&text))?;
    ignored(remarks, look, out)
}

/// Says which patterns limited nothing, and why.
pub(super) fn ignored(remarks: &[Remark], look: Look, out: &mut dyn Write) -> io::Result<()> {
    for remark in remarks {
        let text = match remark {
            Remark::Invalid(pattern) => format!("not a regular expression, ignored: {pattern:?}"),
            Remark::Unsupported { pattern, what } => {
                format!("{what} is not supported, ignored: {pattern:?}")
            }
            Remark::Reduced { .. } => continue,
        };
        writeln!(out, "{}", look.wrapped(&text))?;
    }
    Ok(())
}

pub(super) fn limits(remarks: &[Remark]) -> String {
    let limits: Vec<String> = (remarks.iter())
        .filter_map(|remark| match remark {
            Remark::Reduced { by: Restriction::Count(lines), .. } => Some(format!("first {lines}")),
            Remark::Reduced { by: Restriction::Fraction(share), .. } => {
                Some(format!("first {}", percent(*share, 1.0)))
            }
            Remark::Reduced { by: Restriction::Regex(pattern), .. } => Some(format!("matching {pattern:?}")),
            _ => None,
        })
        .collect();
    if limits.is_empty() { String::new() } else { format!(" ({})", limits.join(", then ")) }
}

fn notes(stats: &Stats, out: &mut dyn Write) -> io::Result<()> {
    let look = stats.look;
    note_lines(stats).iter().try_for_each(|note| writeln!(out, "{}", look.wrapped(&format!("note: {note}"))))
}

/// What was lost, and what the profiler cost. Nothing is lost in silence.
pub(super) fn note_lines(stats: &Stats) -> Vec<String> {
    let Notes { truncated_calls, late_events, clock_backsteps, unisolated_reports, .. } = stats.covers.notes;
    let mut lines = Vec::new();
    for (n, what) in [
        (truncated_calls, "call beyond the cap on call paths: counted as [truncated] under the same caller"),
        (late_events, "event after the thread's end began: not in this report"),
        (clock_backsteps, "backward step of the clock: counted as no time"),
        (unisolated_reports, "call without a report of its own: too many were being reported already"),
    ] {
        if n > 0 {
            let (noun, rest) = what.split_once(' ').unwrap_or((what, ""));
            lines.push(format!("{} {rest}", counted(n, noun)));
        }
    }
    let heap = stats.covers.notes.heap;
    if heap != HeapCounts::default() {
        let samples = if heap.samples > 0 {
            format!(" (estimated from {})", counted(heap.samples, "sample"))
        } else {
            String::new()
        };
        lines.push(format!(
            "all code of the process allocated {} blocks of together {}; {} of these live, {}{samples}",
            count(heap.allocations),
            ALLOCATED(&heap),
            count(heap.live_blocks()),
            LIVE(&heap),
        ));
    }
    let cost: f64 = stats.functions.iter().map(|(_, f)| f.details.cost).sum();
    if cost > 0.0 {
        let share = percent(cost, stats.total_tt);
        lines
            .push(format!("the profiler itself took about {}, {share} of the time reported", duration(cost)));
    }
    lines
}
