//! The tables of the reports as JSON: one object, rows in the table's order, units in the keys. The keys are those of
//! `cargo profile-cost --json`.

use super::json::Json;
use crate::profile::{HeapCounts, Label};
use crate::render::json_text::Number;
use crate::render::{CallTree, Metric};
use crate::stats::{EdgeStats, Restriction, Row, Stats};

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Stats,
    Callers,
    Callees,
}

/// The functions; with those that called them, or that they called.
pub(super) fn functions(json: &mut Json, stats: &mut Stats, table: Table, restrictions: &[Restriction]) {
    if table == Table::Callees {
        stats.calc_callees();
    }
    json.field("calls", stats.total_calls());
    json.field("primitive_calls", stats.prim_calls());
    json.field("total_seconds", Number(stats.total_tt()));
    json.texts("notes", stats.notes());
    json.list("functions", stats.rows(restrictions), |json, row| {
        write_row(json, &row);
        let (key, mut edges) = match table {
            Table::Stats => return,
            Table::Callers => ("callers", stats.callers(&row.label)),
            Table::Callees => ("callees", stats.callees(&row.label)),
        };
        edges.sort_by(|(a, e), (b, f)| f.cumtime.total_cmp(&e.cumtime).then_with(|| a.cmp(b)));
        json.list(key, edges, |json, (label, edge)| write_edge(json, label, &edge));
    });
}

fn write_label(json: &mut Json, label: &Label) {
    json.text("name", &label.name);
    json.text("file", &label.file);
    json.field("line", label.line);
}

fn write_row(json: &mut Json, row: &Row) {
    write_label(json, &row.label);
    json.field("calls", row.calls);
    json.field("primitive_calls", row.primitive_calls);
    json.field("self_seconds", Number(row.total));
    json.field("cumulative_seconds", Number(row.cumulative));
    json.optional("per_call_seconds", row.per_call.map(Number));
    match row.elapsed {
        Some(elapsed) => json.within("elapsed", |json| {
            json.field("p50_seconds", Number(elapsed.p50));
            json.field("p95_seconds", Number(elapsed.p95));
            json.field("p99_seconds", Number(elapsed.p99));
            json.field("max_seconds", Number(elapsed.max));
        }),
        None => json.field("elapsed", "null"),
    }
    json.field("busy_seconds", Number(row.busy));
    json.field("await_seconds", Number(row.wait));
    json.field("cumulative_await_seconds", Number(row.cumulative_wait));
    json.field("polls", row.polls);
    json.field("longest_poll_seconds", Number(row.longest_poll));
    json.field("panicked", row.panicked);
    json.field("cancelled", row.cancelled);
    json.field("in_flight", row.in_flight);
    json.field("cost_seconds", Number(row.cost));
    json.field("overhead_seconds", Number(row.overhead));
    json.optional("overhead_percent", row.overhead_share.map(|share| Number(100.0 * share)));
    json.field("untimed_calls", row.untimed);
    write_heap(json, &row.heap, &row.cumulative_heap);
}

fn write_edge(json: &mut Json, label: &Label, edge: &EdgeStats) {
    write_label(json, label);
    json.field("calls", edge.calls);
    json.field("primitive_calls", edge.primitive_calls);
    json.field("self_seconds", Number(edge.tottime));
    json.field("cumulative_seconds", Number(edge.cumtime));
    write_heap(json, &edge.heap, &edge.cumulative_heap);
}

/// What was asked of the heap, without and with all below; nothing where nothing was.
fn write_heap(json: &mut Json, own: &HeapCounts, cumulative: &HeapCounts) {
    if *cumulative == HeapCounts::default() {
        return;
    }
    let mut write = |keys: [&'static str; 4], heap: &HeapCounts| {
        let values = [heap.allocations, heap.allocated_bytes, heap.live_blocks(), heap.live_bytes()];
        for (key, value) in keys.into_iter().zip(values) {
            json.field(key, value);
        }
    };
    write(["self_allocations", "self_allocated_bytes", "self_live_blocks", "self_live_bytes"], own);
    write(
        [
            "cumulative_allocations",
            "cumulative_allocated_bytes",
            "cumulative_live_blocks",
            "cumulative_live_bytes",
        ],
        cumulative,
    );
    // Figures are estimates where there are any.
    json.field("heap_samples", cumulative.samples);
}

/// The tree: rows with their depth, each caller before its callees.
pub(super) fn tree(json: &mut Json, tree: &CallTree) {
    let [own, total, whole] = match tree.metric {
        Metric::Calls => ["self_calls", "total_calls", "whole_calls"],
        Metric::Live => ["self_bytes", "total_bytes", "whole_bytes"],
        Metric::Busy | Metric::Await | Metric::Task => ["self_ns", "total_ns", "whole_ns"],
    };
    json.text("metric", tree.metric.name());
    json.field(whole, tree.whole);
    json.list("paths", &tree.rows, |json, row| {
        write_label(json, &row.label);
        json.field("depth", row.depth);
        json.field("calls", row.calls);
        json.field(own, row.own);
        json.field(total, row.total);
        json.field("share", Number(row.share));
    });
    json.field("hidden_paths", tree.hidden);
}
