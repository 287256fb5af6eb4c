//! Rows of heap snapshots: what a trace counts on, where no Python can say; and snapshots of the real allocator.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use profile_cost_runtime::Label;
use profile_cost_runtime::heap::{
    self, CallPath, Filter, Frame, FrameId, Growth, KeyType, Measure, Mode, Module, SizeClass, Snapshot,
    Source, SourceLines, Statistic, TopOptions, Trace, TraceCounts, Tracker,
};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// The recording is the process's: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    heap::stop();
    guard
}

fn source(function: &str, symbol: &str, file: &str, line: u32) -> Source {
    Source { function: function.into(), symbol: symbol.into(), file: file.into(), line }
}

fn trace(frames: &[u32], path: Option<u32>, type_id: Option<u32>, blocks: u64, size: u64) -> Trace {
    Trace {
        frames: frames.iter().map(|&id| FrameId(id)).collect(),
        path,
        size_class: SizeClass::of(size),
        first_size: size,
        align: 8,
        type_id,
        counts: TraceCounts {
            allocations: blocks * 2,
            allocated_bytes: blocks * size * 2,
            frees: blocks,
            freed_bytes: blocks * size,
            ..TraceCounts::default()
        },
    }
}

/// A service: orders in a Vec grown by `load`, their names by a crate, one block that only std knows, one of a library.
fn service() -> Snapshot {
    let machinery = "/rustc/0123/library/alloc/src/vec/mod.rs";
    let module = |path: &str| Module { path: path.into(), build_id: String::new() };
    let frame = |module, address, sources| Frame { module: Some(module), address, sources };
    let path = |parent, name: &str| CallPath { parent, label: Label::new("src/main.rs", 3, name) };
    Snapshot {
        mode: Mode::Exact { frames: 25 },
        named: true,
        duration: Duration::from_secs(2),
        modules: vec![module("/srv/bin/service"), module("/usr/lib/libssl.so.3")],
        frames: vec![
            frame(0, 0x10, vec![source("push<app::Order>", "<alloc::vec::Vec<T,A>>::push", machinery, 9)]),
            frame(
                0,
                0x20,
                vec![
                    source("grow<u8>", "alloc::raw_vec::grow", machinery, 5),
                    source("load<app::Db>", "app::orders::load", "src/orders.rs", 40),
                    source("serve", "app::serve", "src/main.rs", 12),
                ],
            ),
            frame(0, 0x30, vec![source("main", "app::main", "src/main.rs", 4)]),
            frame(0, 0x40, vec![source("parse", "names::parse", "/registry/names-1.0/src/lib.rs", 7)]),
            frame(1, 0x50, vec![]),
            frame(0, 0x60, vec![source("plt", "", "", 0)]),
        ],
        paths: vec![path(None, "main"), path(Some(0), "load"), path(Some(1), "parse")],
        types: vec!["Vec<app::Order>".into(), "String".into()],
        traces: vec![
            trace(&[0, 1, 2], Some(1), Some(0), 1, 1000),
            trace(&[3, 1, 2], Some(2), Some(1), 10, 30),
            trace(&[0], Some(0), None, 1, 60),
            trace(&[4, 2], None, None, 1, 50),
            trace(&[5, 2], None, None, 1, 7),
        ],
        ..Snapshot::new()
    }
}

fn rows(rows: &[Statistic]) -> Vec<String> {
    rows.iter().map(|row| format!("{} {} {}", row.key, row.size, row.count)).collect()
}

fn by(snapshot: &Snapshot, key_type: KeyType, cumulative: bool) -> Vec<String> {
    rows(&snapshot.statistics(key_type, cumulative))
}

#[test]
fn blocks_count_on_the_innermost_line_outside_of_the_standard_library() {
    let machinery = "/rustc/0123/library/alloc/src/vec/mod.rs";
    assert_eq!(
        by(&service(), KeyType::Lineno, false),
        [
            "src/orders.rs:40 1000 1".to_owned(),
            "/registry/names-1.0/src/lib.rs:7 300 10".to_owned(),
            // Nothing else is on its stack.
            format!("{machinery}:9 60 1"),
            "libssl.so.3+0x50 50 1".to_owned(),
            // A function whose file is not known.
            "plt 7 1".to_owned(),
        ]
    );
    assert_eq!(
        by(&service(), KeyType::Filename, false),
        [
            "src/orders.rs:0 1000 1".to_owned(),
            "/registry/names-1.0/src/lib.rs:0 300 10".to_owned(),
            format!("{machinery}:0 60 1"),
            "libssl.so.3 50 1".to_owned(),
            "service 7 1".to_owned(),
        ]
    );
}

