//! Heap snapshots against tracemalloc, pympler and objgraph: the same traces, the same rows and the same text.
//!
//! `tests/readers/heap_tracemalloc.py` and `heap_types.py` make traces up and print what Python says of them. Their
//! answers in tests/golden/heap are compared without any Python being there, and new ones where there is one. `BLESS=1`
//! writes the golden files anew.
#![allow(clippy::print_stdout, reason = "what was compared, and what was skipped")]

mod readers;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use profile_cost_runtime::heap::{
    Filter, Frame, FrameId, Growth, KeyType, Line, Mode, SizeClass, Snapshot, Source, SourceLines, Trace,
    TraceCounts, Traceback, show_most_common_types,
};
use serde_json::Value;

const KEY_TYPES: [(&str, KeyType); 3] =
    [("lineno", KeyType::Lineno), ("filename", KeyType::Filename), ("traceback", KeyType::Traceback)];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/heap").join(name)
}

fn read(name: &str) -> Value {
    let bytes = std::fs::read(golden(name)).expect("a golden file; BLESS=1 writes it");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// What a script prints; with BLESS=1 the first cases are kept. Nothing when the Python cannot run it.
fn ask(script: &str, file: &str, first: u32, cases: u32) -> Option<Value> {
    let run = |first: u32, cases: u32| {
        let mut command = Command::new(readers::python()?);
        command.arg("-B").arg(readers::script(script)).args([first.to_string(), cases.to_string()]);
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("Python starts");
        let error = String::from_utf8_lossy(&output.stderr);
        let missing = error.contains("ModuleNotFoundError");
        assert!(output.status.success() || missing, "{error}");
        (!missing).then_some(output.stdout)
    };
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(golden(file), run(0, 40)?).expect("the golden file");
    }
    Some(serde_json::from_slice(&run(first, cases)?).expect("JSON"))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn int(value: &Value) -> u64 {
    value.as_u64().expect("a number from 0")
}

fn texts(value: &Value) -> Vec<&str> {
    array(value).iter().map(text).collect()
}

/// How the same stack may stand in our snapshots.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// One frame a line.
    Plain,
    /// Lines inlined into others, several in a frame.
    Inlined,
    /// Below the innermost line, the code of the standard library that handed the memory out.
    Machinery,
}

/// tracemalloc's raw traces as a snapshot.
fn snapshot(traces: &Value, shape: Shape) -> Snapshot {
    let mut snapshot = Snapshot { mode: Mode::Exact { frames: 25 }, named: true, ..Snapshot::new() };
    let mut frames: HashMap<Vec<(String, u32)>, FrameId> = HashMap::new();
    let mut places: HashMap<(Vec<FrameId>, SizeClass), usize> = HashMap::new();
    for (number, trace) in array(traces).iter().enumerate() {
        let size = int(&trace[0]);
        let mut lines: Vec<(String, u32)> = array(&trace[1])
            .iter()
            .map(|frame| (text(&frame[0]).to_owned(), int(&frame[1]) as u32))
            .collect();
        if shape == Shape::Machinery {
            lines.insert(0, (format!("/rustc/0123/library/alloc/src/vec{}.rs", number % 3), 7));
        }
        let width = if shape == Shape::Plain { 1 } else { 1 + lines.len() % 3 };
        let stack: Vec<FrameId> = lines
            .chunks(width)
            .map(|lines| {
                *frames.entry(lines.to_vec()).or_insert_with(|| {
                    let source = |(file, line): &(String, u32)| Source {
                        file: file.clone(),
                        line: *line,
                        ..Source::default()
                    };
                    let sources = lines.iter().map(source).collect();
                    snapshot.frames.push(Frame { module: None, address: number as u64, sources });
                    FrameId(snapshot.frames.len() as u32 - 1)
                })
            })
            .collect();
        let size_class = SizeClass::of(size);
        let at = *places.entry((stack.clone(), size_class)).or_insert_with(|| {
            // With some that have been freed, of which tracemalloc knows nothing.
            let counts = TraceCounts {
                allocations: 3,
                allocated_bytes: 300,
                frees: 3,
                freed_bytes: 300,
                ..TraceCounts::default()
            };
            let frames = stack.clone();
            let trace =
                Trace { frames, path: None, size_class, first_size: size, align: 8, type_id: None, counts };
            snapshot.traces.push(trace);
            snapshot.traces.len() - 1
        });
        snapshot.traces[at].counts.allocations += 1;
        snapshot.traces[at].counts.allocated_bytes += size;
    }
    // A stack whose blocks are all gone is no row.
    let gone =
        TraceCounts { allocations: 1, allocated_bytes: 9, frees: 1, freed_bytes: 9, ..Default::default() };
    snapshot.frames.push(Frame {
        sources: vec![Source { file: "gone.rs".into(), line: 1, ..Source::default() }],
        ..Frame::default()
    });
    snapshot.traces.push(Trace {
        frames: vec![FrameId(snapshot.frames.len() as u32 - 1)],
        path: None,
        size_class: SizeClass(4),
        first_size: 9,
        align: 1,
        type_id: None,
        counts: gone,
    });
    snapshot
}

