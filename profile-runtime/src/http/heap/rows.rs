//! Rows of statistics as JSON: what their blocks have in common, and the numbers.

use crate::heap::{Key, KeyType, SourceLines, Statistic, StatisticDiff, Traceback};
use crate::http::json::Json;

/// What the blocks of a row have in common: `name` always, `file` and `line` of lines and files, the lines of a stack
/// (from the oldest call on), the bounds of sizes.
pub(super) fn write_key(json: &mut Json, key: &Key) {
    json.text("name", &key.to_string());
    match key {
        Key::Traceback(traceback) => {
            let line = traceback.lines().first();
            json.optional_text("file", line.map(|line| &*line.file));
            json.optional("line", line.and_then(|line| line.line));
            json.list("lines", traceback.lines(), |json, line| {
                json.text("file", &line.file);
                json.optional("line", line.line);
            });
        }
        Key::SizeClass(class) => {
            json.field("size_low_bytes", class.low());
            json.field("size_high_bytes", class.high());
        }
        _ => {}
    }
}

/// A row's numbers. `lower_bytes` and `upper_bytes` are what the true number of bytes is between, in a sample.
pub(super) fn write_numbers(json: &mut Json, row: &Statistic) {
    json.field("bytes", row.size);
    json.field("blocks", row.count);
    // Not of estimates, the interval is the figure itself.
    let (lower, upper) = if row.is_estimate() { row.interval() } else { (row.size, row.size) };
    json.field("lower_bytes", lower);
    json.field("upper_bytes", upper);
    json.field("is_estimate", row.is_estimate());
    json.field("samples", row.samples());
}

/// A change's numbers.
pub(super) fn write_change(json: &mut Json, row: &StatisticDiff) {
    json.field("bytes", row.size);
    json.field("bytes_diff", row.size_diff);
    json.field("blocks", row.count);
    json.field("blocks_diff", row.count_diff);
    let (lower, upper) = row.interval();
    json.field("lower_bytes_diff", lower);
    json.field("upper_bytes_diff", upper);
}

/// tracemalloc's `traceback.format()`; of rows that are no lines, nothing.
pub(super) fn formatted(traceback: Option<&Traceback>, sources: &mut SourceLines) -> Vec<String> {
    traceback.map(|traceback| traceback.format(None, false, sources)).unwrap_or_default()
}

/// What `key_type` is called in a query.
pub(super) fn key_name(key_type: KeyType) -> String {
    match key_type {
        KeyType::CallPath => "path".to_owned(),
        other => other.to_string(),
    }
}
