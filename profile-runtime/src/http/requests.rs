//! Requests under way in the service itself: which, and since when. Whoever serves them says when they begin and end.
//!
//! PERF: a request takes one of [`SHARDS`] locks twice, for a few instructions; threads begin on different ones.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// A request that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestInFlight {
    /// Its method.
    pub method: &'static str,
    /// The route it matched, `[unmatched]`, or `[other]` where there were too many.
    pub route: &'static str,
    /// How long it has been under way.
    pub age: Duration,
}

/// The requests under way at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestsInFlight {
    /// Oldest first.
    pub requests: Vec<RequestInFlight>,
    /// So many more are under way for which there was no room.
    pub unlisted: u64,
}

const SHARDS: usize = 8;
/// Requests that each shard has room for.
const ROOM: usize = 2048;

static REQUESTS: [Shard; SHARDS] = [const { Shard(Mutex::new(Slots::new())) }; SHARDS];

/// On cache lines of its own.
#[repr(align(128))]
struct Shard(Mutex<Slots>);

#[derive(Clone, Copy)]
struct Slot {
    method: &'static str,
    route: &'static str,
    since: Instant,
}

struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    unlisted: u64,
}

impl Slots {
    const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), unlisted: 0 }
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A request under way; dropping it ends it.
#[derive(Debug)]
pub(super) struct UnderWay {
    shard: usize,
    /// `None` when there was no room.
    slot: Option<u32>,
}

impl UnderWay {
    #[cfg_attr(not(feature = "tower"), allow(dead_code, reason = "only a layer sees the service's requests"))]
    pub(super) fn begin(method: &'static str, route: &'static str) -> Self {
        let shard = shard_of_thread();
        let slot = Slot { method, route, since: Instant::now() };
        let mut slots = REQUESTS[shard].lock();
        let slot = match slots.free.pop() {
            Some(index) => {
                slots.slots[index as usize] = Some(slot);
                Some(index)
            }
            None if slots.slots.len() < ROOM => {
                slots.slots.push(Some(slot));
                Some(slots.slots.len() as u32 - 1)
            }
            None => {
                slots.unlisted += 1;
                None
            }
        };
        Self { shard, slot }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut slots = REQUESTS[self.shard].lock();
        match self.slot {
            Some(index) => {
                slots.slots[index as usize] = None;
                slots.free.push(index);
            }
            None => slots.unlisted -= 1,
        }
    }
}

/// The shard that requests of this thread begin on.
fn shard_of_thread() -> usize {
    thread_local! {
        static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if SHARD.get() == usize::MAX {
        SHARD.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    }
    SHARD.get()
}

/// The requests under way that a `ProfileLayer` sees: up to when their responses begin, or they are dropped.
#[must_use]
pub fn requests_in_flight() -> RequestsInFlight {
    let mut found: Vec<Slot> = Vec::new();
    let mut unlisted = 0;
    for shard in &REQUESTS {
        let slots = shard.lock();
        found.extend(slots.slots.iter().flatten());
        unlisted += slots.unlisted;
    }
    found.sort_by_key(|slot| slot.since);
    let now = Instant::now();
    let requests = found
        .into_iter()
        .map(|Slot { method, route, since }| RequestInFlight {
            method,
            route,
            age: now.saturating_duration_since(since),
        })
        .collect();
    RequestsInFlight { requests, unlisted }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test: the registry is the process'.
    #[test]
    fn listed_from_begin_to_drop_within_bounds() {
        let first = UnderWay::begin("GET", "/first");
        let second = UnderWay::begin("POST", "/second");
        let listed = requests_in_flight();
        assert_eq!(
            listed.requests.iter().map(|r| (r.method, r.route)).collect::<Vec<_>>(),
            [("GET", "/first"), ("POST", "/second")]
        );
        assert!(listed.requests[0].age >= listed.requests[1].age);
        // Ended on another thread than it began on.
        std::thread::spawn(move || drop(first)).join().unwrap();
        assert_eq!(requests_in_flight().requests.len(), 1);
        drop(second);
        assert_eq!(requests_in_flight(), RequestsInFlight::default());

        let many: Vec<_> = (0..ROOM + 3).map(|_| UnderWay::begin("GET", "/many")).collect();
        let listed = requests_in_flight();
        assert_eq!((listed.requests.len(), listed.unlisted), (ROOM, 3));
        drop(many);
        assert_eq!(requests_in_flight(), RequestsInFlight::default());
    }
}