fn lines_of(traceback: &Traceback) -> Vec<Value> {
    let line = |line: &Line| serde_json::json!([*line.file, line.line.expect("a line of source")]);
    traceback.lines().iter().map(line).collect()
}

fn statistics(snapshot: &Snapshot, key_type: KeyType, cumulative: bool) -> Vec<Value> {
    let rows = snapshot.statistics(key_type, cumulative).into_iter();
    rows.map(|row| {
        assert_eq!(row.interval(), (row.size, row.size), "every block was recorded");
        let mut fields = vec![row.to_string().into(), row.size.into(), row.count.into()];
        if key_type == KeyType::Traceback {
            fields.push(lines_of(row.traceback().expect("a stack")).into());
        }
        Value::Array(fields)
    })
    .collect()
}

fn differences(new: &Snapshot, old: &Snapshot, key_type: KeyType, cumulative: bool) -> Vec<Value> {
    let rows = new.compare_to(old, key_type, cumulative).into_iter();
    rows.map(|row| {
        assert_eq!(row.interval(), (row.size_diff, row.size_diff), "every block was recorded");
        serde_json::json!([row.to_string(), row.size, row.size_diff, row.count, row.count_diff])
    })
    .collect()
}

fn filters(answer: &Value) -> Vec<Filter> {
    let filter = |filter: &Value| {
        let made = Filter::new(filter[0].as_bool().expect("a flag"), text(&filter[1]));
        let made = made.all_frames(filter[3].as_bool().expect("a flag"));
        filter[2].as_u64().map_or(made.clone(), |line| made.lineno(line as u32))
    };
    array(answer).iter().map(filter).collect()
}

fn top(snapshot: &Snapshot, key_type: KeyType, limit: u64) -> String {
    let mut out = Vec::new();
    snapshot.display_top(&mut out, key_type, limit as usize).expect("a Vec takes every write");
    String::from_utf8(out).expect("text")
}

