//! The same program in both languages, with the same blocks on the same lines: what is said here of the real allocator,
//! and what tracemalloc says, is the same in every field, in text and in order.
#![allow(clippy::print_stdout, reason = "what was compared, and what was skipped")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use profile_cost_runtime::heap::{self, Filter, KeyType, Snapshot, Statistic, TopOptions, Tracker};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

type Keep = [Vec<u8>];

include!("python/work.rs");

const FILE: &str = "*python/work.rs";
const KEYS: [(&str, KeyType); 3] =
    [("lineno", KeyType::Lineno), ("filename", KeyType::Filename), ("traceback", KeyType::Traceback)];

/// Both looks at the program, named, of all that its file asked for.
fn looks(frames: u32) -> [Snapshot; 2] {
    let mut keep: Vec<Vec<u8>> = (0..400).map(|_| Vec::new()).collect();
    heap::start(frames).expect("a mode");
    black_box(first)(&mut keep);
    let before = heap::take_snapshot();
    black_box(second)(&mut keep);
    let after = heap::take_snapshot();
    heap::stop();
    [before, after].map(|mut snapshot| {
        snapshot.name_here().expect("debug information");
        snapshot.filter_traces(&[Filter::new(true, FILE)])
    })
}

/// As the judge writes it: without folders, and in the other language.
fn of_python(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.rfind("work.rs") {
        Some(at) => format!("work.py{}", &word[at + "work.rs".len()..]),
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn row(row: &Statistic, key_type: KeyType) -> Value {
    let traceback = row.traceback().expect("a line or a stack");
    let lines = traceback.lines();
    // Below the innermost line of the program, a stack shows what handed the memory out.
    let last = lines.iter().rev().find(|line| line.file.ends_with("work.rs")).expect("there is one");
    let stack: Vec<u32> = match key_type {
        KeyType::Traceback => {
            lines.iter().filter(|line| line.file.ends_with("work.rs")).filter_map(|line| line.line).collect()
        }
        _ => Vec::new(),
    };
    let file = of_python(&last.file);
    json!([file, last.line.unwrap_or(0), row.size, row.count, stack, of_python(&row.to_string())])
}

/// All but the text, which begins with the outermost line: that is the judge's, and ours.
fn without_text(rows: &Value, key_type: KeyType) -> Vec<Value> {
    let rows = rows.as_array().expect("rows").iter();
    let fields = |row: &Value| row.as_array().expect("fields").clone();
    rows.map(|row| {
        let mut row = fields(row);
        if key_type == KeyType::Traceback {
            row.pop();
        }
        Value::Array(row)
    })
    .collect()
}

fn table(snapshot: &Snapshot, key_type: KeyType) -> Value {
    snapshot.statistics(key_type, false).iter().map(|it| row(it, key_type)).collect()
}

fn top(snapshot: &Snapshot, key_type: KeyType, limit: usize) -> Vec<String> {
    let mut out = Vec::new();
    let options = TopOptions { limit, strip_dirs: true, ..TopOptions::default() };
    snapshot.display_top_with(&mut out, key_type, &options).expect("a Vec takes every write");
    String::from_utf8(out).expect("text").lines().map(str::to_owned).collect()
}

/// The text is the same, with lines of this language's source below rows.
fn compare_top(ours: &[String], theirs: &str, source: &[&str]) {
    let theirs: Vec<&str> = theirs.lines().collect();
    assert_eq!(ours.len(), theirs.len(), "{ours:#?}\n{theirs:#?}");
    let mut line = 0;
    for (ours, theirs) in ours.iter().zip(theirs) {
        if let Some(shown) = theirs.strip_prefix("    ") {
            assert!(!shown.is_empty());
            assert_eq!(ours.strip_prefix("    "), Some(source[line - 1].trim()));
            continue;
        }
        assert_eq!(of_python(ours), theirs);
        if let Some((_, rest)) = theirs.split_once("work.py:") {
            line = rest.split(':').next().and_then(|number| number.parse().ok()).expect("a line");
        }
    }
}

fn compare(frames: u32, judge: &Value) -> usize {
    let [before, after] = looks(frames);
    let mut compared = 0;
    for (key, key_type) in KEYS {
        for (snapshot, theirs) in
            [&before, &after].into_iter().zip(judge["rows"][key].as_array().expect("two"))
        {
            let ours = without_text(&table(snapshot, key_type), key_type);
            assert_eq!(ours, without_text(theirs, key_type), "{key}");
            compared += ours.len();
        }
        if key_type == KeyType::Traceback {
            continue;
        }
        let ours: Value = (after.compare_to(&before, key_type, false).iter())
            .map(|row| {
                json!([row.size, row.size_diff, row.count, row.count_diff, of_python(&row.to_string())])
            })
            .collect();
        assert_eq!(ours, judge["differences"][key], "{key}");
        let source: Vec<&str> = include_str!("python/work.rs").lines().collect();
        let limits = [(&before, 2), (&before, 10), (&after, 2), (&after, 10)];
        for ((snapshot, limit), theirs) in limits.into_iter().zip(judge["top"][key].as_array().expect("four"))
        {
            compare_top(&top(snapshot, key_type, limit), theirs.as_str().expect("text"), &source);
            compared += 1;
        }
    }
    let filters = [
        ("line", Filter::new(true, FILE).lineno(4)),
        ("not the line", Filter::new(false, FILE).lineno(4)),
        ("through inner", Filter::new(true, FILE).lineno(7).all_frames(true)),
        ("not through inner", Filter::new(false, FILE).lineno(7).all_frames(true)),
        ("none", Filter::new(true, "*/nothing.rs")),
    ];
    for (what, filter) in filters {
        let left = after.filter_traces(&[filter]);
        assert_eq!(table(&left, KeyType::Lineno), judge["filters"][what], "{what}");
        compared += 1;
    }
    compared
}

fn ask(frames: u32) -> Option<Value> {
    let python = std::env::var_os("PROFILE_COST_PYTHON").unwrap_or_else(|| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/judge.py");
    let output = Command::new(python).arg("-B").arg(script).arg(frames.to_string()).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn main() {
    // From here the lines of source are found.
    std::env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).expect("the workspace");
    // Not optimised, the library's own code has frames that Python has not: all that there are, then.
    let frames: &[u32] = if cfg!(debug_assertions) { &[100] } else { &[25, 100] };
    for &frames in frames {
        let Some(judge) = ask(frames) else {
            let required = std::env::var_os("PROFILE_COST_REQUIRE_READERS").is_some_and(|value| value == "1");
            assert!(!required, "Python is not installed");
            return println!("skipped: Python is not installed");
        };
        println!("{} rows and texts compared, of stacks of {frames} frames", compare(frames, &judge));
    }
}
