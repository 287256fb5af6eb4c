//! What is answered over HTTP of the heap, against what the library says of the same snapshot, field by field; and Python,
//! who makes the texts from the numbers.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::print_stdout, reason = "what was skipped")]

mod asking;
mod readers;

use std::hint::black_box;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use asking::{alone, ask, endpoints, get, get_json, header, post, post_json, refused, text};
use profile_cost_runtime::heap::{
    self, Format, Key, KeyType, Measure, Mode, Snapshot, SourceLines, Statistic, Traceback, Tracker,
};
use profile_cost_runtime::http::{Endpoints, Options};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// 40 bytes.
#[allow(dead_code, reason = "its size is what matters")]
struct Order([u64; 5]);

#[inline(never)]
fn take_orders(n: u64) -> Vec<Order> {
    let mut orders = Vec::with_capacity(n as usize);
    (0..n).for_each(|i| orders.push(Order([i; 5])));
    black_box(orders)
}

#[inline(never)]
fn take_names(n: usize) -> Vec<String> {
    let names = (0..n).map(|i| format!("the name of order {i}")).collect();
    black_box(names)
}

#[inline(never)]
fn take_pages(n: usize) -> Vec<Box<[u8; 4096]>> {
    let pages = (0..n).map(|i| Box::new([i as u8; 4096])).collect();
    black_box(pages)
}

/// A recording; it ends, and gives its memory back, when this drops.
struct Recording;

impl Recording {
    fn start(mode: Mode) -> Self {
        heap::set_mode(mode).expect("it can be recorded here");
        Self
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        heap::stop();
    }
}

const EXACT: Mode = Mode::Exact { frames: 25 };

const TRACEMALLOC: &str = "/debug/profile-cost/tracemalloc";
const MEMORY: &str = "/debug/profile-cost/memory";
const SNAPSHOTS: &str = "/debug/profile-cost/snapshots";

/// One that is kept, fetched as it is, and named here; with its number.
fn kept(endpoints: &Endpoints) -> (u64, Snapshot) {
    let taken = post_json(endpoints, SNAPSHOTS);
    let id = taken["id"].as_u64().expect("a number");
    let file = get(endpoints, &format!("{SNAPSHOTS}/get?format=heap&id={id}"));
    assert_eq!(header(&file, "content-type"), Some("application/octet-stream"));
    let mut snapshot = Snapshot::read_dump(&mut &*file.body).expect("a dump");
    assert!(!snapshot.named && snapshot.mode != Mode::Off, "raw");
    let totals = snapshot.totals();
    assert_eq!(taken["live_bytes"], json!(totals.live_bytes()));
    assert_eq!(taken["live_blocks"], json!(totals.live_blocks()));
    assert_eq!(taken["mode"], json!(snapshot.mode.to_string()));
    assert_eq!(taken["taken_unix_ns"], json!(snapshot.taken.as_nanos() as u64));
    snapshot.name_here().expect("debug information");
    (id, snapshot)
}

fn kib(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}

fn lines(traceback: &Traceback) -> Value {
    traceback.lines().iter().map(|line| json!({"file": *line.file, "line": line.line})).collect()
}

fn numbers(row: &Statistic) -> Value {
    let (lower, upper) = if row.is_estimate() { row.interval() } else { (row.size, row.size) };
    json!({
        "bytes": row.size, "blocks": row.count, "lower_bytes": lower, "upper_bytes": upper,
        "is_estimate": row.is_estimate(), "samples": row.samples(),
    })
}

/// A row as it has to be.
fn expected(row: &Statistic) -> Value {
    let mut value = numbers(row);
    let fields = value.as_object_mut().expect("an object");
    fields.insert("name".to_owned(), json!(row.key.to_string()));
    match &row.key {
        Key::Traceback(traceback) => {
            let first = &traceback.lines()[0];
            fields.insert("file".to_owned(), json!(*first.file));
            fields.insert("line".to_owned(), json!(first.line));
            fields.insert("lines".to_owned(), lines(traceback));
        }
        Key::SizeClass(class) => {
            fields.insert("size_low_bytes".to_owned(), json!(class.low()));
            fields.insert("size_high_bytes".to_owned(), json!(class.high()));
        }
        _ => {}
    }
    value
}

