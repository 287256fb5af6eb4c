//! The heap in the file: a snapshot from time to time, and at once, with a line in the log, when memory comes near its limit
//! or grows so fast that it will be there within seconds.

use std::time::{Duration, Instant};

use super::Options;
use super::journal::{Event, Journal};
use crate::heap::{self, KeyType, Mode, SystemMemory};
use crate::units;

/// Between snapshots that nobody is in a hurry for: at first less, since a young process may not get old.
const PERIOD: Duration = Duration::from_secs(10);
/// They may take one part in so many of a processor's time.
const PARTS: u32 = 50;
/// Between those near the limit.
const HURRY: Duration = Duration::from_secs(1);
/// Memory that will be at its limit within this time, as it grows now, is near it.
const SOON: Duration = Duration::from_secs(10);
/// Over which growth is measured.
const WINDOW: Duration = Duration::from_secs(2);
/// From this share of the limit on memory is near it, in percent.
const NEAR: u64 = 90;
/// Below this share of the limit no growth is looked at, in percent.
const HALF: u64 = 50;
/// Rows in the log.
const ROWS: usize = 5;

/// See the module.
#[derive(Debug)]
pub(super) struct LastWords {
    /// Of the resident set, beside the cgroup's.
    limit: Option<u64>,
    /// What is recorded from when memory is near it.
    switch_to: Option<Mode>,
    began: Instant,
    next: Instant,
    /// Memory in use some time ago.
    before: Option<(Instant, u64)>,
    /// Memory has been near its limit, and is told again once it was not.
    is_told: bool,
}

impl LastWords {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            limit: options.memory_limit,
            switch_to: options.heap_near_limit,
            began: Instant::now(),
            next: Instant::now() + HURRY,
            before: None,
            is_told: false,
        }
    }

    /// Looks at the memory, and writes what is to be written.
    pub(super) fn look(&mut self, journal: &Journal, memory: &SystemMemory) {
        let now = Instant::now();
        let cause = self.cause(memory, now);
        let is_new = cause.is_some() && !self.is_told;
        self.is_told = cause.is_some();
        let is_due = now >= self.next || is_new;
        // Without stacks and paths there is nothing to tell but the figures of the time line.
        if matches!(heap::mode(), Mode::Off | Mode::Counters) {
            let Some(mut cause) = cause.filter(|_| is_new) else { return };
            if let Some(mode) = self.switch_to {
                match heap::set_mode(mode) {
                    Ok(()) => cause.push_str(&format!("; the heap is recorded from here on: {mode}")),
                    Err(error) => cause.push_str(&format!("; the heap is not recorded: {error}")),
                }
                // What is allocated from now on will be worth a look.
                self.next = now + HURRY;
            }
            return tell(journal, &cause);
        }
        if !is_due {
            return;
        }
        let snapshot = heap::take_snapshot();
        let mut dump = Vec::new();
        // A vector takes all.
        let _ = snapshot.write_dump(&mut dump);
        journal.add_heap(&dump);
        let took = now.elapsed();
        let pause = if cause.is_some() { HURRY } else { (self.began.elapsed() / 2).clamp(HURRY, PERIOD) };
        self.next = Instant::now() + pause.max(took * PARTS);
        if let Some(cause) = cause.filter(|_| is_new) {
            let mut rows = Vec::new();
            let _ = snapshot.write_statistics(&mut rows, KeyType::CallPath, false, ROWS);
            tell(journal, &format!("{cause}\n{}", String::from_utf8_lossy(&rows)));
        }
    }

    /// Why memory will soon be at its end, if it will.
    fn cause(&mut self, memory: &SystemMemory, now: Instant) -> Option<String> {
        let cgroup = memory.kept.or(memory.rss).zip(memory.limit);
        let given = memory.rss.zip(self.limit);
        let share = |(used, limit): &(u64, u64)| (*used as f64 / (*limit).max(1) as f64).to_bits();
        // The one that is nearer. (Shares are not negative, so that their bits are in their order.)
        let (used, limit) = cgroup.into_iter().chain(given).max_by_key(share)?;
        let (then, before) = *self.before.get_or_insert((now, used));
        let passed = now - then;
        if passed >= WINDOW {
            self.before = Some((now, used));
        }
        let (shown, share) = (units::bytes(used), units::percent(used as f64, limit as f64));
        let of = format!("{shown} of the limit of {} are in use ({share})", units::bytes(limit));
        if u128::from(used) * 100 >= u128::from(limit) * u128::from(NEAR) {
            return Some(format!("memory is near its limit: {of}"));
        }
        let is_past_half = u128::from(used) * 100 >= u128::from(limit) * u128::from(HALF);
        let grown = used.saturating_sub(before) as f64;
        let left = limit.saturating_sub(used) as f64 * passed.as_secs_f64() / grown;
        (is_past_half && passed >= WINDOW / 2 && grown > 0.0 && left < SOON.as_secs_f64())
            .then(|| format!("memory grows so that it is at its limit in {}: {of}", units::duration(left)))
    }
}

fn tell(journal: &Journal, text: &str) {
    journal.add_event(Event::LastWords, 0, text);
    super::say(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(used: u64) -> SystemMemory {
        SystemMemory { limit: Some(1_000), kept: Some(used), ..SystemMemory::default() }
    }

    #[test]
    fn memory_that_is_near_or_will_be_soon_is_told() {
        let mut words = LastWords::new(&Options::default());
        let start = Instant::now();
        let mut at =
            |seconds: f64, used| words.cause(&memory(used), start + Duration::from_secs_f64(seconds));
        assert_eq!(at(0.0, 100), None);
        // Grows fast, and is far from the limit.
        assert_eq!(at(2.0, 480), None);
        assert_eq!(at(4.0, 520), None, "there are 24 seconds left");
        assert!(at(6.0, 700).is_some_and(|cause| cause.contains("in 3.33s")));
        assert_eq!(at(8.0, 700), None, "it grows no more");
        assert!(at(10.0, 900).is_some_and(|cause| cause.contains("90.0%")));
        let unlimited = SystemMemory { limit: None, rss: Some(900), ..memory(900) };
        let given = Options { memory_limit: Some(1_000), ..Options::default() };
        assert_eq!(LastWords::new(&Options::default()).cause(&unlimited, start), None);
        assert!(LastWords::new(&given).cause(&unlimited, start).is_some());
        let both = SystemMemory { rss: Some(100), ..memory(900) };
        assert!(LastWords::new(&given).cause(&both, start).is_some(), "the cgroup's is nearer");
    }
}
