//! Records and tallies to a [`Snapshot`], while everybody runs on.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{SystemTime, UNIX_EPOCH};

use super::local;
use super::making::{Making, Shape};
use super::memory;
use super::modules;
use super::process::ProcessMemory;
use super::recording;
use super::records::{self, Extra, Record, RecordId};
use super::sampler;
use super::snapshot::{Notes, Snapshot, TraceCounts};
use super::tallies::{self, Reading};
use crate::engine;
use crate::paths::{NO_PATH, PathIndex};
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
    let mut making = Making::new(modules::loaded());
    let counters = copy_counters();
    for (id, reading) in (0..).zip(&counters) {
        let record = records::get(id);
        let counts = counts_of(id, record, reading);
        if counts != TraceCounts::default() {
            let shape = Shape {
                path: record.path.load(Relaxed),
                size_class: record.size_class.load(Relaxed),
                align_log2: record.align_log2.load(Relaxed),
                first_size: record.first_size.load(Relaxed),
            };
            making.add_trace(&mut snapshot, &shape, record.frames(), counts);
        }
    }
    snapshot.notes.truncated = counters.first().map_or(0, |reading| reading.allocations);
    drop(state);
    resolve_paths(making, &mut snapshot);
    snapshot.process.read_system();
    snapshot
}

fn resolve_paths(making: Making, snapshot: &mut Snapshot) {
    if snapshot.traces.iter().all(|trace| trace.path.is_none()) {
        return;
    }
    let Some(_inside) = Inside::enter() else {
        snapshot.traces.iter_mut().for_each(|trace| trace.path = None);
        return;
    };
    let engine = engine::process();
    let labels = site::labels();
    let up = |path| {
        let parent = engine.paths.parent(path);
        (parent != NO_PATH).then(|| (parent, engine.paths.site(path)))
    };
    making.resolve_paths(snapshot, up, |site| labels.get(site as usize).cloned());
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
        *sum = tallies::read_record(id);
    }
    for line in local::each().flat_map(|local| local.lines().each()) {
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
    let extra = records::extra(id).map(Extra::read).unwrap_or_default();
    reading.counts((rate != 0).then(|| sampler::rate_of(rate)), &extra)
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
