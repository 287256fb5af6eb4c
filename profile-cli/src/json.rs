//! Tables as JSON: one object, rows in the table's order, units in the keys.

use std::io::{self, Write};

use profile_cost_runtime::stats::{Change, DiffRow, EdgeStats, Figures};
use profile_cost_runtime::{CallTree, HeapCounts, Label, Metric, Row, Stats};
use serde_json::{Map, Value, json};

/// Writes the object, indented, with a line break at its end.
pub(crate) fn write(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// The totals above a table.
fn totals(stats: &Stats) -> Map<String, Value> {
    let value = json!({
        "calls": stats.total_calls(),
        "primitive_calls": stats.prim_calls(),
        "total_seconds": stats.total_tt(),
    });
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The table of `report`.
pub(crate) fn report(stats: &Stats, rows: &[Row]) -> Value {
    let mut object = totals(stats);
    object.insert("functions".into(), rows.iter().map(row).map(Value::Object).collect());
    Value::Object(object)
}

fn function(label: &Label) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("name".into(), label.name.as_str().into());
    map.insert("file".into(), label.file.as_str().into());
    map.insert("line".into(), label.line.into());
    map
}

fn row(row: &Row) -> Map<String, Value> {
    let mut map = function(&row.label);
    let elapsed = row.elapsed.map(
        |e| json!({ "p50_seconds": e.p50, "p95_seconds": e.p95, "p99_seconds": e.p99, "max_seconds": e.max }),
    );
    for (key, value) in [
        ("calls", json!(row.calls)),
        ("primitive_calls", json!(row.primitive_calls)),
        ("self_seconds", json!(row.total)),
        ("cumulative_seconds", json!(row.cumulative)),
        ("per_call_seconds", json!(row.per_call)),
        ("elapsed", json!(elapsed)),
        ("busy_seconds", json!(row.busy)),
        ("await_seconds", json!(row.wait)),
        ("cumulative_await_seconds", json!(row.cumulative_wait)),
        ("polls", json!(row.polls)),
        ("longest_poll_seconds", json!(row.longest_poll)),
        ("panicked", json!(row.panicked)),
        ("cancelled", json!(row.cancelled)),
        ("in_flight", json!(row.in_flight)),
        ("cost_seconds", json!(row.cost)),
        ("overhead_seconds", json!(row.overhead)),
        ("overhead_percent", json!(row.overhead_share.map(|share| 100.0 * share))),
        ("untimed_calls", json!(row.untimed)),
    ] {
        map.insert(key.into(), value);
    }
    heap(&mut map, &row.heap, &row.cumulative_heap);
    map
}

/// What was asked of the heap, without and with all below; nothing where nothing was.
fn heap(map: &mut Map<String, Value>, own: &HeapCounts, cumulative: &HeapCounts) {
    if *cumulative == HeapCounts::default() {
        return;
    }
    for (prefix, heap) in [("self_", own), ("cumulative_", cumulative)] {
        for (key, value) in [
            ("allocations", heap.allocations),
            ("allocated_bytes", heap.allocated_bytes),
            ("live_blocks", heap.live_blocks()),
            ("live_bytes", heap.live_bytes()),
        ] {
            map.insert(format!("{prefix}{key}"), json!(value));
        }
    }
    // Figures are estimates where there are any.
    map.insert("heap_samples".into(), json!(cumulative.samples));
}

/// The table of `callers` or `callees`; `key` names the list of edges.
pub(crate) fn edges(stats: &Stats, rows: &[Row], key: &str) -> Value {
    let mut object = totals(stats);
    let functions = rows.iter().map(|r| {
        let mut map = row(r);
        let mut edges = if key == "callers" { stats.callers(&r.label) } else { stats.callees(&r.label) };
        edges.sort_by(|(a, e), (b, f)| f.cumtime.total_cmp(&e.cumtime).then_with(|| a.cmp(b)));
        map.insert(key.into(), edges.into_iter().map(edge).collect());
        Value::Object(map)
    });
    let functions = functions.collect();
    object.insert("functions".into(), functions);
    Value::Object(object)
}

fn edge((label, edge): (&Label, EdgeStats)) -> Value {
    let mut map = function(label);
    let time = |seconds: f64| if edge.calls_only { Value::Null } else { json!(seconds) };
    map.insert("calls".into(), json!(edge.calls));
    map.insert("primitive_calls".into(), json!(edge.primitive_calls));
    map.insert("self_seconds".into(), time(edge.tottime));
    map.insert("cumulative_seconds".into(), time(edge.cumtime));
    heap(&mut map, &edge.heap, &edge.cumulative_heap);
    Value::Object(map)
}

/// The tree: rows with their depth, each caller before its callees.
pub(crate) fn tree(tree: &CallTree) -> Value {
    let [own, total, whole] = match tree.metric {
        Metric::Calls => ["self_calls", "total_calls", "whole_calls"],
        Metric::Live => ["self_bytes", "total_bytes", "whole_bytes"],
        Metric::Busy | Metric::Await | Metric::Task => ["self_ns", "total_ns", "whole_ns"],
    };
    let rows = tree.rows.iter().map(|row| {
        let mut map = function(&row.label);
        map.insert("depth".into(), row.depth.into());
        map.insert("calls".into(), row.calls.into());
        map.insert(own.into(), row.own.into());
        map.insert(total.into(), row.total.into());
        map.insert("share".into(), json!(row.share));
        Value::Object(map)
    });
    let rows: Value = rows.collect();
    json!({ "metric": tree.metric.name(), whole: tree.whole, "paths": rows, "hidden_paths": tree.hidden })
}

/// The table of `diff`.
pub(crate) fn diff(rows: &[&DiffRow]) -> Value {
    let rows = rows.iter().map(|row| {
        let mut map = function(&row.label);
        map.insert("cause".into(), row.cause().into());
        map.insert("before".into(), json!(row.before.map(|f| figures(&f))));
        map.insert("after".into(), json!(row.after.map(|f| figures(&f))));
        for (key, unit, change) in [
            ("self", "seconds", Some(row.total())),
            ("cumulative", "seconds", Some(row.cumulative())),
            ("calls", "", Some(row.calls())),
            ("per_call", "seconds", row.per_call()),
        ] {
            let absolute =
                if unit.is_empty() { format!("{key}_change") } else { format!("{key}_change_{unit}") };
            map.insert(absolute, json!(change.map(|c: Change| c.absolute())));
            let percent = change.and_then(|c| c.relative()).map(|share| 100.0 * share);
            map.insert(format!("{key}_change_percent"), json!(percent));
        }
        Value::Object(map)
    });
    json!({ "functions": rows.collect::<Vec<_>>() })
}

fn figures(figures: &Figures) -> Value {
    json!({
        "calls": figures.calls,
        "primitive_calls": figures.primitive_calls,
        "self_seconds": figures.total,
        "cumulative_seconds": figures.cumulative,
        "per_call_seconds": figures.per_call(),
    })
}
