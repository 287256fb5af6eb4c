//! The HTML report as a browser shows it: headless Chromium, the network refused, every figure on the page against
//! the Profile and its Stats. `tests/readers/html_report.mjs` reads the page; this file says what must be on it.

mod readers;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hdrhistogram::Histogram;
use profile_cost_runtime::testing::{HOSTILE_NAMES, generated_profile, large_profile};
use profile_cost_runtime::{Counts, HeapCounts, Label, PathId, Profile, Stats};
use serde_json::{Value, json};

/// A small service with all that a report can show: async, recursion, heap, percentiles, one name in two files.
fn service() -> Profile {
    let mut p = Profile::new();
    let mut function = |file: &str, line: u32, name: &str| p.add_function(Label::new(file, line, name));
    let serve = function("src/main.rs", 31, "serve");
    let list = function("src/handlers/orders.rs", 40, "list_orders");
    let create = function("src/handlers/orders.rs", 88, "create_order");
    let load = function("src/db/orders.rs", 17, "load");
    let load_user = function("src/db/users.rs", 17, "load");
    let query = function("src/db/pool.rs", 61, "Pool::query");
    let render = function("src/json.rs", 9, "<Order as Render>::render");
    let walk = function("src/tree.rs", 120, "walk");
    let visit = function("src/tree.rs", 155, "visit");
    let tiny = function("src/json.rs", 70, "escape");
    let built_in = function("~", 0, "<alloc>");
    let pinyin = function("src/拼音.rs", 8, "转换::拼音");
    let sweep = function("src/jobs.rs", 12, "sweep");
    let mut at = |parent: Option<PathId>, function, counts: Counts| p.add_path(parent, function, &counts);
    let calls =
        |starts: u64, self_busy: u64| Counts { starts, returned: starts, self_busy, ..Counts::default() };
    let asynchronous = |starts: u64, self_busy: u64, self_await: u64, polls: u64| Counts {
        polls,
        self_await,
        longest_poll: self_busy / starts * 3,
        ..calls(starts, self_busy)
    };
    let heap = |allocations: u64, allocated_bytes: u64, frees: u64, freed_bytes: u64| HeapCounts {
        allocations,
        allocated_bytes,
        frees,
        freed_bytes,
        samples: 0,
    };
    let top = at(None, serve, Counts { returned: 0, ..asynchronous(1, 41_200_777, 812_345_678, 9_120) });
    let listing = at(
        Some(top),
        list,
        Counts {
            returned: 4_102,
            panicked: 3,
            cancelled: 12,
            heap: heap(12_345, 9_876_543, 12_000, 9_000_000),
            ..asynchronous(4_120, 310_456_789, 27_123_456, 13_001)
        },
    );
    let loading = at(Some(listing), load, asynchronous(4_120, 88_123_457, 910_234_561, 9_002));
    at(Some(loading), query, asynchronous(8_240, 1_204_567_890, 2_804_003_217, 24_811));
    let users = at(Some(listing), load_user, asynchronous(1_031, 20_345_679, 31_000_456, 2_100));
    at(Some(users), query, asynchronous(1_031, 151_234_563, 240_345_677, 3_004));
    let tree = at(Some(listing), walk, calls(4_118, 60_123_451));
    let visiting = at(Some(tree), visit, calls(20_590, 140_234_567));
    let again = at(Some(visiting), walk, calls(41_000, 312_345_671));
    at(
        Some(again),
        visit,
        Counts {
            folded: 812,
            untimed: 48_500,
            heap: heap(77, 1_999, 70, 1_500),
            ..calls(50_812, 401_234_561)
        },
    );
    let rendering = at(
        Some(listing),
        render,
        Counts { heap: heap(98_888, 301_234_567, 98_888, 301_234_567), ..calls(4_118, 640_123_451) },
    );
    at(Some(rendering), tiny, calls(2_059_000, 41_234_567));
    at(Some(rendering), built_in, Counts { heap: heap(5, 6_001, 0, 0), ..calls(4_118, 1_234_567) });
    let creating = at(
        Some(top),
        create,
        Counts { cancelled: 2, returned: 398, ..asynchronous(401, 33_456_781, 4_123_456, 1_204) },
    );
    at(Some(creating), load_user, asynchronous(401, 8_123_457, 12_345_679, 820));
    let saving = at(Some(creating), query, asynchronous(802, 201_234_567, 401_234_573, 2_411));
    at(Some(saving), pinyin, calls(802, 95_123_459));
    let job = at(None, sweep, calls(12, 77_123_453));
    at(Some(job), query, asynchronous(24, 12_345_677, 55_123_461, 99));
    at(None, pinyin, calls(3, 912));

    for (function, step) in
        [(list, 311_007), (load, 201_001), (query, 97_003), (render, 151_001), (pinyin, 99_001)]
    {
        let mut elapsed = Histogram::<u64>::new(2).expect("histogram");
        for i in 1..=997_u64 {
            elapsed.record(i * i * step / 997 + 1_009).expect("auto-resizing");
        }
        p.add_elapsed(function, &elapsed);
    }
    p.duration = Duration::from_nanos(6_123_456_789);
    p.threads = 8;
    p.notes.truncated_calls = 1_217;
    p.notes.late_events = 1;
    p.notes.ticks_per_call = 18.437;
    p.notes.ticks_per_poll = 21.125;
    p
}

