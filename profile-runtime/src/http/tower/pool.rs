//! The threads on which answers are made that take long: few, started when needed, ended when idle. They also keep the
//! time for answers that are due later, so that no runtime's timer is needed.
//!
//! ```text
//! Waiting --due--> Making --> Made --polled--> Over
//!     \---------------\------- the future is dropped -^
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::response::{Refusal, Response};
use crate::http::work::Work;

/// Threads at one time. Two, so that a short answer need not wait for a long one.
const MOST_THREADS: usize = 2;
/// Answers that wait at one time.
const MOST_JOBS: usize = 64;
/// How long a thread stays when there is nothing to do.
const IDLE: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(5) };

/// What all threads share.
struct Queue {
    /// With when they are due.
    jobs: Vec<(Instant, Arc<Job>)>,
    threads: usize,
    /// Of them, those that wait for a job or for one to be due.
    idle: usize,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { jobs: Vec::new(), threads: 0, idle: 0 });
/// The queue has changed.
static CHANGED: Condvar = Condvar::new();

#[derive(Debug)]
struct Job(Mutex<Stage>);

#[derive(Debug)]
enum Stage {
    Waiting(Work, Option<Waker>),
    Making(Option<Waker>),
    Made(Response),
    Over,
}

/// Somebody's wait for an answer; dropping it gives the answer up.
#[derive(Debug)]
pub(super) struct Ticket(Arc<Job>);

/// Has an answer made when it is due.
///
/// # Errors
/// 503 when too many wait, or no thread can be started.
pub(super) fn submit(work: Work) -> Result<Ticket, Refusal> {
    let now = Instant::now();
    let due = now.checked_add(work.wait()).unwrap_or(now);
    let mut queue = lock();
    if queue.jobs.len() >= MOST_JOBS {
        return Err(overloaded("too many answers are being waited for"));
    }
    let job = Arc::new(Job(Mutex::new(Stage::Waiting(work, None))));
    // Made now: if there is no thread for it, dropping it takes the job back.
    let ticket = Ticket(job.clone());
    queue.jobs.push((due, job));
    queue.staff();
    let is_served = queue.threads > 0;
    drop(queue);
    CHANGED.notify_all();
    if is_served { Ok(ticket) } else { Err(overloaded("no thread could be started to make the answer")) }
}

fn overloaded(message: &str) -> Refusal {
    Refusal::new(503, message).with("retry-after", "1".to_owned())
}

fn lock() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Queue {
    /// Starts a thread if there is work and nobody to wait for it.
    fn staff(&mut self) {
        if self.jobs.is_empty() || self.idle > 0 || self.threads >= MOST_THREADS {
            return;
        }
        // Counted first: the thread takes itself off. It is idle until it has looked.
        self.threads += 1;
        self.idle += 1;
        if thread::Builder::new().spawn(serve).is_err() {
            self.threads -= 1;
            self.idle -= 1;
        }
    }

    /// When the next job is due, and which it is.
    fn next(&self) -> Option<(Instant, usize)> {
        (self.jobs.iter().enumerate()).map(|(index, (due, _))| (*due, index)).min()
    }
}

/// Makes answers until there are none to make for a while.
fn serve() {
    crate::thread::leave_out(c"profile-http");
    let mut queue = lock();
    let mut idle_since = Instant::now();
    loop {
        let now = Instant::now();
        let wake = match queue.next() {
            Some((due, index)) if due <= now => {
                let (_, job) = queue.jobs.swap_remove(index);
                queue.idle -= 1;
                // Somebody has to keep the time for what is left.
                queue.staff();
                drop(queue);
                // Answers that fail are caught where they are made; this is for wakers, which are others' code.
                if let Err(thrown) = catch_unwind(AssertUnwindSafe(|| job.make())) {
                    std::mem::forget(thrown);
                }
                drop(job);
                queue = lock();
                queue.idle += 1;
                idle_since = Instant::now();
                continue;
            }
            Some((due, _)) => due,
            None if now >= idle_since + IDLE => {
                queue.idle -= 1;
                queue.threads -= 1;
                return;
            }
            None => idle_since + IDLE,
        };
        let wait = wake.saturating_duration_since(now);
        queue = CHANGED.wait_timeout(queue, wait).unwrap_or_else(|poisoned| poisoned.into_inner()).0;
    }
}

