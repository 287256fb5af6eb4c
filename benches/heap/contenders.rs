//! The allocators that are compared, each recording as its users would have it record.

use std::alloc::System;
use std::hint::black_box;
use std::time::Duration;

use dhat::HeapStats;
use pprof_alloc::PprofAlloc;
use profile_cost::heap::{self, Mode, Tracker};

use crate::program_allocator::{Choice, PROGRAM};
use crate::shapes;

/// Ours, in whatever mode.
pub static TRACKER: Tracker = Tracker::system();
/// What its authors advise for short runs only.
pub static PPROF_EXACT: PprofAlloc = PprofAlloc::new().with_pprof_sample_rate(1);
/// Its default.
pub static PPROF_SAMPLED: PprofAlloc = PprofAlloc::new().with_pprof();

/// An allocator in a mode, with all that is measured of it.
pub struct Contender {
    pub name: &'static str,
    /// Ours, and how it records.
    pub mode: Option<Mode>,
    /// So slow that it takes part in a tenth of the rounds.
    pub slow: bool,
    /// Runs so many rounds of a shape.
    pub pairs: fn(u64) -> Duration,
    pub ring: fn(u64) -> Duration,
    pub two_threads: fn(u64) -> Duration,
    choice: Choice,
    /// At most so many times the system allocator's time.
    pub targets: Targets,
}

#[derive(Clone, Copy, Default)]
pub struct Targets {
    pub pairs: Option<f64>,
    pub ring: Option<f64>,
    pub json: Option<f64>,
    /// Its ratio on two threads, as times that on one thread.
    pub two_threads: Option<f64>,
}

impl Contender {
    /// Switches it on while `body` runs.
    pub fn recording<R>(&self, body: impl FnOnce() -> R) -> R {
        self.mode.inspect(|&mode| record(mode));
        let result = body();
        self.mode.inspect(|_| heap::stop());
        result
    }

    /// Parses the document with this as the program's allocator.
    pub fn json(&self, document: &str, rounds: u64) -> Duration {
        PROGRAM.during(self.choice, || shapes::json(document, rounds))
    }
}

/// Switches our own recording over.
pub fn record(mode: Mode) {
    set_mode(mode).expect("a mode that this machine can record in");
}

/// While ours is the program's allocator: without one there is nothing to record.
fn set_mode(mode: Mode) -> Result<(), heap::StartError> {
    PROGRAM.during(Choice::Tracker, || heap::set_mode(mode))
}

/// Every shape with that allocator, called directly.
macro_rules! contender {
    ($name:literal, $allocator:expr, $choice:expr, $mode:expr, $targets:expr) => {
        Contender {
            name: $name,
            mode: $mode,
            slow: false,
            pairs: |rounds| shapes::pairs(&$allocator, rounds),
            ring: |rounds| shapes::ring(&$allocator, rounds),
            two_threads: |rounds| shapes::pairs_on_two_threads(&$allocator, rounds),
            choice: $choice,
            targets: $targets,
        }
    };
}

/// The system's allocator first: all others are measured against it.
pub fn all() -> Vec<Contender> {
    let every =
        |times| Targets { pairs: Some(times), ring: Some(times), json: Some(times), two_threads: Some(1.1) };
    let two = |pairs, json| Targets { ring: None, json: Some(json), ..every(pairs) };
    let (none, ours) = (Targets::default(), Choice::Tracker);
    let (sample, exact) = (Mode::Sample { rate: 512 << 10 }, Mode::Exact { frames: 25 });
    let mut all = vec![
        contender!("System", System, Choice::System, None, none),
        contender!("off", TRACKER, ours, Some(Mode::Off), every(1.05)),
        contender!("counters", TRACKER, ours, Some(Mode::Counters), every(1.2)),
        contender!("paths", TRACKER, ours, Some(Mode::Paths), every(2.0)),
        contender!("sample:512KiB", TRACKER, ours, Some(sample), two(1.25, 1.05)),
        contender!("exact:25", TRACKER, ours, Some(exact), two(7.0, 3.5)),
        contender!("pprof-alloc 512KiB", PPROF_SAMPLED, Choice::PprofSampled, None, none),
        contender!("pprof-alloc exact", PPROF_EXACT, Choice::PprofExact, None, none),
        Contender { slow: true, ..contender!("dhat", dhat::Alloc, Choice::Dhat, None, none) },
    ];
    all.retain(|contender| match contender.mode.map_or(Ok(()), set_mode) {
        Err(error) => {
            println!("left out: {}: {error}", contender.name);
            false
        }
        Ok(()) => true,
    });
    heap::stop();
    all
}

/// Lets dhat record as many frames as ours, for as long as what is returned lives. Nothing is written.
pub fn start_dhat() -> impl Sized {
    dhat::Profiler::builder().testing().trim_backtraces(Some(25)).build()
}

/// Each records what it is given: one that forgets to would be the fastest of all.
pub fn check(contenders: &[Contender]) {
    const ROUNDS: u64 = 100_000;
    for contender in contenders {
        // The first allocation is when pprof-alloc takes note of its rate.
        (contender.pairs)(1);
        let before = contender.recorded();
        contender.recording(|| {
            (contender.pairs)(ROUNDS);
            let least = match (contender.mode, contender.choice) {
                (None, Choice::System) | (Some(Mode::Off), _) => 0,
                (Some(Mode::Sample { .. }), _) => ROUNDS / 4,
                // Not scaled up.
                (None, Choice::PprofSampled) => 1,
                _ => ROUNDS,
            };
            let recorded = contender.recorded() - before;
            assert!(recorded >= least, "{}: {recorded} of {least} allocations recorded", contender.name);
        });
    }
}

impl Contender {
    /// Allocations that it has recorded so far, or as many of them as it was told to.
    fn recorded(&self) -> u64 {
        match (self.mode, self.choice) {
            (_, Choice::System) | (Some(Mode::Off), _) => 0,
            (_, Choice::Dhat) => HeapStats::get().total_blocks,
            (_, Choice::PprofSampled | Choice::PprofExact) => pprof_alloc::snapshot().pprof.alloc_objects,
            // It counts, but tells no more than what is live.
            (Some(Mode::Counters), _) => PROGRAM.during(Choice::Tracker, || {
                let kept = black_box(vec![0_u8; 1 << 20]);
                let live = heap::get_traced_memory().0;
                drop(kept);
                live
            }),
            (_, Choice::Tracker) => {
                let snapshot = heap::take_snapshot();
                let most = snapshot.traces.iter().max_by_key(|trace| trace.counts.allocations);
                let frames = most.map_or(0, |trace| trace.frames.len());
                let recording = heap::is_tracing() && heap::get_traceback_limit() > 0;
                // The allocator's own shim may be one of them.
                assert!(!recording || frames >= 25, "{}: {frames} frames of a stack", self.name);
                snapshot.totals().allocations
            }
        }
    }
}
