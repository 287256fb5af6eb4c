//! Records and tallies to a [`Snapshot`], while everybody runs on.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{SystemTime, UNIX_EPOCH};

use super::frame::{CallPath, Frame, FrameId, Module};
use super::local;
use super::memory;
use super::modules::{self, LoadedModule};
use super::process::ProcessMemory;
use super::recording;
use super::records::{self, Record, RecordId};
use super::sampler;
use super::size_class::SizeClass;
use super::snapshot::{Notes, Snapshot, Trace, TraceCounts};
use super::tallies::{self, Reading};
use crate::engine;
use crate::paths::{NO_PATH, PathIndex, ROOT};
use crate::profile::HeapCounts;
use crate::site;
use crate::thread::Inside;

/// What holds the heap now: tracemalloc's `take_snapshot`. Addresses have no names yet. Empty when nothing is
/// recorded.
///
/// Stops nobody. Threads that touch many different stacks wait while the counters are copied, which takes some tens of
/// nanoseconds a stack. Exact when nothing is being allocated meanwhile.
#[must_use]
pub fn take_snapshot() -> Snapshot {
    let mut state = recording::state();
    recording::note_fall_back(&mut state);
    let mut snapshot = Snapshot {
        mode: state.mode,
        frame_limit: recording::plan().frames() as u32,
        duration: state.since.map(|since| since.elapsed()).unwrap_or_default(),
        taken: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
        ..Snapshot::new()
    };
    (snapshot.process, snapshot.notes) = totals(&state);
    let mut names = Names::new();
    let counters = copy_counters();
    for (id, reading) in (0..).zip(&counters) {
        let record = records::get(id);
        let counts = counts_of(id, record, reading);
        if counts != TraceCounts::default() {
            names.add_trace(&mut snapshot, record, counts);
        }
    }
    snapshot.notes.truncated = counters.first().map_or(0, |reading| reading.allocations);
    drop(state);
    names.resolve_paths(&mut snapshot);
    snapshot.process.read_system();
    snapshot
}

/// The sum of what records and threads hold, by record.
fn copy_counters() -> Vec<Reading> {
    let len = records::len() as usize;
    // Allocated first: nothing may be while the lock is held.
    let mut sums = vec![Reading::default(); len];
    // What a signal's handler allocates meanwhile would wait for the lock.
    let local = local::current();
    let _busy = local.and_then(local::Local::enter);
    let _folding = tallies::FOLDING.lock();
    for (id, sum) in (0..).zip(&mut sums) {
        *sum = tallies::read_record(records::get(id));
    }
    for line in local::each().flat_map(|local| local.lines.each()) {
        if let Some(sum) = line.record().and_then(|id| sums.get_mut(id as usize)) {
            sum.add(&line.read());
        }
    }
    sums
}

/// In place of a path: all code of the process.
pub(crate) const PROCESS: PathIndex = u32::MAX;

/// What each `#[profile_cost]` path's own code has asked of the heap, and under [`PROCESS`] what all code has, which is
/// all that there is in modes that keep no blocks.
pub(crate) fn counts_by_path() -> HashMap<PathIndex, HeapCounts> {
    let _state = recording::state();
    let mut paths = HashMap::<PathIndex, HeapCounts>::new();
    let [allocations, allocated_bytes, frees, freed_bytes]: [u64; 4] =
        std::array::from_fn(|i| local::each().map(|local| local.counters[i].load(Relaxed)).sum());
    // What was allocated before may be freed since.
    let (frees, freed_bytes) = (frees.min(allocations), freed_bytes.min(allocated_bytes));
    let mut process = HeapCounts { allocations, allocated_bytes, frees, freed_bytes, samples: 0 };
    for (id, reading) in (0..).zip(&copy_counters()) {
        let record = records::get(id);
        let path = record.path.load(Relaxed);
        let counts = counts_of(id, record, reading);
        let counts = HeapCounts {
            allocations: counts.allocations,
            allocated_bytes: counts.allocated_bytes,
            frees: counts.frees,
            freed_bytes: counts.freed_bytes,
            samples: records::extra(id).map_or(0, |extra| extra.sampled.load(Relaxed)),
        };
        process.add(&counts);
        if path != u32::MAX {
            paths.entry(path).or_default().add(&counts);
        }
    }
    paths.insert(PROCESS, process);
    paths
}

fn counts_of(id: RecordId, record: &Record, reading: &Reading) -> TraceCounts {
    let rate = record.rate.load(Relaxed);
    let unit = if rate == 0 { 1 } else { sampler::UNIT };
    let blocks = |units: u64| (units + unit / 2) / unit;
    let rate = sampler::rate_of(rate) as f64;
    let extra = records::extra(id);
    let variance =
        extra.map_or(0, |extra| extra.variance.load(Relaxed)).max(0) as f64 / sampler::VARIANCE_UNIT;
    TraceCounts {
        allocations: blocks(reading.allocations),
        allocated_bytes: reading.allocated_bytes,
        frees: blocks(reading.frees),
        freed_bytes: reading.freed_bytes,
        temporary: blocks(reading.temporary),
        copied_bytes: extra.map_or(0, |extra| extra.copied_bytes.load(Relaxed)),
        peak_blocks: blocks(reading.peak_blocks.max(0) as u64),
        peak_bytes: reading.peak_bytes.max(0) as u64,
        samples: extra.map_or(0, |extra| extra.samples.load(Relaxed)).max(0) as u64,
        variance: variance * rate * rate,
    }
}