impl Job {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn make(&self) {
        let work = {
            let mut stage = self.stage();
            match std::mem::replace(&mut *stage, Stage::Over) {
                Stage::Waiting(work, waker) => {
                    *stage = Stage::Making(waker);
                    work
                }
                // Given up.
                _ => return,
            }
        };
        let response = work.finish();
        let waker = {
            let mut stage = self.stage();
            match std::mem::replace(&mut *stage, Stage::Over) {
                Stage::Making(waker) => {
                    *stage = Stage::Made(response);
                    waker
                }
                _ => return,
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Ticket {
    /// The answer once it is made; the task is woken then. `None` before, and after it was given out.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Option<Response> {
        let mut stage = self.0.stage();
        match &mut *stage {
            Stage::Waiting(_, waker) | Stage::Making(waker) => {
                if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    *waker = Some(cx.waker().clone());
                }
                None
            }
            Stage::Made(_) => match std::mem::replace(&mut *stage, Stage::Over) {
                Stage::Made(response) => Some(response),
                _ => None,
            },
            Stage::Over => None,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // What it held is dropped after the lock is released.
        let was = std::mem::replace(&mut *self.0.stage(), Stage::Over);
        if let Stage::Waiting(..) = was {
            lock().jobs.retain(|(_, job)| !Arc::ptr_eq(job, &self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::Wake;

    use super::*;
    use crate::http::Reply;
    use crate::http::response::TEXT;

    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn wait_for(ticket: &Ticket) -> Response {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Some(response) = ticket.poll(&mut cx) {
                return response;
            }
            thread::park();
        }
    }

    fn after(ms: u64, rest: impl FnOnce() + Send + 'static) -> Work {
        let reply = Work::after(Duration::from_millis(ms), move || {
            rest();
            Ok(Response::new(TEXT, "made"))
        });
        let Reply::Later(work) = reply else { unreachable!() };
        work
    }

    fn until(condition: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !condition() {
            assert!(Instant::now() < deadline, "never came true");
            thread::yield_now();
        }
    }

    /// One test: the pool is the process'.
    #[test]
    fn bounded_woken_given_up_and_idle() {
        // Answers wait for their time, and a short one does not wait for them.
        let start = Instant::now();
        let late = submit(after(300, || {})).unwrap();
        let soon = submit(after(0, || {})).unwrap();
        assert_eq!(wait_for(&soon).body, b"made");
        assert_eq!(wait_for(&late).body, b"made");
        assert!(start.elapsed() >= Duration::from_millis(300));

        // A short one is made while a long one is being made.
        let (go, gate) = mpsc::channel::<()>();
        let long = submit(after(0, move || {
            let _ = gate.recv();
        }))
        .unwrap();
        assert_eq!(wait_for(&submit(after(0, || {})).unwrap()).body, b"made");

        // What is dropped before it is due is never made, and lets go at once of what it holds.
        let held = Arc::new(());
        let given_up = {
            let held = held.clone();
            submit(after(3_600_000, move || drop(held))).unwrap()
        };
        drop(given_up);
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(lock().jobs.is_empty());

        // Bounded: threads, and answers waited for.
        let made = Arc::new(AtomicUsize::new(0));
        let (open, door) = mpsc::channel::<()>();
        let other = submit(after(0, move || {
            let _ = door.recv();
        }))
        .unwrap();
        until(|| lock().jobs.is_empty());
        let many: Vec<_> = (0..MOST_JOBS + 9)
            .map(|_| {
                let made = made.clone();
                submit(after(0, move || {
                    made.fetch_add(1, Ordering::SeqCst);
                }))
            })
            .collect();
        assert_eq!(lock().threads, MOST_THREADS);
        let refused: Vec<_> = many.iter().filter_map(|ticket| ticket.as_ref().err()).collect();
        assert_eq!(refused.len(), 9);
        assert!(refused.iter().all(|refusal| refusal.status == 503));
        assert_eq!(made.load(Ordering::SeqCst), 0);
        drop((go, open));
        for ticket in many.iter().flatten() {
            wait_for(ticket);
        }
        assert_eq!((wait_for(&long).body, wait_for(&other).body), (b"made".to_vec(), b"made".to_vec()));
        assert_eq!(made.load(Ordering::SeqCst), MOST_JOBS);

        // A waker that panics costs nobody a thread.
        struct Bad;
        impl Wake for Bad {
            fn wake(self: Arc<Self>) {
                std::panic::resume_unwind(Box::new(()));
            }
        }
        let (open, door) = mpsc::channel::<()>();
        let badly_woken = submit(after(0, move || {
            let _ = door.recv();
        }))
        .unwrap();
        assert!(badly_woken.poll(&mut Context::from_waker(&Waker::from(Arc::new(Bad)))).is_none());
        drop(open);
        assert_eq!(wait_for(&submit(after(0, || {})).unwrap()).body, b"made");

        until(|| lock().threads == 0);
        assert_eq!(lock().idle, 0);
        assert_eq!(wait_for(&submit(after(0, || {})).unwrap()).body, b"made");
    }
}