const KEYS: [(&str, KeyType); 8] = [
    ("lineno", KeyType::Lineno),
    ("filename", KeyType::Filename),
    ("traceback", KeyType::Traceback),
    ("type", KeyType::Type),
    ("path", KeyType::CallPath),
    ("function", KeyType::Function),
    ("crate", KeyType::Crate),
    ("size", KeyType::SizeClass),
];

fn compare_tracemalloc(endpoints: &Endpoints, id: u64, snapshot: &Snapshot) -> usize {
    let mut compared = 0;
    for (key, key_type) in KEYS {
        for (cumulative, limit) in [(false, 3), (false, 1000), (true, 5)] {
            let target = format!(
                "{TRACEMALLOC}?key_type={key}&limit={limit}&cumulative={}&id={id}",
                u8::from(cumulative)
            );
            let answer = get_json(endpoints, &target);
            let rows = snapshot.statistics(key_type, cumulative);
            let (top, other) = rows.split_at(limit.min(rows.len()));
            let total = snapshot.total(Measure::Live);
            let other_bytes: u64 = other.iter().map(|row| row.size).sum();
            let other_blocks: u64 = other.iter().map(|row| row.count).sum();
            let mut sources = SourceLines::at_hand();
            let results: Value = (1..)
                .zip(top)
                .map(|(n, row): (u32, _)| {
                    let format = |traceback: &Traceback| traceback.format(None, false, &mut sources);
                    let traceback = row.traceback().map(format).unwrap_or_default();
                    json!({"desc": format!("#{n}: {}: {}", row.key, kib(row.size)), "traceback": traceback})
                })
                .collect();
            let whole = json!({
                "top_result": results,
                "other_result": format!("Total {}, other: {}", other.len(), kib(other_bytes)),
                "total_size": kib(total.size),
                "key_type": key,
                "cumulative": cumulative,
                "mode": snapshot.mode.to_string(),
                "taken_unix_ns": snapshot.taken.as_nanos() as u64,
                "unnamed": null,
                "rows": top.iter().map(expected).collect::<Value>(),
                "other": {
                    "rows": other.len(),
                    "bytes": (!cumulative).then_some(other_bytes),
                    "blocks": (!cumulative).then_some(other_blocks),
                },
                "total": numbers(&total),
            });
            assert_eq!(answer, whole, "{target}");
            compared += top.len();
        }
        let top = get(endpoints, &format!("{TRACEMALLOC}?key_type={key}&limit=7&format=text&id={id}"));
        let mut text = Vec::new();
        snapshot.display_top(&mut text, key_type, 7).expect("a Vec takes every write");
        assert_eq!(top.body, text, "{key}");
    }
    compared
}

#[test]
fn tracemalloc_says_what_the_library_says() {
    let _alone = alone();
    let endpoints = endpoints();
    for mode in [EXACT, Mode::Sample { rate: 2048 }, Mode::Paths] {
        let recording = Recording::start(mode);
        let (orders, names, pages) = (take_orders(1000), take_names(100), take_pages(50));
        let (id, snapshot) = kept(&endpoints);
        let compared = compare_tracemalloc(&endpoints, id, &snapshot);
        if mode != Mode::Paths {
            assert!(compared > 50, "{compared} rows");
            let file =
                |row: &Value| row["file"].as_str().is_some_and(|file| file.ends_with("tests/http_heap.rs"));
            let answer = get_json(&endpoints, &format!("{TRACEMALLOC}?limit=20"));
            assert!(answer["rows"].as_array().expect("rows").iter().any(file), "{answer:#}");
        }
        drop((orders, names, pages, recording));
    }
}