#[test]
fn functions_and_crates_have_their_whole_names_and_cumulative_sums() {
    assert_eq!(
        by(&service(), KeyType::Function, false),
        [
            "app::orders::load<app::Db> 1000 1",
            "names::parse 300 10",
            "<alloc::vec::Vec<T,A>>::push<app::Order> 60 1",
            "libssl.so.3+0x50 50 1",
            "plt 7 1",
        ]
    );
    assert_eq!(
        by(&service(), KeyType::Function, true)[..3],
        ["app::main 1357 13", "app::serve 1300 11", "app::orders::load<app::Db> 1300 11"]
    );
    let crates = by(&service(), KeyType::Crate, true);
    assert!(crates.contains(&"app 1357 13".to_owned()), "{crates:?}");
    assert!(crates.contains(&"names 300 10".to_owned()), "{crates:?}");
    assert!(crates.contains(&"[libssl.so.3] 50 1".to_owned()), "{crates:?}");
}

#[test]
fn call_paths_types_and_sizes_are_keys_too() {
    assert_eq!(
        by(&service(), KeyType::CallPath, false),
        ["main -> load 1000 1", "main -> load -> parse 300 10", "main 60 1", "[outside] 57 2"]
    );
    assert_eq!(
        by(&service(), KeyType::CallPath, true),
        ["main 1360 12", "main -> load 1300 11", "main -> load -> parse 300 10", "[outside] 57 2"]
    );
    assert_eq!(
        by(&service(), KeyType::Type, false),
        ["Vec<app::Order> 1000 1", "String 300 10", "unknown 117 3"]
    );
    assert_eq!(
        by(&service(), KeyType::SizeClass, false),
        ["513-1024 B 1000 1", "17-32 B 300 10", "33-64 B 110 2", "5-8 B 7 1"]
    );
    assert_eq!(
        rows(&service().lines_of_type("unknown"))[1..],
        ["libssl.so.3+0x50 50 1".to_owned(), "plt 7 1".to_owned()]
    );
}

#[test]
fn a_long_call_path_keeps_both_ends() {
    let mut snapshot = service();
    for at in 3..100 {
        snapshot
            .paths
            .push(CallPath { parent: Some(at - 1), label: Label::new("a.rs", 1, format!("f{at}")) });
    }
    snapshot.traces = vec![trace(&[], Some(99), None, 1, 8), trace(&[], Some(63), None, 1, 9)];
    let rows = by(&snapshot, KeyType::CallPath, false);
    assert!(
        rows[0].starts_with("main -> load -> parse -> f3 -> ") && rows[0].ends_with(" -> f62 -> f63 9 1"),
        "{rows:?}"
    );
    assert!(!rows[0].contains(".."), "{rows:?}");
    assert!(rows[1].contains(" -> f15 -> .. 36 more .. -> f52 -> f53 -> "), "{rows:?}");
    assert!(rows[1].ends_with(" -> f98 -> f99 8 1"), "{rows:?}");
}

#[test]
fn without_names_rows_are_addresses_and_without_stacks_annotated_functions() {
    let mut snapshot = service();
    snapshot.named = false;
    snapshot.frames.iter_mut().for_each(|frame| frame.sources.clear());
    // Two files of one name cannot be told by it.
    snapshot.modules[1].path = "/opt/service".into();
    snapshot.frames[2].module = None;
    assert_eq!(
        by(&snapshot, KeyType::Lineno, false),
        [
            "/srv/bin/service+0x10 1060 2",
            "/srv/bin/service+0x40 300 10",
            "/opt/service+0x50 50 1",
            "/srv/bin/service+0x60 7 1"
        ]
    );
    assert!(by(&snapshot, KeyType::Lineno, true).contains(&"0x30 1357 13".to_owned()));
    let stacks = snapshot.statistics(KeyType::Traceback, false);
    let lines = stacks[0].traceback().expect("a stack").format(Some(2), true, &mut SourceLines::at_hand());
    assert_eq!(lines, ["  /srv/bin/service+0x10", "  /srv/bin/service+0x20"]);
    for trace in &mut snapshot.traces {
        trace.frames.clear();
    }
    snapshot.paths[1].label.line = 8;
    assert_eq!(
        by(&snapshot, KeyType::Lineno, false),
        ["src/main.rs:8 1000 1", "src/main.rs:3 360 11", "[unknown] 57 2"]
    );
    assert_eq!(
        by(&snapshot, KeyType::Function, true),
        ["load 1000 1", "parse 300 10", "main 60 1", "[unknown] 57 2"]
    );
}