fn without_heap(profile: &Profile) -> Profile {
    let mut plain = Profile::new();
    for function in profile.functions() {
        let id = plain.add_function(function.label.clone());
        if let Some(elapsed) = &function.elapsed {
            plain.add_elapsed(id, elapsed.clone());
        }
    }
    for path in profile.paths() {
        plain.add_path(path.parent, path.function, &Counts { heap: HeapCounts::default(), ..path.counts });
    }
    (plain.duration, plain.threads, plain.notes) = (profile.duration, profile.threads, profile.notes);
    plain
}

/// Neither async nor heap nor percentiles: the fewest columns. One tick is half a nanosecond.
fn plain() -> Profile {
    let mut p = Profile::new();
    let [main, parse, fill] =
        ["main", "parse", "fill"].map(|name| p.add_function(Label::new("a.rs", 7, name)));
    let counts = |starts, self_busy| Counts { starts, returned: starts, self_busy, ..Counts::default() };
    let top = p.add_path(None, main, &counts(1, 1_200_001));
    let parsing = p.add_path(Some(top), parse, &counts(1_000, 3_456_789));
    p.add_path(Some(parsing), fill, &counts(2_000, 456_789));
    p.seconds_per_tick = 0.5e-9;
    p
}

/// Each of the hostile names as function, file and caller.
fn hostile() -> Profile {
    let mut p = Profile::new();
    let mut parent = None;
    for (i, name) in HOSTILE_NAMES.iter().enumerate() {
        let function = p.add_function(Label::new(*name, i as u32, format!("{name}{i}")));
        let counts = Counts { starts: 1, returned: 1, self_busy: 1_000 + i as u64, ..Counts::default() };
        p.add_path(None, function, &counts);
        parent = Some(p.add_path(parent, function, &counts));
    }
    p
}

fn deep(levels: u32) -> Profile {
    let mut p = Profile::new();
    let function = p.add_function(Label::new("a.rs", 1, "recurse"));
    let mut parent = None;
    for _ in 0..levels {
        let counts = Counts { starts: 1, returned: 1, self_busy: 7, ..Counts::default() };
        parent = Some(p.add_path(parent, function, &counts));
    }
    p
}

fn page(profile: &Profile) -> String {
    let mut out = Vec::new();
    profile.write_html(&mut out).expect("a Vec takes every write");
    String::from_utf8(out).expect("pages are UTF-8")
}

/// What may be shown of a name: one line, nothing that hides or reorders.
fn shown(text: &str) -> String {
    let text: String = (text.chars())
        .map(|c| match c {
            c if c.is_whitespace() => ' ',
            c if c.is_control() => '\u{fffd}',
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' => '\u{fffd}',
            '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c => c,
        })
        .collect();
    text
}

fn full_name(label: &Label) -> String {
    let name = shown(&label.name);
    if name.trim().is_empty() { "(unnamed)".to_owned() } else { name.trim().to_owned() }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= 300 {
        text.to_owned()
    } else {
        text.chars().take(300).collect::<String>() + "…"
    }
}

fn name(label: &Label) -> String {
    cut(&full_name(label))
}

fn source(label: &Label) -> String {
    if label.file == "~" && label.line == 0 {
        return String::new();
    }
    cut(&format!("{}:{}", shown(&label.file), label.line))
}

const TEXT_COLUMNS: [&str; 16] = [
    "calls",
    "self",
    "cumulative",
    "per_call",
    "p50",
    "p95",
    "p99",
    "max",
    "busy",
    "await",
    "polls",
    "longest_poll",
    "in_flight",
    "panicked",
    "cancelled",
    "cost",
];

