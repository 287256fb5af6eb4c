//! `Style::Pstats`: byte for byte what Python's pstats prints.

use std::io::{self, Write};

use super::labels::LabelId;
use super::python::{f3, f8};
use super::restriction::{Restriction, Selection, select};
use super::{EdgeStats, FunctionStats, Stats};
use crate::profile::Label;

/// `3`, or `3/1` where some calls were recursive.
pub(super) fn call_counts(calls: u64, primitive: u64) -> String {
    if calls == primitive { calls.to_string() } else { format!("{calls}/{primitive}") }
}

pub(super) fn stats(stats: &Stats, restrictions: &[Restriction], out: &mut dyn Write) -> io::Result<()> {
    for id in top_level(stats) {
        writeln!(out, "{:8} {}", "", stats.labels.label(id).name)?;
    }
    write!(out, "{:8} {} function calls ", "", stats.total_calls)?;
    if stats.total_calls != stats.prim_calls {
        write!(out, "({} primitive calls) ", stats.prim_calls)?;
    }
    writeln!(out, "in {} seconds\n", f3(stats.total_tt))?;
    let Some((functions, _)) = listed(stats, restrictions, out)? else { return Ok(()) };
    writeln!(out, "   ncalls  tottime  percall  cumtime  percall filename:lineno(function)")?;
    for id in functions {
        let Some(f) = stats.functions.get(id) else { continue };
        let per_call = |x: f64, calls: u64| if calls == 0 { " ".repeat(8) } else { f8(x / calls as f64) };
        writeln!(
            out,
            "{:>9} {} {} {} {} {}",
            call_counts(f.calls, f.primitive_calls),
            f8(f.tottime),
            per_call(f.tottime, f.calls),
            f8(f.cumtime),
            per_call(f.cumtime, f.primitive_calls),
            stats.labels.standard(id),
        )?;
    }
    write!(out, "\n\n")
}

/// pstats' `top_level`: what Jython's profiler marks as called from outside.
fn top_level(stats: &Stats) -> impl Iterator<Item = LabelId> {
    let marker = stats.labels.find(&Label::new("jprofile", 0, "profiler"));
    let called = move |f: &FunctionStats| marker.is_some_and(|marker| f.callers.get(marker).is_some());
    stats.functions.iter().filter(move |(_, f)| called(f)).map(|(id, _)| id)
}

pub(super) fn callers(stats: &Stats, restrictions: &[Restriction], out: &mut dyn Write) -> io::Result<()> {
    let Some((functions, width)) = listed(stats, restrictions, out)? else { return Ok(()) };
    heading(stats, width, "was called by...", out)?;
    for id in functions {
        let edges = stats.functions.get(id).map(|f| f.callers.iter().map(|(c, e)| (c, *e)).collect());
        edge_lines(stats, width, id, "<-", edges.unwrap_or_default(), out)?;
    }
    write!(out, "\n\n")
}

pub(super) fn callees(stats: &Stats, restrictions: &[Restriction], out: &mut dyn Write) -> io::Result<()> {
    let Some((functions, width)) = listed(stats, restrictions, out)? else { return Ok(()) };
    heading(stats, width, "called...", out)?;
    for id in functions {
        edge_lines(stats, width, id, "->", stats.callees_of(id), out)?;
    }
    write!(out, "\n\n")
}

/// pstats' `get_print_list`: prints order and restrictions; the functions and the width of their names.
fn listed(
    stats: &Stats,
    restrictions: &[Restriction],
    out: &mut dyn Write,
) -> io::Result<Option<(Vec<LabelId>, usize)>> {
    let Selection { functions, remarks } = select(stats, restrictions);
    if functions.is_empty() {
        return Ok(None);
    }
    match &stats.order {
        Some(order) => {
            let keys: Vec<&str> = order.keys.iter().map(|key| key.description()).collect();
            writeln!(out, "   Ordered by: {}", keys.join(", "))?;
        }
        None => writeln!(out, "   Random listing order was used")?,
    }
    for remark in remarks {
        write!(out, "{}", remark.pstats_line())?;
    }
    writeln!(out)?;
    let width = if functions.len() < stats.functions.len() {
        functions.iter().map(|&id| stats.labels.length(id)).max().unwrap_or(0)
    } else {
        stats.max_name_len
    };
    Ok(Some((functions, width + 2)))
}

fn heading(stats: &Stats, width: usize, title: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:width$}{title}", "Function ")?;
    // The first caller speaks for all.
    let first = stats.functions.iter().find_map(|(_, f)| f.callers.iter().next());
    if first.is_some_and(|(_, edge)| !edge.calls_only) {
        writeln!(out, "{:width$}    ncalls  tottime  cumtime", "")?;
    }
    Ok(())
}

fn edge_lines(
    stats: &Stats,
    width: usize,
    id: LabelId,
    arrow: &str,
    mut edges: Vec<(LabelId, EdgeStats)>,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "{:width$}{arrow} ", stats.labels.standard(id))?;
    if edges.is_empty() {
        return writeln!(out);
    }
    edges.sort_by(|(a, _), (b, _)| stats.labels.label(*a).cmp(stats.labels.label(*b)));
    // The first stands behind the name, right-aligned to 7; the others on lines of their own, to 9.
    let (mut indent, mut right) = (0, 7);
    for (other, edge) in edges {
        if edge.calls_only {
            let ct = f8(stats.functions.get(other).map_or(0.0, |f| f.cumtime));
            let by_count = if indent == 0 { 0 } else { width + 3 };
            writeln!(out, "{:by_count$}{}({}) {ct}", "", stats.labels.standard(other), edge.calls)?;
            (indent, right) = (width + 1, 9);
            continue;
        }
        let calls = call_counts(edge.calls, edge.primitive_calls);
        let (tt, ct) = (f8(edge.tottime), f8(edge.cumtime));
        writeln!(out, "{:indent$}{calls:>right$} {tt} {ct}  {}", "", stats.labels.standard(other))?;
        (indent, right) = (width + 1, 9);
    }
    Ok(())
}
