//! The heap snapshots that the tests of renderers share: one as of a service that leaks, the same without names, and
//! all hostile names at once.
#![allow(dead_code, reason = "each test uses its part")]

use std::path::Path;
use std::time::Duration;

use profile_cost_runtime::Label;
use profile_cost_runtime::heap::{
    CallPath, Frame, FrameId, Mode, Module, Notes, ProcessMemory, SizeClass, Snapshot, Source, Trace,
    TraceCounts,
};
use profile_cost_runtime::testing::{HOSTILE_NAMES, generated_snapshot};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

fn source(function: &str, symbol: &str, file: &str, line: u32) -> Source {
    let [function, symbol, file] = [function, symbol, file].map(str::to_owned);
    Source { function, symbol, file, line }
}

/// Live blocks of one size, and as many again that were freed.
fn counts(size: u64, live: u64, frees: u64) -> TraceCounts {
    let allocations = live + frees;
    TraceCounts {
        allocations,
        allocated_bytes: allocations * size,
        frees,
        freed_bytes: frees * size,
        peak_blocks: live,
        peak_bytes: live * size,
        ..TraceCounts::default()
    }
}

/// A cache that leaks, a read buffer that grows, requests that come and go.
pub fn service() -> Snapshot {
    const STD: &str = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/alloc/src";
    let frame = |address, sources| Frame { module: Some(0), address, sources };
    let frames = vec![
        // 0: the cache's entry
        frame(
            0x1_2340,
            vec![
                source(
                    "insert<u64, app::cache::Entry, RandomState>",
                    "<std::collections::HashMap<K,V,S>>::insert",
                    &format!("{STD}/../../std/src/collections/hash/map.rs"),
                    1200,
                ),
                source("remember", "app::cache::remember", "src/cache.rs", 41),
            ],
        ),
        // 1: a text read whole
        frame(
            0x1_5678,
            vec![source(
                "grow_amortized<alloc::alloc::Global>",
                "<alloc::raw_vec::RawVecInner<A>>::grow_amortized",
                &format!("{STD}/raw_vec/mod.rs"),
                671,
            )],
        ),
        frame(
            0x1_5700,
            vec![
                source("push_str", "<alloc::string::String>::push_str", &format!("{STD}/string.rs"), 1107),
                source("read_whole", "app::input::read_whole", "src/input.rs", 88),
            ],
        ),
        // 3: orders of a request
        frame(
            0x1_7000,
            vec![
                source(
                    "with_capacity<app::Order>",
                    "<alloc::vec::Vec<T>>::with_capacity",
                    &format!("{STD}/vec/mod.rs"),
                    520,
                ),
                source("parse", "app::orders::parse", "src/orders.rs", 17),
            ],
        ),
        // 4, 5: callers
        frame(0x1_9000, vec![source("handle", "app::handle", "src/main.rs", 30)]),
        frame(0x1_a000, vec![source("main", "app::main", "src/main.rs", 12)]),
        // 6: a library without debug information
        Frame { module: Some(1), address: 0x4f20, sources: vec![source("", "ZSTD_createCCtx", "", 0)] },
        // 7: and an address in nothing
        Frame { module: None, address: 0x7f00_dead_0000, sources: vec![] },
    ];
    let trace = |frames: &[u32], path, size: u64, type_id, counts| Trace {
        frames: frames.iter().map(|&frame| FrameId(frame)).collect(),
        path,
        size_class: SizeClass::of(size),
        first_size: size,
        align: 8,
        type_id,
        counts,
    };
    let mut traces = vec![
        trace(&[0, 4, 5], Some(1), 640 * KIB, Some(0), counts(640 * KIB, 300, 20)),
        trace(&[1, 2, 4, 5], Some(0), 48 * MIB, Some(1), counts(48 * MIB, 1, 24)),
        trace(&[3, 4, 5], Some(2), 256, Some(2), counts(256, 12, 90_000)),
        trace(&[3, 4, 5], Some(2), 4096, Some(2), counts(4096, 3, 700)),
        trace(&[6, 7], None, 1300, None, counts(1300, 900, 0)),
        trace(&[], Some(2), 64, None, counts(64, 5, 5)),
    ];
    traces[1].counts.copied_bytes = 1500 * MIB;
    traces[1].counts.peak_blocks = 3;
    traces[1].counts.peak_bytes = 3 * 48 * MIB;
    traces[2].counts.temporary = 89_500;
    let mut snapshot = Snapshot {
        mode: Mode::Exact { frames: 25 },
        frame_limit: 25,
        duration: Duration::from_millis(92_500),
        taken: Duration::from_secs(1_760_000_000),
        notes: Notes { older_frees: 17, ..Notes::default() },
        modules: vec![
            Module { path: "/srv/bin/app".to_owned(), build_id: "0123456789abcdef".to_owned() },
            Module { path: "/usr/lib/libzstd.so.1".to_owned(), build_id: String::new() },
        ],
        frames,
        paths: vec![
            CallPath { parent: None, label: Label::new("src/main.rs", 28, "handle") },
            CallPath { parent: Some(0), label: Label::new("src/cache.rs", 38, "Cache::remember") },
            CallPath { parent: Some(0), label: Label::new("src/orders.rs", 9, "Orders::load") },
        ],
        types: ["HashMap<u64, app::cache::Entry>", "String", "Vec<app::Order>"].map(str::to_owned).to_vec(),
        named: true,
        traces,
        ..Snapshot::new()
    };
    let totals = snapshot.totals();
    snapshot.process = ProcessMemory {
        live_bytes: totals.live_bytes(),
        live_blocks: totals.live_blocks(),
        peak_bytes: totals.peak_bytes,
        profiler_bytes: 5 * MIB,
        rss_bytes: Some(301 * MIB),
        cgroup_limit: Some(320 * MIB),
        cgroup_used: Some(310 * MIB),
    };
    snapshot
}