const HEAP_COLUMNS: [&str; 9] = [
    "allocations",
    "allocated",
    "live_blocks",
    "live",
    "cumulative_allocations",
    "cumulative_allocated",
    "cumulative_live_blocks",
    "cumulative_live",
    "samples",
];

/// What the page at `path` must show of the profile.
fn expectation(title: &str, path: &Path, profile: &Profile, thorough: bool) -> Value {
    let mut stats = Stats::new(profile);
    stats.calc_callees();
    let mut text = Vec::new();
    stats.clone().print_stats(&mut text, ()).expect("a Vec takes every write");
    let text = String::from_utf8(text).expect("reports are UTF-8");
    let notes: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("note: ")).collect();
    let rows = stats.rows(());
    let heap = heap_by_label(profile);
    let has_heap = heap.values().any(|(_, below)| *below != HeapCounts::default());
    let is_sampled = heap.values().any(|(_, below)| below.samples > 0);
    let columns = columns(&rows, has_heap, is_sampled);
    // Of the text report only cells that stand in both.
    let texts = (thorough && !has_heap).then(|| text_cells(&text, &columns, rows.len()));
    let edges = |edges: Vec<(&Label, profile_cost_runtime::stats::EdgeStats)>| -> Vec<Value> {
        (edges.iter())
            .map(|(label, edge)| {
                json!({
                    "name": name(label), "source": source(label), "calls": edge.calls,
                    "primitive": edge.primitive_calls, "self": edge.tottime * 1e9, "cumulative": edge.cumtime * 1e9,
                })
            })
            .collect()
    };
    let json_rows: Vec<Value> = (rows.iter().enumerate())
        .map(|(i, row)| {
            let (heap, below) = heap[&row.label];
            let callers = stats.callers(&row.label);
            let from_callers: u64 = callers.iter().map(|(_, edge)| edge.calls).sum();
            let mut value = json!({
                "name": name(&row.label), "full_name": full_name(&row.label), "source": source(&row.label),
                "calls": row.calls, "primitive": row.primitive_calls,
                "self": row.total * 1e9, "cumulative": row.cumulative * 1e9,
                "per_call": row.per_call.map(|s| s * 1e9),
                "p50": row.elapsed.map(|e| e.p50 * 1e9), "p95": row.elapsed.map(|e| e.p95 * 1e9),
                "p99": row.elapsed.map(|e| e.p99 * 1e9), "max": row.elapsed.map(|e| e.max * 1e9),
                "busy": row.busy * 1e9, "await": row.wait * 1e9,
                "polls": row.polls, "longest_poll": row.longest_poll * 1e9,
                "is_throttled": row.untimed > 0,
                "in_flight": row.in_flight, "panicked": row.panicked, "cancelled": row.cancelled,
                "cost": row.cost * 1e9, "cost_matters": row.cost_matters,
                "allocations": heap.allocations, "allocated": heap.allocated_bytes,
                "live_blocks": heap.live_blocks(), "live": heap.live_bytes(),
                "cumulative_allocations": below.allocations, "cumulative_allocated": below.allocated_bytes,
                "cumulative_live_blocks": below.live_blocks(), "cumulative_live": below.live_bytes(),
                "samples": below.samples,
            });
            value["outside"] = row.calls.saturating_sub(from_callers).into();
            value["callers"] = edges(callers).into();
            value["callees"] = edges(stats.callees(&row.label)).into();
            value["text"] = json!(texts.as_ref().map(|texts| &texts[i]));
            value
        })
        .collect();
    let graphs = graphs(profile, &rows.iter().map(|row| &row.label).collect::<Vec<_>>(), thorough);
    let mut names = HashSet::new();
    json!({
        "name": title, "page": path, "thorough": thorough, "columns": columns, "rows": json_rows, "notes": notes,
        "calls": stats.total_calls(), "primitive_calls": stats.prim_calls(), "ns": stats.total_tt() * 1e9,
        "wall_ns": profile.duration.as_nanos() as u64, "threads": profile.threads,
        "is_empty": profile.is_empty(),
        "are_names_apart": profile.functions().iter().all(|f| names.insert((name(&f.label), source(&f.label)))),
        "searches": if thorough { searches(profile, &json_rows) } else { Vec::new() },
        "graphs": graphs,
    })
}

