//! What is running and what is suspended right now, on which call path, and since when.
//!
//! Reads the threads' positions and counters while everybody runs on: each thread is seen at a moment of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::block::Block;
use crate::capture;
use crate::clock;
use crate::counters::Suspension;
use crate::engine::{self, Engine};
use crate::paths::{NO_PATH, PathIndex, ROOT};
use crate::profile::Label;
use crate::site;
use crate::thread;

/// What is under way in the process, as far as it is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// Threads that are inside an annotated function, longest running first.
    pub running: Vec<RunningThread>,
    /// Call paths on which futures wait to be polled again, oldest first.
    pub suspended: Vec<SuspendedCalls>,
}

/// A thread that is inside an annotated function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningThread {
    /// Its name.
    pub thread: String,
    /// The calls it is in, outermost first.
    pub calls: Vec<OpenCall>,
    /// How long it has been in the innermost one's own code: neither calling nor returning from an annotated function.
    pub here: Duration,
}

/// Futures that wait on one call path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspendedCalls {
    /// The calls they are in, outermost first. The innermost is the one that waits.
    pub calls: Vec<OpenCall>,
    /// How many of them wait there.
    pub count: u64,
}

/// A call that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenCall {
    /// The function.
    pub label: Label,
    /// How long ago it began. Of an async function, the mean of all calls that are open on the same path; of one whose
    /// recursion is folded, the innermost's. `None` where it has ended meanwhile (a spawned task may outlive its spawner), and where
    /// calls are only counted (feature `throttle`).
    pub age: Option<Duration>,
}

impl InFlight {
    /// True when nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.running.is_empty() && self.suspended.is_empty()
    }
}

/// What is running and what is suspended right now, on which call path, and since when. Stops nobody.
///
/// A function whose call began while nothing was recorded is not seen.
#[must_use]
pub fn in_flight() -> InFlight {
    // An allocator or a signal's handler that asks from within code of ours would wait for its own thread.
    let Some(_inside) = thread::Inside::enter() else { return InFlight::default() };
    let engine = engine::process();
    // Held so that the tree of a per-call report is not moved meanwhile.
    let captures = capture::lock();
    look(engine, &captures.attachments(), clock::now(), clock::ns_per_tick())
}

/// See [`in_flight`]. `attachments` are private roots and where they hang.
pub(crate) fn look(
    engine: &Engine,
    attachments: &[(PathIndex, PathIndex)],
    now: u64,
    ns_per_tick: f64,
) -> InFlight {
    let blocks = engine.blocks();
    let look = Look {
        engine,
        labels: site::labels(),
        attachments: attachments.iter().copied().collect(),
        futures: futures(&blocks),
        now,
        ns_per_tick,
    };
    let mut found = InFlight::default();
    for (index, block) in blocks.iter().enumerate() {
        let Some((path, ticks)) = block.read_path_now(now) else { continue };
        let calls = look.calls(path, Some(block));
        if !calls.is_empty() {
            let thread = block.thread_name().unwrap_or_else(|| format!("thread {}", index + 1));
            found.running.push(RunningThread { thread, calls, here: look.duration(ticks) });
        }
    }
    for (&path, waiting) in look.futures.iter().filter(|(_, open)| open.suspended as i64 > 0) {
        found.suspended.push(SuspendedCalls { calls: look.calls(path, None), count: waiting.suspended });
    }
    let oldest = |calls: &[OpenCall]| calls.iter().filter_map(|call| call.age).max();
    found.running.sort_by_key(|running| std::cmp::Reverse(oldest(&running.calls)));
    found.suspended.sort_by_key(|suspended| std::cmp::Reverse(oldest(&suspended.calls)));
    found
}

/// The open calls of futures on each path, over all threads.
fn futures(blocks: &[&'static Block]) -> BTreeMap<PathIndex, Suspension> {
    let mut all: BTreeMap<PathIndex, Suspension> = BTreeMap::new();
    for block in blocks {
        block.each(|counters, asyncs| {
            let Some(open) = asyncs.and_then(|asyncs| (0..10_000).find_map(|_| asyncs.try_read())) else {
                return;
            };
            all.entry(counters.path.load(Ordering::Relaxed)).or_default().add(open);
        });
    }
    all
}

/// One look, and what it goes by.
struct Look<'a> {
    engine: &'a Engine,
    labels: Vec<Label>,
    attachments: HashMap<PathIndex, PathIndex>,
    futures: BTreeMap<PathIndex, Suspension>,
    now: u64,
    ns_per_tick: f64,
}

impl Look<'_> {
    /// The calls from the outermost to `path`; the ages of those that are no futures' by the counters of `block`.
    fn calls(&self, path: PathIndex, block: Option<&Block>) -> Vec<OpenCall> {
        let mut calls = Vec::new();
        let mut at = path;
        while at != ROOT && at != NO_PATH {
            if let Some(&attach) = self.attachments.get(&at) {
                at = attach;
                continue;
            }
            let parent = self.engine.paths.parent(at);
            if parent != NO_PATH {
                let label = self.labels.get(self.engine.paths.site(at) as usize).cloned();
                let label = label.unwrap_or_else(|| Label::new("~", 0, "[unknown]"));
                calls.push(OpenCall { label, age: self.age(at, block) });
            }
            at = parent;
        }
        calls.reverse();
        calls
    }

    fn age(&self, path: PathIndex, block: Option<&Block>) -> Option<Duration> {
        if let Some(futures) = self.futures.get(&path) {
            let together = futures.open.wrapping_mul(self.now).wrapping_sub(futures.begun);
            // NOTE: below zero by the time that reading took, when one begins or ends meanwhile.
            let open = u64::try_from(futures.open as i64).ok().filter(|open| *open > 0)?;
            return Some(self.duration((together as i64).max(0) as u64 / open));
        }
        let open = block?.read_all(path).into_iter().filter(|counters| counters.is_active());
        // Nobody looked at the clock when a call began that is only counted.
        #[cfg(feature = "throttle")]
        let open = open.filter(|counters| counters.counted_after() == 0);
        let began = open.map(|counters| counters.read_began()).max()?;
        Some(self.duration(self.now.saturating_sub(began)))
    }

    fn duration(&self, ticks: u64) -> Duration {
        Duration::from_nanos((ticks as f64 * self.ns_per_tick) as u64)
    }
}
