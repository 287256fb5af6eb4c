//! How often may be asked for what is costly: one timed capture at a time, and snapshots of the heap not too often.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::response::Refusal;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Limits {
    capturing: Arc<AtomicBool>,
    last_snapshot: Mutex<Option<Instant>>,
}

/// The one timed capture. Dropping it lets the next one begin.
#[derive(Debug)]
pub(super) struct Capturing(Arc<AtomicBool>);

impl Limits {
    /// Begins the one timed capture there may be.
    pub(super) fn begin_capture(&self) -> Result<Capturing, Refusal> {
        match self.capturing.swap(true, Ordering::AcqRel) {
            false => Ok(Capturing(self.capturing.clone())),
            true => Err(Refusal::busy("a timed capture is under way; only one is made at a time", 1)),
        }
    }

    /// Takes note of a snapshot of the heap, or refuses it when the last one was less than `interval` ago.
    pub(super) fn note_snapshot(&self, now: Instant, interval: Duration) -> Result<(), Refusal> {
        let mut last = self.last_snapshot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let since = last.map_or(Duration::MAX, |last| now.saturating_duration_since(last));
        if since < interval {
            let wait = (interval - since).as_millis().div_ceil(1000) as u64;
            return Err(Refusal::busy("the last snapshot of the heap was taken a moment ago", wait));
        }
        *last = Some(now);
        Ok(())
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_capture_at_a_time() {
        let limits = Limits::default();
        let first = limits.begin_capture().unwrap();
        assert_eq!(limits.begin_capture().unwrap_err().status, 429);
        drop(first);
        assert!(limits.begin_capture().is_ok());
    }

    #[test]
    fn snapshots_at_most_once_an_interval() {
        let (limits, start, second) = (Limits::default(), Instant::now(), Duration::from_secs(1));
        assert!(limits.note_snapshot(start, second).is_ok());
        assert_eq!(limits.note_snapshot(start + second / 2, second).unwrap_err().status, 429);
        assert!(limits.note_snapshot(start + second, second).is_ok());
    }
}
