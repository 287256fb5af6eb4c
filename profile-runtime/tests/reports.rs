//! The default reports against golden files; `BLESS=1 cargo test --test reports` writes them anew.

use std::time::Duration;

use hdrhistogram::Histogram;
use profile_cost_runtime::{Counts, FunctionId, HeapCounts, Label, Look, PathId, Profile, SortKey, Stats};

fn counts(starts: u64, self_busy: u64) -> Counts {
    Counts { starts, returned: starts, self_busy, ..Counts::default() }
}

fn function(profile: &mut Profile, file: &str, line: u32, name: &str) -> FunctionId {
    profile.add_function(Label::new(file, line, name))
}

fn root(profile: &mut Profile, function: FunctionId, counts: Counts) -> PathId {
    profile.add_path(None, function, &counts)
}

/// No async, no histogram, no recursion: the narrow table.
fn plain() -> Profile {
    let mut p = Profile::new();
    let main = function(&mut p, "src/main.rs", 3, "main");
    let parse = function(&mut p, "src/parse.rs", 14, "parse");
    let top = root(&mut p, main, counts(1, 12_000_000));
    p.add_path(Some(top), parse, &counts(1_234, 456_789_012));
    p
}

/// Everything a report can show.
fn service() -> Profile {
    let mut p = plain();
    p.duration = Duration::from_millis(12_345);
    p.threads = 8;
    p.notes.truncated_calls = 17;
    p.notes.late_events = 1;
    p.notes.ticks_per_call = 18.4;
    p.notes.ticks_per_poll = 21.0;
    let list = function(&mut p, "src/handlers.rs", 40, "list_orders");
    let pinyin = function(&mut p, "src/拼音.rs", 8, "转换::拼音");
    let walk = function(&mut p, "src/tree.rs", 120, "<Node as Walk>::walk");
    let small = function(&mut p, "~", 0, "<alloc>");
    let handled = Counts {
        starts: 1_000,
        returned: 990,
        cancelled: 6,
        panicked: 1,
        self_busy: 310_000_000,
        self_await: 9_800_000_000,
        polls: 4_200,
        longest_poll: 18_000_000,
        ..Counts::default()
    };
    let handler = root(&mut p, list, handled);
    let converted = p.add_path(Some(handler), pinyin, &counts(52_000, 1_730_000_000));
    p.add_path(Some(converted), small, &counts(1_040_000, 31_000_000));
    let outer = p.add_path(Some(handler), walk, &counts(990, 41_000_000));
    p.add_path(Some(outer), walk, &Counts { folded: 12, ..counts(8_012, 77_000_000) });
    root(&mut p, pinyin, counts(3, 900));
    let mut elapsed = Histogram::<u64>::new(2).expect("histogram");
    for i in 1..=990_u64 {
        elapsed.record(i * i * 20_000).expect("auto-resizing");
    }
    p.add_elapsed(list, &elapsed);
    p
}

/// Compares with the golden file of that name, or writes it.
fn golden(name: &str, text: &[u8]) {
    let file = format!("{}/tests/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, text).expect("golden file");
    }
    let want = std::fs::read_to_string(&file).unwrap_or_default();
    let have = String::from_utf8_lossy(text);
    assert!(have == want, "{name} differs\n--- have\n{have}--- want\n{want}");
}

#[test]
fn a_plain_profile() {
    let mut text = Vec::new();
    Stats::new(plain()).print_stats(&mut text, ()).expect("a Vec takes every write");
    golden("plain", &text);
}

#[test]
fn a_service() {
    let mut text = Vec::new();
    Stats::new(service())
        .strip_dirs()
        .sort_stats([SortKey::Cumulative])
        .print_stats(&mut text, ())
        .expect("a Vec takes every write")
        .print_callers(&mut text, ())
        .expect("a Vec takes every write")
        .print_callees(&mut text, ("list|walk", 1))
        .expect("a Vec takes every write");
    golden("service", &text);
}

/// A program with every function instrumented: one that was throttled, one that the profiler distorts, and others.
fn throttled() -> Profile {
    let mut p = plain();
    p.notes.untimed_after = 100_000;
    p.notes.ticks_per_call = 21.0;
    p.notes.ticks_inside_call = 9.0;
    p.notes.ticks_per_untimed_call = 3.5;
    let [main, hash, mix] = [(3, "main"), (9, "hash"), (30, "mix")]
        .map(|(line, name)| function(&mut p, "src/main.rs", line, name));
    let top = p.add_path(None, main, &Counts::default());
    let hashed = p.add_path(Some(top), hash, &counts(60_000, 3_000_000));
    let mixed = Counts { untimed: 9_900_000, ..counts(10_000_000, 2_100_000) };
    p.add_path(Some(hashed), mix, &mixed);
    p
}

#[test]
fn functions_that_were_only_counted() {
    let mut text = Vec::new();
    let mut stats = Stats::new(throttled());
    stats.sort_stats([SortKey::Calls]);
    stats.print_stats(&mut text, ()).expect("a Vec takes every write");
    stats.show_overhead(true);
    stats.print_stats(&mut text, ()).expect("a Vec takes every write");
    stats.print_stats(&mut text, "parse").expect("a Vec takes every write");
    stats.print_callers(&mut text, "mix").expect("a Vec takes every write");
    stats.print_callees(&mut text, "hash").expect("a Vec takes every write");
    // Of several profiles: it is known of one.
    let mut sum = Stats::new(plain());
    sum.add(&stats);
    sum.print_stats(&mut text, "mix").expect("a Vec takes every write");
    golden("throttled", &text);

    let mut pstats = Vec::new();
    stats.style(profile_cost_runtime::Style::Pstats).print_stats(&mut pstats, ()).expect("a Vec takes all");
    let pstats = String::from_utf8(pstats).expect("UTF-8");
    assert!(pstats.contains("(mix)") && !pstats.contains(['*', '!', '%']), "as Python prints it: {pstats}");
}

