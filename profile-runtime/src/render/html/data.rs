//! What the page shows, as one JSON object: columns as arrays, each name once, nothing that is zero throughout.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io::{self, Write};

use crate::profile::{FunctionId, HeapCounts, Label, Profile};
use crate::render::Metric;
use crate::render::json_text::Quoted;
use crate::render::names::printable;
use crate::stats::{FunctionTotals, Percentiles, Row, Stats, totals};

/// Of the object's form; the view is of the same build, so that only a stored object can be another.
const VERSION: u32 = 1;

/// Writes the object. Functions stand in order of first call, those of the table first; `paths` and `edges` refer
/// to them by index. Times are nanoseconds.
pub(crate) fn write<W: Write>(profile: &Profile, out: &mut W) -> io::Result<()> {
    let stats = Stats::new(profile);
    let totals = totals(profile);
    let rows = stats.rows(());
    let mut functions = Functions::new(profile, &totals);

    write!(
        out,
        r#"{{"version":{VERSION},"calls":{},"primitive_calls":{}"#,
        stats.total_calls(),
        stats.prim_calls()
    )?;
    write!(out, r#","ns":{},"wall_ns":{}"#, Ns(stats.total_tt()), profile.duration.as_nanos())?;
    write!(out, r#","threads":{},"notes":"#, profile.threads)?;
    list(out, stats.notes().iter().map(|note| Quoted(note)))?;
    write_edges(profile, &totals, &mut functions, out)?;
    write_paths(profile, &mut functions, out)?;
    write_functions(&functions, &rows, out)?;
    out.write_all(b"}")
}

/// Nanoseconds of seconds: whole where they were whole before they became seconds.
struct Ns(f64);

impl Display for Ns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0 * 1e9;
        if !ns.is_finite() {
            return f.write_str("null");
        }
        let is_whole = (ns - ns.round()).abs() <= (ns.abs() * 1e-15).max(0.0005);
        if is_whole { write!(f, "{:.0}", ns.round() + 0.0) } else { write!(f, "{ns:.3}") }
    }
}

/// Which function has which index in the page: the rows of the table first, then whatever else is on a path.
struct Functions<'a> {
    profile: &'a Profile,
    index: Vec<Option<u32>>,
    labels: Vec<&'a Label>,
}

impl<'a> Functions<'a> {
    fn new(profile: &'a Profile, totals: &[FunctionTotals]) -> Self {
        let mut functions =
            Self { profile, index: vec![None; profile.functions().len()], labels: Vec::new() };
        for row in totals {
            functions.index(row.function);
        }
        functions
    }

    fn index(&mut self, id: FunctionId) -> u32 {
        *self.index[id.0 as usize].get_or_insert_with(|| {
            self.labels.push(&self.profile.function(id).label);
            self.labels.len() as u32 - 1
        })
    }
}