/// One case, in one shape; how many texts were compared.
fn compare_case(case: &Value, shape: Shape, name: &str) -> usize {
    let (new, old) = (snapshot(&case["new"], shape), snapshot(&case["old"], shape));
    let whole_stacks = shape != Shape::Machinery;
    let mut compared = 0;
    for (key, key_type) in KEY_TYPES {
        if key_type == KeyType::Traceback && !whole_stacks {
            continue;
        }
        assert_eq!(statistics(&new, key_type, false), array(&case["statistics"][key]), "{name}: {key}");
        assert_eq!(
            differences(&new, &old, key_type, false),
            array(&case["compare_to"][key]),
            "{name}: {key}"
        );
        compared += 2;
    }
    if whole_stacks {
        for (key, key_type) in &KEY_TYPES[..2] {
            let wanted = array(&case["cumulative"][key]);
            assert_eq!(statistics(&new, *key_type, true), wanted, "{name}: cumulative {key}");
            let wanted = array(&case["compare_to_cumulative"][key]);
            assert_eq!(differences(&new, &old, *key_type, true), wanted, "{name}: cumulative {key}");
            compared += 2;
        }
    }
    for answer in array(&case["filters"]) {
        // Those of all frames see the machinery, too.
        if !whole_stacks && array(&answer[0]).iter().any(|filter| filter[3] == true) {
            continue;
        }
        let left = new.filter_traces(&filters(&answer[0]));
        let rows = left.statistics(KeyType::Traceback, false);
        let mut rows: Vec<Value> = (rows.iter())
            .map(|row| {
                let lines = row.traceback().map_or(0, |stack| stack.lines().len());
                serde_json::json!([row.size, row.count, lines])
            })
            .collect();
        let mut wanted = array(&answer[1]).to_vec();
        if !whole_stacks {
            // One stack of Python's is several here.
            let sum = |rows: &[Value]| {
                let sum = |field: usize| rows.iter().map(|row| int(&row[field])).sum::<u64>();
                vec![sum(0).into(), sum(1).into()]
            };
            (rows, wanted) = (sum(&rows), sum(&wanted));
        }
        assert_eq!(rows, wanted, "{name}: filters {}", answer[0]);
        compared += 1;
    }
    for answer in array(&case["display_top"]) {
        let key_type: KeyType = text(&answer[0]).parse().expect("a key type");
        if key_type != KeyType::Traceback || whole_stacks {
            assert_eq!(top(&new, key_type, int(&answer[1])), text(&answer[2]), "{name}: {key_type}");
            compared += 1;
        }
    }
    for answer in array(&case["format"]) {
        let rows = new.statistics(KeyType::Traceback, false);
        let stacks = rows.iter().filter_map(|row| row.traceback());
        let stack = stacks.into_iter().find(|stack| lines_of(stack) == array(&answer[0]));
        let Some(stack) = stack else {
            assert!(!whole_stacks, "{name}: {}", answer[0]);
            continue;
        };
        let first = answer[2].as_bool().expect("a flag");
        let have = stack.format(answer[1].as_i64(), first, &mut SourceLines::at_hand());
        assert_eq!(have, texts(&answer[3]), "{name}: {answer}");
        compared += 1;
    }
    compared
}

/// A snapshot of one line that has so much.
fn one_line(size: u64, count: u64) -> Snapshot {
    let mut one = snapshot(&serde_json::json!([[0, [["a.rs", 1]]]]), Shape::Plain);
    let counts = &mut one.traces[0].counts;
    *counts = TraceCounts { allocations: count, allocated_bytes: size, ..TraceCounts::default() };
    one
}

fn compare(answer: &Value, what: &str) {
    let mut compared = 0;
    for (number, case) in array(&answer["cases"]).iter().enumerate() {
        for shape in [Shape::Plain, Shape::Inlined, Shape::Machinery] {
            let shape_name = ["plain", "inlined", "machinery"][shape as usize];
            compared += compare_case(case, shape, &format!("{what}, case {number}, {shape_name}"));
        }
    }
    for row in array(&answer["texts"]["statistics"]) {
        let rows = one_line(int(&row[0]), int(&row[1])).statistics(KeyType::Lineno, false);
        assert_eq!(rows[0].to_string(), text(&row[2]));
        compared += 1;
    }
    for row in array(&answer["texts"]["differences"]) {
        let of = |part: &Value| one_line(int(&part[0]), int(&part[1]));
        let rows = of(&row[0]).compare_to(&of(&row[1]), KeyType::Lineno, false);
        assert_eq!(rows[0].to_string(), text(&row[2]), "{row}");
        compared += 1;
    }
    for row in array(&answer["patterns"]) {
        let file = snapshot(&serde_json::json!([[1, [[row[1], 1]]]]), Shape::Plain);
        // Exclusive, so that the line that stands for nothing here is not asked.
        let left = file.filter_traces(&[Filter::new(false, text(&row[0]))]).totals().live_blocks();
        // A name of no characters is no file.
        if !text(&row[1]).is_empty() {
            assert_eq!(left == 0, row[2].as_bool().expect("a flag"), "{row}");
            compared += 1;
        }
    }
    println!("{what}: {compared} texts and tables of {} cases compared", array(&answer["cases"]).len());
    assert!(array(&answer["cases"]).len() >= 30);
}

#[test]
fn rows_and_texts_are_those_that_tracemalloc_gave() {
    if std::env::var_os("BLESS").is_some() {
        ask("heap_tracemalloc.py", "tracemalloc.json", 0, 1).expect("Python");
    }
    compare(&read("tracemalloc.json"), "golden");
}

#[test]
fn rows_and_texts_are_those_that_tracemalloc_gives() {
    if readers::python().is_none() {
        return readers::skipped("Python");
    }
    let answer =
        ask("heap_tracemalloc.py", "tracemalloc.json", 1_000, 150).expect("tracemalloc is Python's own");
    compare(&answer, &format!("Python {}", text(&answer["python"])));
}