#[test]
fn filters_take_functions_crates_types_and_call_paths() {
    let left = |filters: &[Filter]| service().filter_traces(filters).totals().live_bytes();
    assert_eq!(left(&[Filter::function(true, "app::orders::*")]), 1000);
    assert_eq!(left(&[Filter::function(true, "app::orders::*").all_frames(true)]), 1300);
    assert_eq!(left(&[Filter::function(true, "app::*").lineno(40)]), 1000);
    assert_eq!(left(&[Filter::of_crate(false, "app")]), 417);
    assert_eq!(left(&[Filter::of_crate(false, "app").all_frames(true)]), 60);
    assert_eq!(left(&[Filter::of_type(true, "Vec<*"), Filter::of_type(true, "unknown")]), 1117);
    assert_eq!(left(&[Filter::of_type(false, "unknown")]), 1300);
    assert_eq!(
        left(&[Filter::call_path(true, "main -> load*"), Filter::call_path(false, "* -> parse")]),
        1000
    );
    assert_eq!(left(&[Filter::call_path(true, "[[]outside]")]), 57);
    assert_eq!(left(&[]), 1417);
}

#[test]
fn other_measures_have_their_own_rows() {
    let mut snapshot = service();
    let counts = &mut snapshot.traces[1].counts;
    (counts.temporary, counts.copied_bytes, counts.peak_blocks, counts.peak_bytes) = (5, 77, 3, 90);
    assert_eq!(rows(&snapshot.temporary(KeyType::Type)), ["String 150 5"]);
    assert_eq!(rows(&snapshot.copied(KeyType::Crate)), ["names 77 0"]);
    assert_eq!(rows(&snapshot.statistics_by(KeyType::Function, Measure::Peak, false)), ["names::parse 90 3"]);
    assert_eq!(
        rows(&snapshot.statistics_by(KeyType::Type, Measure::Allocated, false))[0],
        "Vec<app::Order> 2000 2"
    );
    assert_eq!(rows(&snapshot.leaks(KeyType::Type))[0], "Vec<app::Order> 1000 1");
    let rates = snapshot.rates(KeyType::Type);
    assert_eq!((rates[1].bytes_per_second, rates[1].blocks_per_second), (300.0, 10.0));
    snapshot.duration = Duration::ZERO;
    assert!(snapshot.rates(KeyType::Type).is_empty());
    let sizes: Vec<String> = (snapshot.size_histogram(Measure::Live).iter())
        .map(|row| format!("{}: {} {}", row.size_class, row.count, row.size))
        .collect();
    assert_eq!(
        sizes,
        [
            "5-8 B: 1 7",
            "9-16 B: 0 0",
            "17-32 B: 10 300",
            "33-64 B: 2 110",
            "65-128 B: 0 0",
            "129-256 B: 0 0",
            "257-512 B: 0 0",
            "513-1024 B: 1 1000"
        ]
    );
    assert!(Snapshot::new().size_histogram(Measure::Live).is_empty());
}

#[test]
fn growth_is_told_once_and_from_the_highest_count() {
    let mut growth = Growth::new();
    assert_eq!(growth.update(&service(), 0).len(), 3);
    assert_eq!(growth.update(&service(), 0), []);
    let mut fewer = service();
    fewer.traces[1].counts.frees += 4;
    assert_eq!(growth.update(&fewer, 0), []);
    let mut more = service();
    more.traces[1].counts.frees -= 1;
    let rows = growth.update(&more, 0);
    assert_eq!((rows.len(), rows[0].count, rows[0].delta), (1, 11, 1));
}

fn top(snapshot: &Snapshot, key_type: KeyType, options: &TopOptions) -> String {
    let mut out = Vec::new();
    snapshot.display_top_with(&mut out, key_type, options).expect("a Vec takes every write");
    String::from_utf8(out).expect("text")
}

