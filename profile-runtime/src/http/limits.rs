//! How often may be asked for what is costly: one timed capture at a time, and snapshots of the heap not too often.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::response::Refusal;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Limits {
    capture: Arc<Capture>,
    last_snapshot: Mutex<Option<Instant>>,
}

/// When the capture that is under way began, and how long it is to last.
#[derive(Debug, Default)]
struct Capture(Mutex<Option<(Instant, Duration)>>);

/// The one timed capture. Dropping it lets the next one begin.
#[derive(Debug)]
pub(super) struct Capturing(Arc<Capture>);

impl Capture {
    fn under_way(&self) -> MutexGuard<'_, Option<(Instant, Duration)>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Limits {
    /// Begins the one timed capture there may be; it is to last for `seconds`. Who comes meanwhile is told what is left of it.
    pub(super) fn begin_capture(&self, now: Instant, seconds: Duration) -> Result<Capturing, Refusal> {
        let mut under_way = self.capture.under_way();
        if let Some((start, lasts)) = *under_way {
            // Nothing where its time is over and its answer not written yet.
            let left = whole_seconds(lasts.saturating_sub(now.saturating_duration_since(start)));
            return Err(Refusal::busy("a timed capture is under way; only one is made at a time", left));
        }
        *under_way = Some((now, seconds));
        Ok(Capturing(self.capture.clone()))
    }

    /// Takes note of a snapshot of the heap, or refuses it when the last one was less than `interval` ago.
    pub(super) fn note_snapshot(&self, now: Instant, interval: Duration) -> Result<(), Refusal> {
        let mut last = self.last_snapshot.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let since = last.map_or(Duration::MAX, |last| now.saturating_duration_since(last));
        if since < interval {
            let left = whole_seconds(interval - since);
            return Err(Refusal::busy("the last snapshot of the heap was taken a moment ago", left));
        }
        *last = Some(now);
        Ok(())
    }
}

impl Drop for Capturing {
    fn drop(&mut self) {
        *self.0.under_way() = None;
    }
}

/// Rounded up: who waits so long does not come too early.
fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::response::Response;

    /// Seconds until it is to be asked again.
    fn retry_after(refusal: Refusal) -> u64 {
        assert_eq!(refusal.status, 429);
        let response = Response::from(refusal);
        let header = response.headers.iter().find(|(name, _)| *name == "retry-after");
        header.and_then(|(_, value)| value.parse().ok()).expect("when to ask again")
    }

    #[test]
    fn one_capture_at_a_time() {
        let (limits, start, second) = (Limits::default(), Instant::now(), Duration::from_secs(1));
        let first = limits.begin_capture(start, 30 * second).unwrap();
        // Who is sent away makes it no longer, however long theirs is to be.
        for (after, left) in [(0, 30), (1, 30), (999, 30), (1000, 29), (28_500, 2), (29_000, 1), (29_999, 1)]
        {
            let now = start + Duration::from_millis(after);
            assert_eq!(retry_after(limits.begin_capture(now, 60 * second).unwrap_err()), left, "{after} ms");
        }
        // Late: its answer is being written.
        assert_eq!(retry_after(limits.begin_capture(start + 40 * second, second).unwrap_err()), 1);
        drop(first);
        let _next = limits.begin_capture(start + second, 5 * second).unwrap();
        assert_eq!(retry_after(limits.begin_capture(start + second, second).unwrap_err()), 5);
    }

    #[test]
    fn snapshots_at_most_once_an_interval() {
        let (limits, start, second) = (Limits::default(), Instant::now(), Duration::from_secs(1));
        assert!(limits.note_snapshot(start, 3 * second).is_ok());
        for (after, left) in [(0, 3), (1000, 2), (1001, 2), (2500, 1)] {
            let now = start + Duration::from_millis(after);
            assert_eq!(retry_after(limits.note_snapshot(now, 3 * second).unwrap_err()), left, "{after} ms");
        }
        assert!(limits.note_snapshot(start + 3 * second, second).is_ok());
    }
}
