//! Heap snapshots made up from a seed: every field in use, and names made to break whoever prints them.

use std::time::Duration;

use super::profiles::HOSTILE_NAMES;
use super::random::Random;
use crate::heap::{
    CallPath, Frame, FrameId, Mode, Module, Notes, ProcessMemory, SizeClass, Snapshot, Source, Trace,
    TraceCounts,
};
use crate::profile::Label;

/// A snapshot of that many traces with every kind of content that formats have to carry: hostile names, inlined
/// functions, addresses without a name or a module, stacks cut short or missing, call paths, types not known,
/// estimates, notes. Each kind of mode comes with some seed.
///
/// Sums stay below 2^53. Bytes.
pub fn generated_snapshot(seed: u64, traces: usize) -> Snapshot {
    let mut random = Random::of_seed(seed);
    let mode = match random.below(4) {
        0 => Mode::Sample { rate: 1 + random.magnitude(20) },
        1 => Mode::Paths,
        _ => Mode::Exact { frames: 1 + random.below(30) as u32 },
    };
    let named = random.below(4) > 0;
    let mut snapshot = Snapshot {
        mode,
        frame_limit: if let Mode::Exact { frames } = mode { frames } else { Mode::FRAMES },
        duration: Duration::from_nanos(random.magnitude(45)),
        taken: Duration::from_secs(1_700_000_000 + random.below(100_000_000)),
        named,
        ..Snapshot::new()
    };
    for index in 0..1 + random.below(4) {
        let path = match random.below(4) {
            0 => hostile(&mut random),
            _ => format!("/srv/lib/libpart{index}.so"),
        };
        snapshot.modules.push(Module { path, build_id: format!("{:016x}", random.any()) });
    }
    let modules = snapshot.modules.len() as u64;
    for _ in 0..1 + random.below(traces as u64 + 20) {
        let module = (random.below(20) > 0).then(|| random.below(modules) as u32);
        let sources = if named && random.below(12) > 0 { 1 + random.below(3) } else { 0 };
        let sources = (0..sources).map(|_| source(&mut random)).collect();
        snapshot.frames.push(Frame { module, address: random.magnitude(40), sources });
    }
    for index in 0..random.below(30) as u32 {
        let parent = (index > 0 && random.below(4) > 0).then(|| random.below(u64::from(index)) as u32);
        let label = Label::new("src/orders.rs", index, text(&mut random, "Orders::step"));
        snapshot.paths.push(CallPath { parent, label });
    }
    if named {
        for index in 0..random.below(20) {
            let name = text(&mut random, "Vec<app::Order>");
            snapshot.types.push(format!("{name}{index}"));
        }
    }
    let limit = u64::from(snapshot.frame_limit);
    for _ in 0..traces {
        let depth = if mode == Mode::Paths || random.below(30) == 0 { 0 } else { 1 + random.below(limit) };
        let frames = (0..depth).map(|_| FrameId(random.below(snapshot.frames.len() as u64) as u32)).collect();
        let path = (!snapshot.paths.is_empty() && random.below(2) == 0)
            .then(|| random.below(snapshot.paths.len() as u64) as u32);
        let type_id = (!snapshot.types.is_empty() && random.below(4) > 0)
            .then(|| random.below(snapshot.types.len() as u64) as u32);
        let first_size = random.magnitude(18);
        let counts = counts(&mut random, first_size, matches!(mode, Mode::Sample { .. }));
        let size_class = SizeClass::of(first_size);
        snapshot.traces.push(Trace {
            frames,
            path,
            size_class,
            first_size,
            align: 1 << random.below(7),
            type_id,
            counts,
        });
    }
    let totals = snapshot.totals();
    snapshot.process = ProcessMemory {
        live_bytes: totals.live_bytes(),
        live_blocks: totals.live_blocks(),
        peak_bytes: totals.peak_bytes.max(totals.live_bytes()),
        profiler_bytes: random.magnitude(24),
        rss_bytes: (random.below(3) > 0).then(|| totals.live_bytes() + random.magnitude(30)),
        cgroup_limit: (random.below(2) == 0).then(|| totals.live_bytes() * 2 + random.magnitude(34)),
        cgroup_used: (random.below(2) == 0).then(|| totals.live_bytes() + random.magnitude(30)),
    };
    if random.below(2) == 0 {
        snapshot.notes = Notes {
            older_frees: random.magnitude(20),
            unrecorded: random.magnitude(8),
            truncated: random.magnitude(8),
            cap_reached: random.magnitude(28) * random.below(2),
        };
    }
    snapshot
}

fn hostile(random: &mut Random) -> String {
    HOSTILE_NAMES[random.below(HOSTILE_NAMES.len() as u64) as usize].to_owned()
}

fn text(random: &mut Random, plain: &str) -> String {
    match random.below(5) {
        0 => hostile(random),
        1 => "y".repeat(random.below(600) as usize),
        _ => format!("{plain}_{}", random.below(30)),
    }
}

fn source(random: &mut Random) -> Source {
    let line = random.below(500) as u32;
    if random.below(4) == 0 {
        return Source {
            function: "push<app::Order, alloc::alloc::Global>".to_owned(),
            symbol: "<alloc::vec::Vec<T,A>>::push".to_owned(),
            file: "/rustc/0123456789abcdef/library/alloc/src/vec/mod.rs".to_owned(),
            line,
        };
    }
    let function = text(random, "step");
    let symbol = if random.below(3) == 0 { String::new() } else { format!("app::orders::{function}") };
    let file = text(random, "src/orders.rs");
    Source { function, symbol, file, line }
}

/// What is freed is never more than what was allocated, and what was live at the peak neither.
fn counts(random: &mut Random, size: u64, sampled: bool) -> TraceCounts {
    let allocations = random.magnitude(14);
    let frees = random.below(allocations + 1);
    let peak_blocks = random.below(allocations + 1);
    let live = (allocations - frees) * size;
    TraceCounts {
        allocations,
        allocated_bytes: allocations * size,
        frees,
        freed_bytes: frees * size,
        temporary: random.below(frees + 1),
        copied_bytes: random.magnitude(16) * random.below(2),
        peak_blocks,
        peak_bytes: peak_blocks * size,
        samples: if sampled { 1 + random.magnitude(6) } else { 0 },
        variance: if sampled { live as f64 * 4096.0 } else { 0.0 },
    }
}
