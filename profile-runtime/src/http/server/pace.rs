//! How fast is answered at most: requests a second, and answers that are made at a time. Whoever asks more waits.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Requests have a time at which they are answered, one after another; so many may come at once.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    burst: u32,
    /// When the next would be answered if there were no burst.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(interval: Duration, burst: u32) -> Self {
        Self { interval, burst, next: Mutex::new(None) }
    }

    /// How long the request that came `now` has to wait.
    pub(super) fn take(&self, now: Instant) -> Duration {
        let mut next = lock(&self.next);
        let due = next.map_or(now, |next| next.max(now));
        *next = Some(due + self.interval);
        (due - now).saturating_sub(self.interval * self.burst)
    }
}

/// How many answers may be made at a time.
#[derive(Debug)]
pub(super) struct Turns {
    free: Mutex<usize>,
    freed: Condvar,
}

/// One of them. Dropping it lets another begin.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    pub(super) fn new(count: usize) -> Self {
        Self { free: Mutex::new(count), freed: Condvar::new() }
    }

    /// Waits for a turn. `None` when there was none in time.
    pub(super) fn take(&self, wait: Duration) -> Option<Turn<'_>> {
        let waited = self.freed.wait_timeout_while(lock(&self.free), wait, |free| *free == 0);
        let (mut free, _) = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
        *free = free.checked_sub(1)?;
        Some(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *lock(&self.0.free) += 1;
        self.0.freed.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_at_once_and_the_rest_one_after_another() {
        let (pace, start, step) =
            (Pace::new(Duration::from_millis(5), 3), Instant::now(), Duration::from_millis(5));
        for _ in 0..4 {
            assert_eq!(pace.take(start), Duration::ZERO);
        }
        assert_eq!(pace.take(start), step);
        assert_eq!(pace.take(start), 2 * step);
        // Those that wait are answered meanwhile; a pause gives the burst back, and no more than it.
        assert_eq!(pace.take(start + step), 2 * step);
        let later = start + 1000 * step;
        let waits: Vec<Duration> = (0..5).map(|_| pace.take(later)).collect();
        assert_eq!(waits, [Duration::ZERO, Duration::ZERO, Duration::ZERO, Duration::ZERO, step]);
    }

    #[test]
    fn turns_come_back() {
        let turns = Turns::new(1);
        let turn = turns.take(Duration::ZERO).expect("the first");
        assert!(turns.take(Duration::ZERO).is_none());
        drop(turn);
        assert!(turns.take(Duration::ZERO).is_some());
        assert!(turns.take(Duration::ZERO).is_some());
    }
}