/// Own and cumulative: a path counts once for each function that is on it.
fn heap_by_label(profile: &Profile) -> HashMap<Label, (HeapCounts, HeapCounts)> {
    let mut sums: HashMap<Label, (HeapCounts, HeapCounts)> = HashMap::new();
    let add = |sum: &mut HeapCounts, heap: &HeapCounts| {
        sum.allocations += heap.allocations;
        sum.allocated_bytes += heap.allocated_bytes;
        sum.frees += heap.frees;
        sum.freed_bytes += heap.freed_bytes;
        sum.samples += heap.samples;
    };
    for path in profile.paths() {
        let label = |path: &profile_cost_runtime::Path| profile.function(path.function).label.clone();
        add(&mut sums.entry(label(path)).or_default().0, &path.counts.heap);
        // Every function has an entry by now or will have; those above need a walk, which a deep tree has no time for.
        if path.counts.heap == HeapCounts::default() {
            continue;
        }
        let above = std::iter::successors(Some(path), |path| Some(profile.path(path.parent?)));
        for label in above.map(label).collect::<HashSet<_>>() {
            add(&mut sums.entry(label).or_default().1, &path.counts.heap);
        }
    }
    sums
}

/// The text report's columns in its order, and those of the heap before the cost.
fn columns(rows: &[profile_cost_runtime::Row], has_heap: bool, is_sampled: bool) -> Vec<&'static str> {
    let any = |f: fn(&profile_cost_runtime::Row) -> bool| rows.iter().any(f);
    let is_async = any(|row| row.polls > 0 || row.wait > 0.0);
    let has_elapsed = any(|row| row.elapsed.is_some());
    let mut columns: Vec<&str> = (TEXT_COLUMNS.into_iter())
        .filter(|id| match *id {
            "p50" | "p95" | "p99" | "max" => has_elapsed,
            "busy" | "await" | "polls" | "longest_poll" => is_async,
            "in_flight" => any(|row| row.in_flight > 0),
            "panicked" => any(|row| row.panicked > 0),
            "cancelled" => any(|row| row.cancelled > 0),
            "cost" => any(|row| row.cost > 0.0),
            _ => true,
        })
        .collect();
    if has_heap {
        let at = columns.iter().position(|id| *id == "cost").unwrap_or(columns.len());
        columns.splice(at..at, HEAP_COLUMNS.into_iter().take(if is_sampled { 9 } else { 8 }));
    }
    columns
}

/// The text report's cells of each row, by column.
fn text_cells<'a>(
    text: &'a str,
    columns: &[&'static str],
    rows: usize,
) -> Vec<BTreeMap<&'static str, &'a str>> {
    let table = text.lines().skip_while(|line| !line.ends_with("  function")).skip(1).take(rows);
    table.map(|line| columns.iter().copied().zip(line.split_whitespace()).collect()).collect()
}

/// A metric's part of a path's counts.
type OfCounts = fn(&Counts) -> u64;

struct Node {
    level: usize,
    label: Option<Label>,
    is_wait: bool,
    own: u64,
    value: u64,
    children: Vec<usize>,
}

/// Where each frame lies, in shares of the whole, worked out from the Profile alone: children from left to right
/// by name, await last.
fn graphs(profile: &Profile, rows: &[&Label], thorough: bool) -> Vec<Value> {
    let sum = |of: fn(&Counts) -> u64| profile.paths().iter().map(|path| of(&path.counts)).sum::<u64>();
    let mut metrics: Vec<(&str, OfCounts)> = Vec::new();
    if sum(|c| c.self_await) > 0 {
        metrics.push(("task", |c| c.self_busy));
        if sum(|c| c.self_busy) > 0 {
            metrics.push(("busy", |c| c.self_busy));
        }
        metrics.push(("await", |c| c.self_await));
    } else if sum(|c| c.self_busy) > 0 {
        metrics.push(("busy", |c| c.self_busy));
    }
    let others: [(&str, OfCounts); 3] = [
        ("calls", |c| c.starts),
        ("allocated", |c| c.heap.allocated_bytes),
        ("live", |c| c.heap.live_bytes()),
    ];
    metrics.extend(others.into_iter().filter(|(_, of)| sum(*of) > 0));
    let row_of: HashMap<&Label, usize> = rows.iter().enumerate().map(|(i, label)| (*label, i)).collect();
    metrics.into_iter().map(|(metric, of)| graph(profile, &row_of, metric, of, thorough)).collect()
}