#[test]
fn the_top_can_do_without_directories_and_says_what_is_an_estimate() {
    let options = TopOptions { limit: 2, strip_dirs: true, sources: false };
    assert_eq!(
        top(&service(), KeyType::Lineno, &options),
        "Top 2 lines\n#1: orders.rs:40: 1.0 KiB\n#2: lib.rs:7: 0.3 KiB\n3 other: 0.1 KiB\nTotal allocated size: 1.4 KiB\n"
    );
    let mut sampled = Snapshot { mode: Mode::Sample { rate: 1024 }, ..service() };
    sampled.traces.truncate(1);
    let counts = &mut sampled.traces[0].counts;
    *counts = TraceCounts {
        allocations: 64,
        allocated_bytes: 4096,
        samples: 4,
        variance: 4.0 * 1024.0 * 1024.0,
        ..TraceCounts::default()
    };
    // Four samples of equal weight: Garwood's interval, 1.09 to 10.24 of them.
    let text = top(&sampled, KeyType::Type, &TopOptions::default());
    let low = text.split("95 %: ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok());
    assert!(low.is_some_and(|low| low.abs_diff(1117) < 40), "{text}");
    assert!(text.starts_with("Top 10 types\n#1: Vec<app::Order>: 4.0 KiB (estimate, 95 %: "), "{text}");
    assert!(text.contains(" to 10.2 KiB)\nTotal allocated size: 4.0 KiB (estimate"), "{text}");
}

#[test]
fn an_empty_sample_does_not_say_that_there_is_nothing() {
    let sampled = Snapshot { mode: Mode::Sample { rate: 1000 }, ..Snapshot::new() };
    let (low, high) = sampled.total(Measure::Live).interval();
    assert!(low == 0 && (3_600..3_700).contains(&high), "{low} to {high}");
    assert_eq!(Snapshot::new().total(Measure::Live).interval(), (0, 0));
    // What was recorded before sampling began is known exactly.
    let before = Snapshot { mode: Mode::Sample { rate: 1000 }, ..service() };
    assert!(before.statistics(KeyType::Type, false).iter().all(|row| row.interval() == (row.size, row.size)));
}

#[test]
fn a_pipe_is_no_source_file() {
    let mut sources = SourceLines::at_hand();
    assert_eq!(sources.get("/dev/stdin", 1), "");
    assert_eq!(sources.get("Cargo.toml", 1), "[package]");
    assert_eq!(sources.get("Cargo.toml", 0), "");
    assert_eq!(sources.get("Cargo.toml", 9_999), "");
    assert_eq!(SourceLines::none().get("Cargo.toml", 1), "");
}

#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
fn a_real_snapshot_is_dumped_and_grouped_before_it_has_names() {
    let _alone = alone();
    heap::start(25).expect("stacks are walked here");
    let kept: Vec<Vec<u8>> = (0..1_000).map(|_| vec![1; 3_000]).collect();
    let snapshot = heap::take_snapshot();
    heap::stop();
    let mut bytes = Vec::new();
    snapshot.write_dump(&mut bytes).expect("a Vec takes every write");
    assert_eq!(Snapshot::read_dump(&mut &bytes[..]).expect("what was just written"), snapshot);
    for key_type in [KeyType::Lineno, KeyType::Traceback, KeyType::Function] {
        let row = &snapshot.statistics(key_type, false)[0];
        assert!(row.size >= 3_000_000 && row.count >= 1_000, "{row}");
    }
    assert!(top(&snapshot, KeyType::Lineno, &TopOptions::default()).contains("+0x"));
    assert_eq!(kept.len(), 1_000);
}

/// The allocator's own samples: what was allocated is within the row's interval in nine runs of ten.
#[test]
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(profile_cost_portable)))]
fn intervals_hold_what_was_really_allocated() {
    const RATE: u64 = 64 * 1024;
    let _alone = alone();
    // Sizes that nothing else here has; blocks of them; expected samples 3, 100, 3.5.
    for (size, blocks) in [(3_000, 66), (20_000, 328), (140_000, 4)] {
        let mut within = 0;
        for _ in 0..200 {
            heap::set_mode(Mode::Sample { rate: RATE }).expect("stacks are walked here");
            let kept: Vec<Vec<u8>> = (0..blocks).map(|_| Vec::with_capacity(size)).collect();
            let snapshot = heap::take_snapshot();
            heap::stop();
            let class = SizeClass::of(size as u64);
            let of_size = |row: &Statistic| row.key == heap::Key::SizeClass(class);
            let row = snapshot.statistics(KeyType::SizeClass, false).into_iter().find(of_size);
            // Without a sample there is no row; the total says how much may have been missed.
            let (low, high) =
                row.map_or((0, snapshot.total(Measure::Live).interval().1), |row| row.interval());
            within += u32::from((low..=high).contains(&((kept.len() * size) as u64)));
        }
        assert!(within >= 180, "{blocks} blocks of {size} bytes: {within} of 200");
    }
}