#[test]
fn python_makes_the_texts_from_the_numbers() {
    let _alone = alone();
    let Some(python) = readers::python() else { return readers::skipped("Python") };
    // From here the lines of source are found.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).expect("the workspace");
    let endpoints = endpoints();
    let _recording = Recording::start(EXACT);
    let _orders = (take_orders(999), take_names(77), take_pages(3));
    let (id, _) = kept(&endpoints);
    for (key, limit) in [("lineno", 10), ("lineno", 1000), ("filename", 4), ("traceback", 25)] {
        let answer = get(&endpoints, &format!("{TRACEMALLOC}?key_type={key}&limit={limit}&id={id}"));
        let script = readers::script("http_tracemalloc.py");
        let mut judge = Command::new(&python);
        let judge = judge.arg("-B").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut judge = judge.stderr(Stdio::inherit()).spawn().expect("Python starts");
        judge.stdin.take().expect("a pipe").write_all(&answer.body).expect("written");
        let theirs = judge.wait_with_output().expect("it ends");
        assert!(theirs.status.success());
        let theirs: Value = serde_json::from_slice(&theirs.stdout).expect("JSON");
        let ours = asking::json(&answer);
        for part in ["top_result", "other_result", "total_size"] {
            assert_eq!(ours[part], theirs[part], "{key}");
        }
        let text = ours["top_result"].to_string();
        if key != "filename" {
            assert!(text.contains("Vec::with_capacity(n as usize)"), "a line of source: {text}");
        }
    }
}

/// The row of a type.
fn of_type<'a>(answer: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    answer[list]
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["type"].as_str().is_some_and(|found| found.contains(name)))
}

#[test]
fn memory_grows_to_the_byte() {
    let _alone = alone();
    let endpoints = endpoints();
    let target = format!("{MEMORY}?limit=1000");
    let _recording = Recording::start(EXACT);
    let first = take_orders(1000);
    let before = get_json(&endpoints, &target);
    assert_eq!(before["has_growth"], json!(false));
    let orders = of_type(&before, "types", "Order").unwrap_or_else(|| panic!("{before:#}"));
    assert_eq!((&orders["blocks"], &orders["bytes"]), (&json!(1), &json!(40_000)));
    assert_eq!((&orders["blocks_diff"], &orders["bytes_diff"]), (&json!(null), &json!(null)));
    let more = [take_orders(10), take_orders(33)];
    let after = get_json(&endpoints, &target);
    assert_eq!(after["has_growth"], json!(true));
    let orders = of_type(&after, "types", "Order").expect("it is there");
    assert_eq!((&orders["blocks"], &orders["bytes"]), (&json!(3), &json!(40_000 + 43 * 40)));
    assert_eq!((&orders["blocks_diff"], &orders["bytes_diff"]), (&json!(2), &json!(43 * 40)));
    let grown = of_type(&after, "growth", "Order").expect("it is there");
    assert_eq!((&grown["blocks"], &grown["blocks_above_highest"]), (&json!(3), &json!(2)));
    // What shrinks is negative, and no growth.
    drop(first);
    let shrunk = get_json(&endpoints, &target);
    let orders = of_type(&shrunk, "changes", "Order").expect("it is there");
    assert_eq!((&orders["blocks_diff"], &orders["bytes_diff"]), (&json!(-1), &json!(-40_000)));
    assert_eq!(of_type(&shrunk, "growth", "Order"), None);
    let same = get_json(&endpoints, &target);
    assert_eq!(of_type(&same, "changes", "Order"), None);
    // A recording that has begun anew is not compared with the one before.
    heap::clear_traces().expect("it goes on");
    let _some = take_orders(5);
    assert_eq!(get_json(&endpoints, &target)["has_growth"], json!(false));
    drop(more);
}