fn write_edges<W: Write>(
    profile: &Profile,
    totals: &[FunctionTotals],
    functions: &mut Functions<'_>,
    out: &mut W,
) -> io::Result<()> {
    let edges = || totals.iter().flat_map(|row| row.callers.iter().map(move |edge| (row.function, edge)));
    let seconds = |ticks: u64| Ns(profile.seconds_per_tick * ticks as f64);
    out.write_all(br#","edges":{"caller":"#)?;
    list(out, edges().map(|(_, edge)| functions.index(edge.caller)))?;
    column(out, "callee", edges().map(|(callee, _)| functions.index(callee)))?;
    column(out, "calls", edges().map(|(_, edge)| edge.calls))?;
    column(out, "primitive", edges().map(|(_, edge)| edge.primitive_calls))?;
    column(out, "self_ns", edges().map(|(_, edge)| seconds(edge.self_ticks)))?;
    column(out, "cumulative_ns", edges().map(|(_, edge)| seconds(edge.cumulative_ticks)))?;
    out.write_all(b"}")
}

fn write_paths<W: Write>(profile: &Profile, functions: &mut Functions<'_>, out: &mut W) -> io::Result<()> {
    let paths = profile.paths();
    // A root's parent is -1.
    out.write_all(br#","paths":{"parent":"#)?;
    list(out, paths.iter().map(|path| path.parent.map_or(-1, |parent| i64::from(parent.0))))?;
    column(out, "function", paths.iter().map(|path| functions.index(path.function)))?;
    let columns = [
        ("busy_ns", Metric::Busy.values(profile)),
        ("await_ns", Metric::Await.values(profile)),
        ("calls", Metric::Calls.values(profile)),
        ("allocated_bytes", paths.iter().map(|path| path.counts.heap.allocated_bytes).collect()),
        ("live_bytes", paths.iter().map(|path| path.counts.heap.live_bytes()).collect()),
    ];
    for (key, values) in &columns {
        if values.iter().any(|value| *value > 0) {
            column(out, key, values)?;
        }
    }
    out.write_all(b"}")
}

/// The table: the numbers of [`Stats::rows`], and a column only where the text report has one.
fn write_functions<W: Write>(functions: &Functions<'_>, rows: &[Row], out: &mut W) -> io::Result<()> {
    let mut files: Vec<&str> = Vec::new();
    let mut file_index: HashMap<&str, usize> = HashMap::new();
    let file: Vec<usize> = (functions.labels.iter())
        .map(|label| {
            *file_index.entry(&label.file).or_insert_with(|| {
                files.push(&label.file);
                files.len() - 1
            })
        })
        .collect();
    out.write_all(br#","files":"#)?;
    list(out, files.iter().map(|file| Text(file)))?;
    out.write_all(br#","functions":{"name":"#)?;
    list(out, functions.labels.iter().map(|label| Text(&label.name)))?;
    column(out, "file", file)?;
    column(out, "line", functions.labels.iter().map(|label| label.line))?;

    column(out, "calls", rows.iter().map(|row| row.calls))?;
    column(out, "primitive", rows.iter().map(|row| row.primitive_calls))?;
    column(out, "self_ns", rows.iter().map(|row| Ns(row.total)))?;
    column(out, "cumulative_ns", rows.iter().map(|row| Ns(row.cumulative)))?;
    if rows.iter().any(|row| row.elapsed.is_some()) {
        let elapsed = |of: fn(&Percentiles) -> f64| {
            rows.iter().map(move |row| Ns(row.elapsed.as_ref().map_or(f64::NAN, of)))
        };
        column(out, "p50_ns", elapsed(|e| e.p50))?;
        column(out, "p95_ns", elapsed(|e| e.p95))?;
        column(out, "p99_ns", elapsed(|e| e.p99))?;
        column(out, "max_ns", elapsed(|e| e.max))?;
    }
    if rows.iter().any(|row| row.polls > 0 || row.wait > 0.0) {
        column(out, "busy_ns", rows.iter().map(|row| Ns(row.busy)))?;
        column(out, "await_ns", rows.iter().map(|row| Ns(row.wait)))?;
        column(out, "polls", rows.iter().map(|row| row.polls))?;
        column(out, "longest_poll_ns", rows.iter().map(|row| Ns(row.longest_poll)))?;
    }
    type Count = fn(&Row) -> u64;
    let counts: [(&str, Count); 4] = [
        ("untimed_calls", |row| row.untimed),
        ("in_flight", |row| row.in_flight),
        ("panicked", |row| row.panicked),
        ("cancelled", |row| row.cancelled),
    ];
    for (key, of) in counts {
        if rows.iter().any(|row| of(row) > 0) {
            column(out, key, rows.iter().map(of))?;
        }
    }
    if rows.iter().any(|row| row.cost > 0.0) {
        column(out, "cost_ns", rows.iter().map(|row| Ns(row.cost)))?;
        column(out, "cost_matters", rows.iter().map(|row| u8::from(row.cost_matters)))?;
    }
    if rows.iter().any(|row| row.cumulative_heap != HeapCounts::default()) {
        for (of_all, heap) in [
            ("", rows.iter().map(|row| row.heap).collect::<Vec<_>>()),
            ("cumulative_", cumulative_heap(rows)),
        ] {
            column(out, &format!("{of_all}allocations"), heap.iter().map(|heap| heap.allocations))?;
            column(out, &format!("{of_all}allocated_bytes"), heap.iter().map(|heap| heap.allocated_bytes))?;
            column(out, &format!("{of_all}live_blocks"), heap.iter().map(HeapCounts::live_blocks))?;
            column(out, &format!("{of_all}live_bytes"), heap.iter().map(HeapCounts::live_bytes))?;
        }
        if rows.iter().any(|row| row.cumulative_heap.samples > 0) {
            column(out, "heap_samples", rows.iter().map(|row| row.cumulative_heap.samples))?;
        }
    }
    out.write_all(b"}")
}

fn cumulative_heap(rows: &[Row]) -> Vec<HeapCounts> {
    rows.iter().map(|row| row.cumulative_heap).collect()
}

/// A name as JSON, without characters that would hide or reorder what is read.
struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Quoted(&printable(self.0)).fmt(f)
    }
}

/// A further member of an object: `,"key":[1,2]`.
fn column<W: Write>(
    out: &mut W,
    key: &str,
    values: impl IntoIterator<Item = impl Display>,
) -> io::Result<()> {
    write!(out, r#","{key}":"#)?;
    list(out, values)
}

fn list<W: Write>(out: &mut W, values: impl IntoIterator<Item = impl Display>) -> io::Result<()> {
    let mut sign = b"[";
    for value in values {
        out.write_all(sign)?;
        write!(out, "{value}")?;
        sign = b",";
    }
    out.write_all(if sign == b"[" { b"[]" } else { b"]" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nanoseconds_are_as_exact_as_they_were() {
        for ticks in [0u64, 1, 999, 123_456_789, 1_234_567_890_123, 1 << 52] {
            assert_eq!(Ns(1e-9 * ticks as f64).to_string(), ticks.to_string());
        }
        assert_eq!(Ns(0.5e-9).to_string(), "0.500");
        assert_eq!(Ns(18.4e-9 * 3.0).to_string(), "55.200");
        assert_eq!(Ns(f64::NAN).to_string(), "null");
        assert_eq!(Ns(-0.0).to_string(), "0");
    }

    #[test]
    fn an_empty_profile_is_an_object_of_empty_lists() {
        let mut out = Vec::new();
        write(&Profile::new(), &mut out).expect("a Vec takes every write");
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        assert!(
            text.starts_with(r#"{"version":1,"calls":0,"#) && text.ends_with(r#""cumulative_ns":[]}}"#),
            "{text}"
        );
    }
}