fn totals(state: &recording::State) -> (ProcessMemory, Notes) {
    let (live, peak) = tallies::totals(recording::locals().map(|local| &local.part));
    let sum = |counter: fn(&local::Local) -> u64| recording::locals().map(counter).sum::<u64>();
    let process = ProcessMemory {
        live_bytes: live.max(0) as u64,
        peak_bytes: peak.max(0) as u64,
        live_blocks: sum(|local| local.counters[0].load(Relaxed))
            .saturating_add_signed(tallies::unplaced())
            .saturating_sub(sum(|local| local.counters[2].load(Relaxed))),
        profiler_bytes: memory::used() as u64,
        ..ProcessMemory::default()
    };
    let notes = Notes {
        older_frees: sum(|local| local.older_frees.load(Relaxed)),
        unrecorded: sum(|local| local.unrecorded.load(Relaxed)),
        truncated: 0,
        cap_reached: if state.fell_back { memory::cap_reached() as u64 } else { 0 },
    };
    (process, notes)
}

/// Which frame an address is, and which call path an index.
struct Names {
    loaded: Vec<LoadedModule>,
    /// Index of each in the snapshot; those without an address in it are left out.
    modules: HashMap<usize, u32>,
    frames: HashMap<usize, FrameId>,
    /// Paths of the tree that traces refer to, by their place in the snapshot.
    used: Vec<PathIndex>,
    by_path: HashMap<PathIndex, u32>,
}

impl Names {
    fn new() -> Self {
        Self {
            loaded: modules::loaded(),
            modules: HashMap::new(),
            frames: HashMap::new(),
            used: Vec::new(),
            by_path: HashMap::new(),
        }
    }

    fn add_trace(&mut self, snapshot: &mut Snapshot, record: &Record, counts: TraceCounts) {
        let path = record.path.load(Relaxed);
        let path = (path != u32::MAX && path != ROOT).then(|| {
            *self.by_path.entry(path).or_insert_with(|| {
                self.used.push(path);
                self.used.len() as u32 - 1
            })
        });
        let frames = record.frames().map(|address| self.frame(snapshot, address)).collect();
        snapshot.process.live_blocks += counts.live_blocks();
        snapshot.traces.push(Trace {
            frames,
            path,
            size_class: SizeClass(record.size_class.load(Relaxed)),
            first_size: record.first_size.load(Relaxed),
            align: 1 << record.align_log2.load(Relaxed).min(31),
            type_id: None,
            counts,
        });
    }

    fn frame(&mut self, snapshot: &mut Snapshot, address: usize) -> FrameId {
        let Self { loaded, modules, frames, .. } = self;
        *frames.entry(address).or_insert_with(|| {
            // Within the call, not behind it.
            let inside = address.wrapping_sub(1);
            let module = loaded.iter().position(|module| module.range.contains(&inside));
            let frame = match module {
                Some(at) => Frame {
                    module: Some(*modules.entry(at).or_insert_with(|| {
                        snapshot.modules.push(module_of(&loaded[at]));
                        snapshot.modules.len() as u32 - 1
                    })),
                    address: inside.wrapping_sub(loaded[at].bias) as u64,
                    sources: Vec::new(),
                },
                None => Frame { module: None, address: inside as u64, sources: Vec::new() },
            };
            snapshot.frames.push(frame);
            FrameId(snapshot.frames.len() as u32 - 1)
        })
    }

    /// Puts the call paths into the snapshot, each below its caller.
    fn resolve_paths(self, snapshot: &mut Snapshot) {
        if self.used.is_empty() {
            return;
        }
        let Some(_inside) = Inside::enter() else {
            snapshot.traces.iter_mut().for_each(|trace| trace.path = None);
            return;
        };
        let engine = engine::process();
        let labels = site::labels();
        let mut places: HashMap<PathIndex, Option<u32>> = HashMap::from([(ROOT, None), (NO_PATH, None)]);
        let mut by_edge: HashMap<(Option<u32>, u32), u32> = HashMap::new();
        let mut place = |path: PathIndex| {
            let mut missing = Vec::new();
            let mut at = path;
            let mut parent = loop {
                if let Some(&place) = places.get(&at) {
                    break place;
                }
                missing.push(at);
                at = engine.paths.parent(at);
            };
            for path in missing.into_iter().rev() {
                if engine.paths.parent(path) != NO_PATH {
                    let site = engine.paths.site(path);
                    let index = *by_edge.entry((parent, site)).or_insert_with(|| {
                        let unknown = || crate::profile::Label::new("~", 0, "[unknown]");
                        let label = labels.get(site as usize).cloned().unwrap_or_else(unknown);
                        snapshot.paths.push(CallPath { parent, label });
                        snapshot.paths.len() as u32 - 1
                    });
                    parent = Some(index);
                }
                places.insert(path, parent);
            }
            parent
        };
        let places: Vec<Option<u32>> = self.used.iter().map(|&path| place(path)).collect();
        for trace in &mut snapshot.traces {
            trace.path = trace.path.and_then(|path| places[path as usize]);
        }
    }
}

fn module_of(loaded: &LoadedModule) -> Module {
    let build_id = loaded.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
    Module { path: loaded.path.clone(), build_id }
}