fn graph(
    profile: &Profile,
    row_of: &HashMap<&Label, usize>,
    metric: &str,
    of: fn(&Counts) -> u64,
    thorough: bool,
) -> Value {
    let root = Node { level: 0, label: None, is_wait: false, own: 0, value: 0, children: Vec::new() };
    let mut nodes = vec![root];
    let per_tick = if metric == "calls" || metric == "allocated" || metric == "live" {
        1.0
    } else {
        profile.seconds_per_tick * 1e9
    };
    let scaled = |ticks: u64| (ticks as f64 * per_tick).round() as u64;
    let mut parents = vec![0];
    for path in profile.paths() {
        let parent = path.parent.map_or(0, |p| p.0 as usize + 1);
        let own = scaled(of(&path.counts));
        let label = Some(profile.function(path.function).label.clone());
        let level = nodes[parent].level + 1;
        let at = nodes.len();
        nodes[parent].children.push(at);
        nodes.push(Node { level, label, is_wait: false, own, value: own, children: Vec::new() });
        parents.push(parent);
    }
    for (i, path) in profile.paths().iter().enumerate() {
        if metric == "task" && path.counts.self_await > 0 {
            let own = scaled(path.counts.self_await);
            let (level, label) = (nodes[i + 1].level + 1, nodes[i + 1].label.clone());
            let at = nodes.len();
            nodes[i + 1].children.push(at);
            nodes.push(Node { level, label, is_wait: true, own, value: own, children: Vec::new() });
            parents.push(i + 1);
        }
    }
    for i in (1..nodes.len()).rev() {
        nodes[parents[i]].value += nodes[i].value;
    }
    let keys: Vec<_> = (nodes.iter())
        .map(|node| {
            let label = node.label.as_ref();
            let name: Vec<u16> = label.map_or(Vec::new(), |l| full_name(l).encode_utf16().collect());
            (node.is_wait, name, label.and_then(|l| row_of.get(l)).copied().unwrap_or(usize::MAX))
        })
        .collect();
    let total = nodes[0].value as f64;
    let mut frames = Vec::new();
    let mut left = vec![0u64; nodes.len()];
    let mut queue = std::collections::VecDeque::from([0]);
    while let Some(i) = queue.pop_front() {
        let node = &nodes[i];
        if node.value == 0 || (!thorough && node.level > 15) {
            continue;
        }
        frames.push(json!({
            "name": node.label.as_ref().map_or("all".into(), name),
            "source": node.label.as_ref().map_or(String::new(), source),
            "wait": node.is_wait, "level": node.level, "value": node.value, "self": node.own,
            "from": left[i] as f64 / total, "to": (left[i] + node.value) as f64 / total,
        }));
        // NOTE: functions without a row stand behind the others and may share a name; such pages are compared by
        // their first level only where order cannot differ.
        let mut children = node.children.clone();
        children.sort_by(|a, b| keys[*a].cmp(&keys[*b]).then(a.cmp(b)));
        let mut at = left[i];
        for child in children {
            left[child] = at;
            at += nodes[child].value;
            queue.push_back(child);
        }
    }
    // The frame of the whole has no tooltip line for itself.
    json!({ "metric": metric, "total": nodes[0].value, "frames": frames })
}