/// [`service`] from a stripped binary.
pub fn unnamed() -> Snapshot {
    let mut snapshot = service();
    snapshot.named = false;
    snapshot.types.clear();
    snapshot.frames.iter_mut().for_each(|frame| frame.sources.clear());
    snapshot.traces.iter_mut().for_each(|trace| trace.type_id = None);
    snapshot
}

/// [`service`] some minutes before: a smaller cache, another line that is gone since.
pub fn earlier() -> Snapshot {
    let mut snapshot = service();
    snapshot.duration = Duration::from_millis(31_000);
    snapshot.traces[0].counts = counts(640 * KIB, 100, 5);
    snapshot.traces[4].counts = counts(1300, 1500, 0);
    let gone = Source { line: 99, ..snapshot.frames[4].sources[0].clone() };
    snapshot.frames.push(Frame { sources: vec![gone], ..snapshot.frames[4].clone() });
    let frames = vec![FrameId(snapshot.frames.len() as u32 - 1), FrameId(5)];
    snapshot.traces.push(Trace { frames, counts: counts(1000, 70, 0), ..snapshot.traces[2].clone() });
    let totals = snapshot.totals();
    snapshot.process.live_bytes = totals.live_bytes();
    snapshot.process.live_blocks = totals.live_blocks();
    snapshot.process.rss_bytes = Some(170 * MIB);
    snapshot.process.cgroup_used = Some(180 * MIB);
    snapshot
}

/// [`service`] from samples, with the cap reached.
pub fn sampled() -> Snapshot {
    let mut snapshot = service();
    snapshot.mode = Mode::Sample { rate: 512 * KIB };
    snapshot.notes = Notes { older_frees: 1, unrecorded: 3, truncated: 12_000, cap_reached: 256 * MIB };
    for (samples, trace) in (1..).zip(&mut snapshot.traces) {
        trace.counts.samples = samples * 40;
        // Samples of one size each: a standard deviation of a tenth.
        let live = (trace.counts.allocated_bytes - trace.counts.freed_bytes) as f64;
        trace.counts.variance = (live / 10.0).powi(2);
    }
    snapshot
}

/// All hostile names: as module, function, symbol, file, call path and type, each on the stack below the one before.
pub fn hostile() -> Snapshot {
    let mut snapshot = service();
    let long = format!("{}\u{202e};\n</script>]]>", "é\"<".repeat(3_000));
    let more = ["\u{ad}soft", "\u{fff9}note\u{fffb}", "\u{e0041}tag", "\u{180e}", "a\u{85}b", long.as_str()];
    let mut stack = Vec::new();
    for name in HOSTILE_NAMES.iter().chain(&more) {
        let line = snapshot.frames.len() as u32;
        snapshot.modules.push(Module { path: (*name).to_owned(), build_id: String::new() });
        let module = Some(snapshot.modules.len() as u32 - 1);
        let sources = vec![source(name, name, name, line), source(name, "", name, 0)];
        stack.insert(0, FrameId(snapshot.frames.len() as u32));
        snapshot.frames.push(Frame { module, address: u64::from(line), sources });
        // In a module of that name, without names of its own.
        stack.insert(0, FrameId(snapshot.frames.len() as u32));
        snapshot.frames.push(Frame { module, address: u64::from(line), sources: vec![] });
        let parent = (snapshot.paths.len() > 3).then(|| snapshot.paths.len() as u32 - 1);
        snapshot.paths.push(CallPath { parent, label: Label::new(*name, line, *name) });
        snapshot.types.push((*name).to_owned());
        let type_id = Some(snapshot.types.len() as u32 - 1);
        let path = Some(snapshot.paths.len() as u32 - 1);
        let like = snapshot.traces[0].clone();
        snapshot.traces.push(Trace {
            frames: stack.clone(),
            path,
            type_id,
            counts: counts(100, 3, 1),
            ..like.clone()
        });
        snapshot.traces.push(Trace { frames: vec![], path, type_id, counts: counts(100, 2, 7), ..like });
    }
    snapshot
}

/// Those above, made-up ones, an empty one, and one whose indices point nowhere.
pub fn all() -> Vec<(String, Snapshot)> {
    let mut lost = service();
    lost.frames.clear();
    lost.paths.clear();
    lost.types.clear();
    lost.modules.clear();
    let mut all = vec![
        ("service".to_owned(), service()),
        ("unnamed".to_owned(), unnamed()),
        ("sampled".to_owned(), sampled()),
        ("hostile".to_owned(), hostile()),
        ("empty".to_owned(), Snapshot::new()),
        ("lost".to_owned(), lost),
    ];
    all.extend((0..24).map(|seed| (format!("seed {seed}"), generated_snapshot(seed, seed as usize * 4))));
    all
}

/// Compares with a golden file; `BLESS=1` rewrites it.
pub fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} (BLESS=1 rewrites it)");
}
