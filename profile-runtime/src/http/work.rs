//! An answer that is not there yet.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::response::{Refusal, Response};

/// What becomes of a request.
#[derive(Debug)]
pub enum Reply {
    /// The answer.
    Now(Response),
    /// The answer has to be waited for, or takes long to make: to be done where nobody else waits.
    Later(Work),
}

/// The rest of an answer. Dropping it gives up whatever it holds (the one timed capture, say).
pub struct Work {
    wait: Duration,
    rest: Box<dyn FnOnce() -> Result<Response, Refusal> + Send>,
}

impl Work {
    /// To be done at once, but elsewhere: it may take a tenth of a second, or wait for a child.
    pub(super) fn now(rest: impl FnOnce() -> Result<Response, Refusal> + Send + 'static) -> Reply {
        Self::after(Duration::ZERO, rest)
    }

    /// To be done when so much time has passed.
    pub(super) fn after(
        wait: Duration,
        rest: impl FnOnce() -> Result<Response, Refusal> + Send + 'static,
    ) -> Reply {
        Reply::Later(Self { wait, rest: Box::new(rest) })
    }

    /// How long to wait before [`Work::finish`].
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// The answer. May take up to seconds, and may wait for a child of the process: not for an async thread.
    pub fn finish(self) -> Response {
        // A fault of ours shall cost an answer, not the service.
        match catch_unwind(AssertUnwindSafe(self.rest)) {
            Ok(Ok(response)) => response,
            Ok(Err(refusal)) => refusal.into(),
            Err(thrown) => {
                // Its destructor may panic too.
                std::mem::forget(thrown);
                Refusal::new(500, "the profiler failed to make this answer; please report it").into()
            }
        }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("wait", &self.wait).finish_non_exhaustive()
    }
}
