//! One heavy answer at a time: who comes meanwhile waits a little, and who comes when several wait is sent away.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::http::limits::Capturing;
use crate::http::response::Refusal;

/// Most that may be under way, the one whose turn it is among them.
const MOST: usize = 4;
/// How long is waited for a turn. Names for a large program, got for the first time, take several seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Places that are taken.
    places: usize,
    /// One of them has the turn.
    is_busy: bool,
}

/// A place in the queue; free when it drops.
#[derive(Debug)]
pub(super) struct Place(Arc<Queue>);

/// The turn; it ends when this drops.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Queue);

impl Turns {
    /// A place, at once or not at all.
    pub(super) fn queue(&self) -> Result<Place, Refusal> {
        let mut state = self.0.lock();
        if state.places >= MOST {
            return Err(Refusal::busy("other answers over the heap are being made; only a few may wait", 1));
        }
        state.places += 1;
        Ok(Place(self.0.clone()))
    }

    /// A place in any case: for the one timed capture, which has waited already.
    pub(super) fn queue_after_capture(&self, _capturing: &Capturing) -> Place {
        self.0.lock().places += 1;
        Place(self.0.clone())
    }
}

impl Place {
    /// Waits for the turn.
    pub(super) fn turn(&self) -> Result<Turn<'_>, Refusal> {
        self.turn_within(PATIENCE)
    }

    fn turn_within(&self, patience: Duration) -> Result<Turn<'_>, Refusal> {
        let state = self.0.lock();
        let waited = self.0.changed.wait_timeout_while(state, patience, |state| state.is_busy);
        let (mut state, result) = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
        if result.timed_out() && state.is_busy {
            return Err(Refusal::busy("another answer over the heap takes long to make", 5));
        }
        state.is_busy = true;
        Ok(Turn(&self.0))
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().is_busy = false;
        self.0.changed.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lock().places -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::http::limits::Limits;

    #[test]
    fn one_at_a_time_and_few_wait() {
        let turns = Turns::default();
        let places: Vec<Place> = (0..MOST).map(|_| turns.queue().unwrap()).collect();
        assert_eq!(turns.queue().unwrap_err().status, 429);
        let capturing = Limits::default().begin_capture(Instant::now(), Duration::ZERO).unwrap();
        let _one_more = turns.queue_after_capture(&capturing);
        assert_eq!(turns.queue().unwrap_err().status, 429);
        let first = places[0].turn().unwrap();
        assert_eq!(places[1].turn_within(Duration::ZERO).unwrap_err().status, 429);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| places[1].turn().map(drop));
            drop(first);
            second.join().unwrap().unwrap();
        });
        drop(places);
        assert!(turns.queue().unwrap().turn().is_ok());
    }
}
