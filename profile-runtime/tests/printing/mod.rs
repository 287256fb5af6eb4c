//! Reports as Python's pstats was asked for them, printed by ours.

use profile_cost_runtime::{Restriction, SortKey, Stats, Style};
use serde_json::Value;

/// What pstats' method and arguments of `report` print, by ours.
pub fn printed(stats: &Stats, report: &Value) -> String {
    let mut stats = stats.clone();
    stats.style(Style::Pstats);
    if report["strip"] == true {
        stats.strip_dirs();
    }
    if let Some(key) = report["sort"].as_str() {
        stats.sort_stats([key.parse::<SortKey>().expect("a key of pstats")]);
    }
    let limits: Vec<Restriction> = (report["args"].as_array().expect("args").iter())
        .map(|arg| match arg {
            Value::String(pattern) => pattern.as_str().into(),
            number => match number.as_i64() {
                Some(lines) => lines.into(),
                None => number.as_f64().expect("a number").into(),
            },
        })
        .collect();
    let mut out = Vec::new();
    let done = match report["method"].as_str() {
        Some("print_stats") => stats.print_stats(&mut out, limits),
        Some("print_callers") => stats.print_callers(&mut out, limits),
        Some("print_callees") => stats.print_callees(&mut out, limits),
        other => panic!("method {other:?}"),
    };
    done.expect("a Vec takes every write");
    String::from_utf8(out).expect("text")
}