#[test]
fn recursion_is_counted_once_where_python_counts_each_level() {
    let stack = serde_json::json!([[100, [["a.rs", 1], ["a.rs", 1], ["b.rs", 2], ["a.rs", 3]]]]);
    let rows = snapshot(&stack, Shape::Plain).statistics(KeyType::Filename, true);
    let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
    assert_eq!(
        rows,
        ["b.rs:0: size=100 B, count=1, average=100 B", "a.rs:0: size=100 B, count=1, average=100 B"]
    );
}

/// Blocks by type, as a snapshot.
fn of_types(types: &Value) -> Snapshot {
    let mut snapshot = Snapshot { named: true, ..snapshot(&serde_json::json!([]), Shape::Plain) };
    for (number, row) in array(types).iter().enumerate() {
        // In two parts, as a type has many stacks.
        let (count, size) = (int(&row[1]), int(&row[2]));
        let name = text(&row[0]);
        let type_id = if name == "unknown" && number % 2 == 0 {
            None
        } else {
            snapshot.types.push(name.to_owned());
            Some(snapshot.types.len() as u32 - 1)
        };
        for (count, size) in [(count / 2, size / 3), (count - count / 2, size - size / 3)] {
            let counts = TraceCounts { allocations: count, allocated_bytes: size, ..TraceCounts::default() };
            let trace = snapshot.traces[0].clone();
            snapshot.traces.push(Trace { type_id, counts, ..trace });
        }
    }
    snapshot
}

fn compare_types(answer: &Value, what: &str) {
    let printed = |print: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut out = Vec::new();
        print(&mut out).expect("a Vec takes every write");
        String::from_utf8(out).expect("text")
    };
    for (number, case) in array(answer).iter().enumerate() {
        let steps: Vec<Snapshot> = array(&case["steps"]).iter().map(of_types).collect();
        let summary = steps[0].summary();
        for row in array(&case["summary"]) {
            let have = printed(&|out| summary.print(out, int(&row[0]) as usize));
            assert_eq!(have.lines().collect::<Vec<_>>(), texts(&row[1]), "{what}, case {number}: summary");
        }
        let mut difference: Vec<Value> = steps[1]
            .summary()
            .diff(&summary)
            .rows()
            .iter()
            .map(|row| serde_json::json!([row.type_name, row.count, row.size]))
            .collect();
        difference.sort_by(|a, b| text(&a[0]).cmp(text(&b[0])));
        assert_eq!(difference, array(&case["difference"]), "{what}, case {number}: difference");
        let mut growth = Growth::new();
        for (step, answer) in steps.iter().zip(array(&case["growth"])) {
            let rows = growth.update(step, int(&answer[0]) as usize);
            let have = printed(&|out| Growth::show(&rows, out));
            assert_eq!(have, text(&answer[1]), "{what}, case {number}: growth");
        }
        for row in array(&case["most_common"]) {
            let have = steps[0].most_common_types(int(&row[0]) as usize);
            let have: Vec<Value> =
                have.iter().map(|row| serde_json::json!([row.type_name, row.count])).collect();
            assert_eq!(have, array(&row[1]), "{what}, case {number}: most common");
        }
        let most = &case["show_most_common"];
        let rows = steps[0].most_common_types(int(&most[0]) as usize);
        let have = printed(&|out| show_most_common_types(&rows, out));
        assert_eq!(have, text(&most[1]), "{what}, case {number}: most common");
    }
    println!("{what}: {} cases of types compared", array(answer).len());
    assert!(array(answer).len() >= 30);
}

#[test]
fn types_are_shown_as_pympler_and_objgraph_showed_them() {
    if std::env::var_os("BLESS").is_some() {
        ask("heap_types.py", "types.json", 0, 1).expect("Python with pympler and objgraph");
    }
    compare_types(&read("types.json"), "golden");
}

#[test]
fn types_are_shown_as_pympler_and_objgraph_show_them() {
    if readers::python().is_none() {
        return readers::skipped("Python");
    }
    match ask("heap_types.py", "types.json", 5_000, 150) {
        Some(answer) => compare_types(&answer, "pympler and objgraph"),
        None => readers::skipped("pympler or objgraph"),
    }
}
