//! What is to be done after a while, so that a recording ends by itself: a thread while something is due, none otherwise.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// One thing that is due, or none. Clones are the same timer.
#[derive(Clone, Debug, Default)]
pub(super) struct Timer(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    due: Option<Due>,
    /// The thread is there.
    is_awaited: bool,
}

struct Due {
    at: Instant,
    deed: Box<dyn FnOnce() + Send>,
}

impl fmt::Debug for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

impl Timer {
    /// Does it after that time, in place of what was due before. Panics in it end nothing.
    ///
    /// # Errors
    /// No thread can be started: nothing is due then.
    pub(super) fn set(&self, after: Duration, deed: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.0.lock();
        state.due = Some(Due { at: Instant::now() + after, deed: Box::new(deed) });
        if !state.is_awaited {
            let inner = self.0.clone();
            let thread = thread::Builder::new().stack_size(256 << 10);
            if let Err(error) = thread.spawn(move || inner.wait()) {
                state.due = None;
                return Err(error);
            }
            state.is_awaited = true;
        }
        self.0.changed.notify_all();
        Ok(())
    }

    /// Nothing is due any more. What has begun goes on.
    pub(super) fn cancel(&self) {
        self.0.lock().due = None;
        self.0.changed.notify_all();
    }

    /// How long until it is done.
    pub(super) fn left(&self) -> Option<Duration> {
        let state = self.0.lock();
        state.due.as_ref().map(|due| due.at.saturating_duration_since(Instant::now()))
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wait(&self) {
        crate::thread::leave_out(c"profile-timer");
        let mut state = self.lock();
        while let Some(due) = state.due.take() {
            let left = due.at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                if let Err(thrown) = catch_unwind(AssertUnwindSafe(due.deed)) {
                    // Its destructor may panic too.
                    std::mem::forget(thrown);
                }
                state = self.lock();
                continue;
            }
            state.due = Some(due);
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
        state.is_awaited = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn the_last_that_was_set_is_done_once() {
        let (timer, (done, is_done)) = (Timer::default(), mpsc::channel());
        let send = move |n: u32| {
            let done = done.clone();
            move || done.send(n).unwrap()
        };
        timer.set(LONG, send(1)).unwrap();
        assert!(timer.left().unwrap() > LONG / 2);
        timer.set(Duration::ZERO, send(2)).unwrap();
        assert_eq!(is_done.recv(), Ok(2));
        timer.set(Duration::ZERO, || panic!("on purpose")).unwrap();
        timer.set(Duration::from_millis(1), send(3)).unwrap();
        assert_eq!(is_done.recv(), Ok(3));
        timer.set(LONG, send(4)).unwrap();
        timer.cancel();
        assert_eq!(timer.left(), None);
        // With it goes the thread, and what it would have done.
        drop(send);
        assert!(is_done.recv().is_err());
    }
}