#[test]
fn what_was_only_counted_is_added_up_and_taken_off() {
    let (one, mut both) = (throttled(), plain());
    both.merge(&one);
    both.merge(&one);
    assert_eq!(both.notes.untimed_after, 100_000);
    let of = |profile: &Profile| {
        let untimed = |id: u32| {
            let own = profile.paths().iter().filter(|path| path.function == FunctionId(id));
            (profile.is_throttled(FunctionId(id)), own.map(|path| path.counts.untimed).sum::<u64>())
        };
        let functions = (0..).zip(profile.functions());
        functions.map(|(id, f)| (f.label.name.clone(), untimed(id))).filter(|(_, n)| n.0).collect::<Vec<_>>()
    };
    assert_eq!(of(&both), [("mix".to_owned(), (true, 19_800_000))]);
    assert_eq!(of(&both.since(&one)), [("mix".to_owned(), (true, 9_900_000))]);
    assert_eq!(of(&plain()), []);
    let row = |profile: &Profile, name: &str| {
        let rows = Stats::new(profile).rows(());
        rows.into_iter().find(|row| row.label.name == name).expect("a row")
    };
    let (mix, hash) = (row(&both, "mix"), row(&both, "hash"));
    // 9 ns for each that was timed, 3.5 ns for each of the others: and its own time is not all of it.
    let ns = 200_000.0 * 9.0 + 19_800_000.0 * 3.5;
    assert!((mix.overhead * 1e9 - ns).abs() < 1.0, "{mix:?}");
    assert!((mix.cost * 1e9 - (200_000.0 * 21.0 + 19_800_000.0 * 3.5)).abs() < 1.0, "{mix:?}");
    assert_eq!((mix.untimed, mix.overhead_share), (19_800_000, None));
    assert!((hash.overhead_share.expect("timed") - 0.18).abs() < 1e-9, "{hash:?}");
}

/// A service that holds memory: a cache below a handler, recursion, and what was only sampled.
fn holding(samples: u64) -> Profile {
    let mut p = plain();
    let heap = |allocations, allocated_bytes, frees, freed_bytes| HeapCounts {
        allocations,
        allocated_bytes,
        frees,
        freed_bytes,
        samples: samples * u64::from(allocations > 0),
    };
    let at = |starts, self_busy, heap| Counts { heap, ..counts(starts, self_busy) };
    let list = function(&mut p, "src/handlers.rs", 40, "list_orders");
    let fill = function(&mut p, "src/cache.rs", 17, "Cache::fill");
    let walk = function(&mut p, "src/tree.rs", 120, "<Node as Walk>::walk");
    let handler = root(&mut p, list, at(1_000, 310_000_000, heap(4_000, 1_300_000, 4_000, 1_300_000)));
    p.add_path(Some(handler), fill, &at(990, 41_000_000, heap(52_000, 734_003_200, 1_000, 9_000_000)));
    let outer = p.add_path(Some(handler), walk, &at(10, 1_000_000, heap(0, 0, 0, 0)));
    let inner = p.add_path(Some(outer), walk, &at(90, 9_000_000, heap(90, 9_000, 80, 8_000)));
    p.add_path(Some(inner), fill, &at(3, 200_000, heap(6, 5_000_000, 0, 0)));
    p
}

#[test]
fn functions_that_hold_memory() {
    let mut text = Vec::new();
    let mut stats = Stats::new(holding(0));
    stats.strip_dirs().sort_stats(["cumlive".parse().expect("a key")]);
    stats.print_stats(&mut text, ()).expect("a Vec takes every write");
    stats.print_callers(&mut text, "Cache").expect("a Vec takes every write");
    stats.print_callees(&mut text, "walk").expect("a Vec takes every write");
    let mut sampled = Stats::new(holding(31));
    sampled.strip_dirs().sort_stats(["live".parse().expect("a key")]);
    sampled.print_stats(&mut text, ()).expect("a Vec takes every write");
    sampled.look(Look::new(Some(80), false));
    sampled.print_stats(&mut text, ()).expect("a Vec takes every write");
    golden("holding", &text);
}

#[test]
fn nothing_recorded_and_nothing_matching() {
    let mut text = Vec::new();
    Stats::new(Profile::new()).print_stats(&mut text, ()).expect("a Vec takes every write");
    let mut stats = Stats::new(plain());
    let restrictions = [20.into(), "(".into(), "a(?=b)".into(), "no such".into(), 0.5.into()];
    stats.print_callers(&mut text, restrictions).expect("a Vec takes every write");
    golden("empty", &text);
}

#[test]
fn a_hundred_thousand_levels() {
    let mut p = Profile::new();
    let ids = [function(&mut p, "a.rs", 1, "a"), function(&mut p, "a.rs", 2, "b")];
    let mut at = None;
    for i in 0..100_000 {
        at = Some(p.add_path(at, ids[i % 2], &counts(1, 5)));
    }
    let stats = Stats::new(&p);
    assert_eq!((stats.total_calls(), stats.prim_calls()), (100_000, 2));
    let (_, a) = stats.functions().next().expect("a");
    assert_eq!(a.cumtime, 500_000.0 * 1e-9);
}