#[test]
fn memory_says_what_the_library_says() {
    let _alone = alone();
    let endpoints = endpoints();
    let _recording = Recording::start(EXACT);
    let _live = (take_orders(10), take_names(20), take_pages(30));
    let (id, snapshot) = kept(&endpoints);
    let answer = get_json(&endpoints, &format!("{MEMORY}?limit=50&id={id}"));
    let types: Value = (snapshot.summary().rows().iter().take(50))
        .map(|row| {
            json!({"type": row.type_name, "blocks": row.count, "bytes": row.size, "blocks_diff": null, "bytes_diff": null})
        })
        .collect();
    assert_eq!(answer["types"], types);
    let sizes: Value = (snapshot.size_histogram(Measure::Live).iter())
        .map(|row| {
            let class = row.size_class;
            json!({"size_low_bytes": class.low(), "size_high_bytes": class.high(), "blocks": row.count, "bytes": row.size})
        })
        .collect();
    assert_eq!(answer["sizes"], sizes);
    let process = &snapshot.process;
    assert_eq!(
        answer["process"],
        json!({
            "live_bytes": process.live_bytes, "live_blocks": process.live_blocks, "peak_bytes": process.peak_bytes,
            "profiler_bytes": process.profiler_bytes, "rss_bytes": process.rss_bytes,
            "cgroup_limit_bytes": process.cgroup_limit, "cgroup_used_bytes": process.cgroup_used,
            "explanation": process.explain(),
        })
    );
    // Each of the largest blocks is at least as large as those below it, and all of them are there.
    let largest = answer["largest"].as_array().expect("rows");
    let bounds: Vec<u64> =
        largest.iter().map(|row| row["size_high_bytes"].as_u64().expect("a number")).collect();
    assert!(bounds.is_sorted_by(|a, b| a >= b), "{bounds:?}");
    let of_class = |class: u64| -> u64 {
        let rows = largest.iter().filter(|row| row["size_high_bytes"] == json!(class));
        rows.map(|row| row["bytes"].as_u64().expect("a number")).sum()
    };
    let highest = snapshot.size_histogram(Measure::Live).pop().expect("there are some");
    assert_eq!(of_class(highest.size_class.high()), highest.size);
    let text = text(&get(&endpoints, &format!("{MEMORY}?format=text&limit=4"))).to_owned();
    for part in ["resident (RSS)", "Live blocks by type", "# objects", "Largest blocks"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn snapshots_are_kept_listed_and_go() {
    let _alone = alone();
    let endpoints = endpoints();
    assert!(refused(&endpoints, "GET", &format!("{SNAPSHOTS}/get?id=1"), 404).contains("none is kept"));
    let _recording = Recording::start(EXACT);
    let _orders = take_orders(10);
    let taken: Vec<u64> = (0..6).map(|_| kept(&endpoints).0).collect();
    assert_eq!(taken, [1, 2, 3, 4, 5, 6]);
    let list = get_json(&endpoints, SNAPSHOTS);
    let ids: Vec<u64> = list["snapshots"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["id"].as_u64().expect("a number"))
        .collect();
    assert_eq!((ids, &list["most"]), (vec![3, 4, 5, 6], &json!(4)));
    assert!(refused(&endpoints, "GET", &format!("{SNAPSHOTS}/get?id=2"), 404).contains("3, 4, 5, 6"));
    // They can be asked of when nothing is recorded any more.
    heap::stop();
    assert!(!get(&endpoints, &format!("{TRACEMALLOC}?id=6")).body.is_empty());
}

#[test]
fn snapshots_are_compared_as_the_library_does() {
    let _alone = alone();
    let endpoints = endpoints();
    let _recording = Recording::start(EXACT);
    let first = take_orders(1000);
    let (old_id, old) = kept(&endpoints);
    drop(first);
    let _more = (take_names(50), take_pages(20));
    let (new_id, new) = kept(&endpoints);
    for (key, key_type) in KEYS {
        let target = format!("{SNAPSHOTS}/compare?old={old_id}&new={new_id}&key_type={key}&limit=12");
        let answer = get_json(&endpoints, &target);
        let mut rows = new.compare_to(&old, key_type, false);
        rows.retain(|row| row.size_diff != 0 || row.count_diff != 0);
        assert_eq!(answer["rows_total"], json!(rows.len()));
        let ours: Vec<Value> = (rows.iter().take(12))
            .map(|row| {
                json!([row.to_string(), row.size, row.size_diff, row.count, row.count_diff, row.interval().0])
            })
            .collect();
        let fields = ["text", "bytes", "bytes_diff", "blocks", "blocks_diff", "lower_bytes_diff"];
        let theirs: Vec<Value> = (answer["rows"].as_array().expect("rows").iter())
            .map(|row| fields.map(|field| row[field].clone()).into_iter().collect())
            .collect();
        assert_eq!(theirs, ours, "{key}");
        let mut expected = Vec::new();
        new.write_comparison(&old, &mut expected, key_type, false, 12).expect("a Vec takes every write");
        assert_eq!(get(&endpoints, &format!("{target}&format=text")).body, expected);
    }
    let orders = get_json(
        &endpoints,
        &format!("{SNAPSHOTS}/compare?old={old_id}&new={new_id}&key_type=type&limit=1000"),
    );
    let row = orders["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .find(|row| row["name"].as_str().is_some_and(|name| name.contains("Order")));
    assert_eq!(row.expect("it went")["bytes_diff"], json!(-40_000));
    let now = get_json(&endpoints, &format!("{SNAPSHOTS}/compare?old={new_id}&new=now"));
    assert!(now["rows"].is_array());
    assert_eq!(ask(&endpoints, "GET", &format!("{SNAPSHOTS}/compare?new=now")).status, 400);
}

#[test]
fn every_format_is_the_librarys() {
    let _alone = alone();
    let endpoints = endpoints();
    let _recording = Recording::start(EXACT);
    let _live = (take_orders(10), take_names(20));
    let (id, snapshot) = kept(&endpoints);
    for (name, format) in [
        ("txt", Format::Text),
        ("json", Format::Json),
        ("svg", Format::Flamegraph),
        ("folded", Format::Folded),
        ("pb.gz", Format::Pprof),
        ("dhat", Format::Dhat),
    ] {
        let file = get(&endpoints, &format!("{SNAPSHOTS}/get?id={id}&format={name}"));
        let mut expected = Vec::new();
        snapshot.write(format, &mut expected).expect("a Vec takes every write");
        assert!(file.body == expected, "{name}");
        let policy = header(&file, "content-security-policy");
        assert_eq!(policy.is_some_and(|policy| policy.starts_with("default-src 'none'")), name == "svg");
    }
    assert!(!get(&endpoints, &format!("{SNAPSHOTS}/get?format=folded")).body.is_empty());
    refused(&endpoints, "GET", &format!("{SNAPSHOTS}/get?format=exe"), 400);
}

#[test]
fn while_nothing_is_recorded_the_way_to_begin_is_told() {
    let _alone = alone();
    let endpoints = endpoints();
    heap::stop();
    for (method, target) in [
        ("GET", TRACEMALLOC),
        ("POST", SNAPSHOTS),
        ("GET", "/debug/profile-cost/snapshots/get"),
        ("GET", "/debug/pprof/heap"),
        ("GET", "/debug/pprof/allocs?seconds=1"),
        ("POST", "/debug/profile-cost/control/heap/reset"),
    ] {
        let message = refused(&endpoints, method, target, 409);
        assert!(message.contains("control/heap/start"), "{message}");
    }
    // The process's memory is told all the same.
    let answer = get_json(&endpoints, MEMORY);
    assert!(answer["process"]["rss_bytes"].as_u64().is_some_and(|rss| rss > 1 << 20), "{answer}");
    assert!(answer["remedy"].as_str().is_some_and(|remedy| remedy.contains("control/heap/start")));
    let _recording = Recording::start(Mode::Counters);
    assert!(refused(&endpoints, "GET", TRACEMALLOC, 409).contains("counters"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let _alone = alone();
    let endpoints = endpoints();
    let _recording = Recording::start(EXACT);
    for (target, remedy) in [
        ("tracemalloc?key_type=shape", "lineno"),
        ("tracemalloc?limit=0", "from 1 to 1000"),
        ("tracemalloc?limit=1001", "from 1 to 1000"),
        ("tracemalloc?cumulative=perhaps", "1 or 0"),
        ("tracemalloc?format=xml", "json, text"),
        ("tracemalloc?file=x", "key_type"),
        ("memory?limit=-1", "whole number"),
    ] {
        let message = refused(&endpoints, "GET", &format!("/debug/profile-cost/{target}"), 400);
        assert!(message.contains(remedy), "{target}: {message}");
    }
    refused(&endpoints, "GET", &format!("{TRACEMALLOC}?id=../1"), 404);
    refused(&endpoints, "POST", TRACEMALLOC, 405);
}

#[test]
fn snapshots_are_taken_once_a_second_whoever_asks() {
    let _alone = alone();
    let mut options = Options::default();
    options.snapshot_interval = Duration::from_secs(3600);
    let endpoints = Endpoints::new(options);
    let _recording = Recording::start(EXACT);
    let _orders = take_orders(10);
    post(&endpoints, SNAPSHOTS);
    for (method, target) in [
        ("GET", TRACEMALLOC),
        ("GET", MEMORY),
        ("POST", SNAPSHOTS),
        ("GET", "/debug/profile-cost/snapshots/get?id=now"),
        ("GET", "/debug/profile-cost/snapshots/compare?old=1&new=now"),
        ("GET", "/debug/pprof/heap"),
        ("GET", "/debug/pprof/allocs"),
        ("GET", "/debug/pprof/heap?seconds=1"),
    ] {
        refused(&endpoints, method, target, 429);
    }
    // Of the one that is kept anything may be asked.
    get(&endpoints, &format!("{TRACEMALLOC}?id=1"));
    get(&endpoints, &format!("{MEMORY}?id=1"));
    assert_eq!(get_json(&endpoints, SNAPSHOTS)["snapshots"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_child_that_fails_costs_the_names_and_nothing_else() {
    let _alone = alone();
    let _recording = Recording::start(EXACT);
    let _orders = take_orders(1000);
    let limit = Duration::from_millis(300);
    for behaviour in ["hang", "deaf", "die", "panic", "babble", "half"] {
        let endpoints = endpoints().with_naming_child(behaviour, limit);
        let begun = Instant::now();
        let answer = get_json(&endpoints, &format!("{TRACEMALLOC}?limit=1000"));
        let problem = answer["unnamed"].as_str().unwrap_or_else(|| panic!("{behaviour}: {answer:#}"));
        assert!(!problem.is_empty() && !problem.contains('\n'), "{behaviour}: {problem}");
        let rows = answer["rows"].as_array().expect("rows");
        assert!(
            rows.iter().any(|row| row["name"].as_str().is_some_and(|name| name.contains("+0x"))),
            "{rows:?}"
        );
        assert!(rows.iter().any(|row| row["bytes"] == json!(40_000)), "{rows:?}");
        assert!(begun.elapsed() < Duration::from_secs(6), "{behaviour}: {:?}", begun.elapsed());
        // No other child is started for a while.
        let begun = Instant::now();
        let top = get(&endpoints, &format!("{TRACEMALLOC}?format=text"));
        assert!(text(&top).starts_with("NOTE: addresses instead of lines"), "{}", text(&top));
        let file = get(&endpoints, "/debug/pprof/heap");
        assert!(
            header(&file, "x-profile-cost-unnamed").is_some_and(|it| it.is_ascii() && !it.contains('\n'))
        );
        let answer = get_json(&endpoints, MEMORY);
        assert!(answer["unnamed"].is_string() && answer["has_growth"] == json!(false));
        assert!(begun.elapsed() < limit, "{behaviour}: {:?}", begun.elapsed());
    }
}

/// What is said of a service is where its memory is, never what is in it.
#[test]
fn no_content_of_memory_is_in_any_answer() {
    let _alone = alone();
    let endpoints = endpoints();
    let _recording = Recording::start(EXACT);
    let secret = ["hunter", "2-correct-horse"].concat();
    let kept_secrets: Vec<String> = (0..1000).map(|i| format!("{secret}{i}")).collect();
    let targets = [
        TRACEMALLOC.to_owned(),
        MEMORY.to_owned(),
        format!("{SNAPSHOTS}/get?format=heap"),
        format!("{SNAPSHOTS}/get?format=json"),
        format!("{SNAPSHOTS}/get?format=txt"),
        "/debug/pprof/heap?debug=1".to_owned(),
    ];
    for target in targets {
        let body = get(&endpoints, &target).body;
        assert!(!body.windows(secret.len()).any(|part| part == secret.as_bytes()), "{target}");
    }
    black_box(kept_secrets);
}
