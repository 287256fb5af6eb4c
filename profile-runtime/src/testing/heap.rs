//! Heap snapshots made up from a seed: every field in use, and names made to break whoever prints them.

use std::time::Duration;

use super::profiles::HOSTILE_NAMES;
use super::random::Random;
use crate::heap::{
    CallPath, Frame, FrameId, Mode, Module, Notes, ProcessMemory, SizeClass, Snapshot, Source, Trace,
    TraceCounts,
};
use crate::profile::Label;

fn name(random: &mut Random, stem: &str) -> String {
    match random.below(4) {
        0 => HOSTILE_NAMES[random.below(HOSTILE_NAMES.len() as u64) as usize].to_owned(),
        _ => format!("{stem}{}", random.below(30)),
    }
}

fn some_below(random: &mut Random, len: usize) -> Option<u32> {
    (len > 0 && random.below(4) > 0).then(|| random.below(len as u64) as u32)
}

fn source(random: &mut Random) -> Source {
    let machinery = random.below(4) == 0;
    let file = match random.below(8) {
        0 => String::new(),
        _ if machinery => format!("/rustc/0123abc/library/alloc/src/raw_vec{}.rs", random.below(3)),
        _ => name(random, "src/file"),
    };
    let symbol = if random.below(3) > 0 { name(random, "app::module::function") } else { String::new() };
    Source { function: name(random, "function<app::T>"), symbol, file, line: random.magnitude(12) as u32 }
}

/// Counts that a recording could have: no more is freed than was allocated.
fn counts(random: &mut Random, sampled: bool) -> TraceCounts {
    let allocations = 1 + random.magnitude(20);
    let allocated_bytes = allocations * (1 + random.magnitude(12));
    let (frees, freed_bytes) = match random.below(3) {
        0 => (0, 0),
        1 => (allocations, allocated_bytes),
        _ => (random.below(allocations), random.below(allocated_bytes)),
    };
    let samples = if sampled && frees < allocations { 1 + random.below(40) } else { 0 };
    TraceCounts {
        allocations,
        allocated_bytes,
        frees,
        freed_bytes,
        temporary: random.below(frees + 1),
        copied_bytes: random.magnitude(20),
        peak_blocks: random.below(allocations + 1),
        peak_bytes: random.below(allocated_bytes + 1),
        samples,
        variance: samples as f64 * random.magnitude(38) as f64 / 3.0,
    }
}

/// A snapshot with every kind of content that formats have to carry. The same for the same seed on every machine.
pub fn generated_heap_snapshot(seed: u64) -> Snapshot {
    let mut random = Random::of_seed(seed);
    let random = &mut random;
    let mode = match random.below(5) {
        0 => Mode::Paths,
        1 => Mode::Sample { rate: 1 + random.magnitude(30) },
        2 => Mode::Counters,
        _ => Mode::Exact { frames: 1 + random.below(128) as u32 },
    };
    let named = random.below(3) > 0;
    let stacks = !matches!(mode, Mode::Paths | Mode::Counters);
    let optional = |random: &mut Random| (random.below(2) == 0).then(|| random.magnitude(64));
    let mut snapshot = Snapshot {
        mode,
        frame_limit: random.below(129) as u32,
        duration: Duration::from_nanos(random.magnitude(50)),
        taken: Duration::new(random.magnitude(33), random.below(1_000_000_000) as u32),
        process: ProcessMemory {
            live_bytes: random.magnitude(40),
            live_blocks: random.magnitude(20),
            peak_bytes: random.magnitude(40),
            profiler_bytes: random.magnitude(64),
            rss_bytes: optional(random),
            cgroup_limit: optional(random),
            cgroup_used: optional(random),
        },
        notes: Notes {
            older_frees: random.magnitude(20),
            unrecorded: random.magnitude(8),
            truncated: random.magnitude(8),
            cap_reached: random.magnitude(30),
        },
        named,
        ..Snapshot::new()
    };
    for _ in 0..random.below(4) {
        let build_id = if random.below(3) > 0 { format!("{:016x}", random.any()) } else { String::new() };
        snapshot.modules.push(Module { path: name(random, "/usr/bin/module"), build_id });
    }
    for _ in 0..if stacks { 1 + random.below(40) } else { 0 } {
        let sources = if named && random.below(8) > 0 { 1 + random.below(4) } else { 0 };
        snapshot.frames.push(Frame {
            module: some_below(random, snapshot.modules.len()),
            address: random.magnitude(64),
            sources: (0..sources).map(|_| source(random)).collect(),
        });
    }
    let deep = random.below(4) == 0;
    for at in 0..random.below(100) as usize {
        let parent = if deep && at > 0 { Some(at as u32 - 1) } else { some_below(random, at) };
        let line = random.magnitude(16) as u32;
        let label = Label::new(name(random, "src/file"), line, name(random, "function"));
        snapshot.paths.push(CallPath { parent, label });
    }
    for _ in 0..if named { random.below(10) } else { 0 } {
        snapshot.types.push(name(random, "Vec<app::Order>"));
    }
    for _ in 0..random.below(80) {
        let frames = if stacks { 1 + random.below(30) } else { 0 };
        let first_size = random.magnitude(40);
        snapshot.traces.push(Trace {
            frames: (0..frames).map(|_| FrameId(random.below(snapshot.frames.len() as u64) as u32)).collect(),
            path: some_below(random, snapshot.paths.len()),
            size_class: SizeClass::of(first_size),
            first_size,
            align: 1 << random.below(13),
            type_id: some_below(random, snapshot.types.len()),
            counts: counts(random, matches!(mode, Mode::Sample { .. })),
        });
    }
    snapshot
}
