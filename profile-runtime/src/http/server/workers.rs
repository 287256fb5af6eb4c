//! The threads that answer: started when there is something to do, ended when there is not, and never many.

use std::collections::VecDeque;
use std::ffi::CStr;
use std::io;
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::connection::{self, Service};
use crate::http::endpoints::Endpoints;

/// Of the server's threads.
pub(super) const NAME: &CStr = c"profile-http";
/// Connections that are served at a time, each by a thread.
pub(super) const MOST: usize = 16;
/// Connections that wait for a thread.
pub(super) const MOST_WAITING: usize = 64;
/// A thread that has had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);
/// Renderers and readers of debug information are not recursive over what they read.
const STACK: usize = 1024 * 1024;
/// How long an answer that is being made may keep a server from stopping.
const END: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Workers {
    pub(super) service: Service,
    state: Mutex<State>,
    arrived: Condvar,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<TcpStream>,
    threads: usize,
    idle: usize,
}

impl Workers {
    pub(super) fn new(endpoints: Endpoints) -> Self {
        Self {
            service: Service::new(endpoints),
            state: Mutex::default(),
            arrived: Condvar::new(),
            ended: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Has a connection served. Gives it back when too many wait already.
    pub(super) fn serve(self: &Arc<Self>, stream: TcpStream) -> Result<(), TcpStream> {
        let mut state = self.state();
        if state.waiting.len() >= MOST_WAITING {
            return Err(stream);
        }
        state.waiting.push_back(stream);
        if state.idle >= state.waiting.len() {
            self.arrived.notify_one();
            return Ok(());
        }
        let started = state.threads < MOST && self.start().is_ok();
        if started {
            state.threads += 1;
        } else if state.threads == 0 {
            return state.waiting.pop_back().map_or(Ok(()), Err);
        } else {
            self.service.set_pressed(true);
        }
        self.arrived.notify_one();
        Ok(())
    }

    fn start(self: &Arc<Self>) -> io::Result<()> {
        let workers = self.clone();
        let thread = std::thread::Builder::new().stack_size(STACK);
        thread.spawn(move || workers.run()).map(drop)
    }

    fn run(&self) {
        crate::thread::leave_out(NAME);
        while let Some(stream) = self.next() {
            // NOTE: a fault of ours costs a connection, not the server; what was thrown may panic once more.
            let served = catch_unwind(AssertUnwindSafe(|| {
                let _ = stream.set_nodelay(true);
                connection::serve(&mut &stream, &self.service);
                // Also where a child has inherited the socket.
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }));
            if let Err(thrown) = served {
                std::mem::forget(thrown);
            }
        }
        self.ended.notify_all();
    }

    /// The next connection; `None` when the thread is to end, which is counted already.
    fn next(&self) -> Option<TcpStream> {
        let mut state = self.state();
        state.idle += 1;
        let (mut state, _) = self
            .arrived
            .wait_timeout_while(state, IDLE, |state| state.waiting.is_empty() && !self.service.is_stopping())
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        state.idle -= 1;
        let next = if self.service.is_stopping() { None } else { state.waiting.pop_front() };
        if state.waiting.is_empty() {
            self.service.set_pressed(false);
        }
        if next.is_none() {
            state.threads -= 1;
        }
        next
    }

    /// Closes what waits, and waits for the threads to end.
    pub(super) fn end(&self) {
        self.service.stop();
        let mut state = self.state();
        state.waiting.clear();
        self.arrived.notify_all();
        let ended = self.ended.wait_timeout_while(state, END, |state| state.threads > 0);
        drop(ended);
    }
}