/// Query, metric, which rows match, and the share of the metric that lies in or under a match.
fn searches(profile: &Profile, rows: &[Value]) -> Vec<Value> {
    type Test = (&'static str, bool, fn(&str) -> bool);
    let tests: [Test; 7] = [
        ("LOAD", false, |s| s.to_lowercase().contains("load")),
        ("db/", false, |s| s.contains("db/")),
        ("^(walk|visit) ", true, |s| s.starts_with("walk ") || s.starts_with("visit ")),
        ("orders\\.rs:\\d+$", true, |s| s.contains("orders.rs:")),
        ("拼音", false, |s| s.contains("拼音")),
        ("no such name", false, |_| false),
        (".", true, |_| true),
    ];
    let mut metrics: Vec<(&str, OfCounts)> = vec![("busy", |c| c.self_busy), ("calls", |c| c.starts)];
    if profile.paths().iter().any(|path| path.counts.self_await > 0) {
        metrics.push(("task", |c| c.self_busy + c.self_await));
        metrics.push(("await", |c| c.self_await));
    }
    let mut searches = Vec::new();
    for (query, is_regex, matches) in tests {
        let label_matches = |label: &Label| matches(&format!("{} {}", name(label), source(label)));
        let found: Vec<usize> = (rows.iter().enumerate())
            .filter(|(_, row)| {
                matches(&format!(
                    "{} {}",
                    row["name"].as_str().unwrap_or(""),
                    row["source"].as_str().unwrap_or("")
                ))
            })
            .map(|(i, _)| i)
            .collect();
        for (metric, of) in &metrics {
            let mut inside = vec![false; profile.paths().len()];
            let (mut hit, mut total) = (0, 0);
            for (i, path) in profile.paths().iter().enumerate() {
                inside[i] = label_matches(&profile.function(path.function).label)
                    || path.parent.is_some_and(|parent| inside[parent.0 as usize]);
                let value = of(&path.counts);
                total += value;
                hit += if inside[i] { value } else { 0 };
            }
            searches.push(json!({
                "query": query, "regex": is_regex, "metric": metric, "rows": found,
                "percent": format!("{:.1}%", 100.0 * hit as f64 / total as f64),
            }));
        }
    }
    searches
}

/// Writes each profile's page and has it read.
fn read_in_browser(test: &str, cases: &[(String, Profile, bool)]) {
    let Some(modules) = readers::browser() else { return };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("html-{test}"));
    fs::create_dir_all(&folder).expect("a folder for the pages");
    let expected: Vec<Value> = (cases.iter().enumerate())
        .map(|(i, (title, profile, thorough))| {
            let path = folder.join(format!("{i}.html"));
            fs::write(&path, page(profile)).expect("the page");
            expectation(title, &path, profile, *thorough)
        })
        .collect();
    let list = folder.join("expected.json");
    fs::write(&list, serde_json::to_vec(&expected).expect("JSON")).expect("the expectations");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/readers/html_report.mjs");
    let out = Command::new("node").arg(script).arg(&list).env("PROFILE_COST_NODE_MODULES", modules).output();
    let out = out.expect("node runs");
    let (said, complaints) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}{complaints}");
    for (title, ..) in cases {
        assert!(said.contains(&format!("{title}: ")), "{title} was not compared:\n{said}");
    }
}

#[test]
fn every_figure_and_every_handle_of_the_page() {
    let all = service();
    let case = |title: &str, profile: Profile| (title.to_owned(), profile, true);
    read_in_browser("service", &[case("without heap", without_heap(&all)), case("service", all)]);
}

#[test]
fn hostile_and_unusual_profiles() {
    let mut cases = vec![
        ("hostile".to_owned(), hostile(), false),
        ("plain".to_owned(), plain(), false),
        ("empty".to_owned(), Profile::new(), false),
        ("a million levels".to_owned(), deep(1_000_000), false),
    ];
    cases.extend((0..10).map(|seed| (format!("seed {seed}"), generated_profile(seed), false)));
    read_in_browser("hostile", &cases);
}

#[test]
fn a_large_profile() {
    read_in_browser("large", &[("large".to_owned(), large_profile(20_000, 500, 1), false)]);
}

#[test]
fn the_same_profile_gives_the_same_page_and_no_markup_from_names() {
    let text = page(&hostile());
    assert_eq!(text, page(&hostile()));
    assert_eq!(text.matches("<script").count(), 2);
    assert_eq!(text.matches("</script").count(), 2);
    assert_eq!(text.matches("<!--").count(), 0);
    assert_eq!(text.matches("<img").count(), 0);
    for unseen in ['\u{202e}', '\u{2066}', '\u{feff}', '\u{0}', '\u{2028}'] {
        assert!(!text.contains(unseen), "{unseen:?}");
    }
}

#[test]
fn the_data_is_one_object_of_columns() {
    let text = page(&service());
    let (_, rest) = text.split_once(r#"id="data">"#).expect("a block of data");
    let (data, _) = rest.split_once("</script>").expect("its end");
    let data: Value = serde_json::from_str(data).expect("JSON");
    assert_eq!(data["version"], 1);
    let length = |value: &Value| value.as_array().map_or(0, Vec::len);
    let paths = service().paths().len();
    for (key, column) in data["paths"].as_object().expect("columns") {
        assert_eq!(length(column), paths, "{key}");
    }
    for (key, column) in data["functions"].as_object().expect("columns") {
        assert_eq!(length(column), 13, "{key}");
    }
    assert_eq!(data["functions"]["self_ns"][0], 853_546_455_u64);
}
