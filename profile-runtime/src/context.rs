//! Carries the current path to a spawned task, a thread or a pool's job, so that what runs there is
//! counted below the call that asked for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use crate::block::Block;
use crate::clock;
use crate::control;
use crate::counters::Counters;
use crate::paths::{PathIndex, ROOT};
use crate::spot::Spot;
use crate::thread;

/// A place in the call tree.
///
/// ```
/// use profile_cost_runtime as profile_cost;
/// let context = profile_cost::Context::current();
/// std::thread::spawn(move || context.run(|| { /* counted below the spawning call */ })).join().unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Context {
    path: PathIndex,
    /// Keeps the tree of a per-call report from being used again while work for it may still come.
    _capture: Option<Arc<()>>,
}

impl Context {
    /// Where this thread is now. Outside of any call, and while recording is off, it is the root: work
    /// attached to it begins a tree of its own, as without a context.
    #[must_use]
    pub fn current() -> Self {
        if control::is_off() {
            return Self::default();
        }
        let block = thread::block();
        let (Some(engine), Some(path)) = (block.engine, block.current_path()) else { return Self::default() };
        let top = engine.paths.top(path);
        let capture = if top == ROOT { None } else { crate::capture::keep(top) };
        Self { path, _capture: capture }
    }

    /// Runs `f` here: calls inside are counted as callees of the context's call, and its own time as that
    /// call's.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let _stay = self.enter();
        f()
    }

    /// A future whose polls run here; see [`Context::run`].
    pub fn attach<F: Future>(self, future: F) -> Attached<F> {
        Attached { future, context: self }
    }

    fn enter(&self) -> Option<Stay> {
        if control::is_off() || self.path == ROOT {
            return None;
        }
        let block = thread::attach()?;
        if block.current_path() == Some(self.path) {
            return None;
        }
        Some(Stay::begin(block, block.counters_of(self.path)))
    }
}

/// A stay on a path that is not a call of its own.
#[derive(Debug)]
pub(crate) struct Stay {
    block: &'static Block,
    back: Spot,
}

impl Stay {
    pub(crate) fn begin(block: &'static Block, counters: &'static Counters) -> Self {
        Self { block, back: block.begin_stay(counters, clock::now()) }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.block.end_stay(self.back, clock::now());
    }
}

pin_project_lite::pin_project! {
    /// A future that runs at a [`Context`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Attached<F> {
        #[pin]
        future: F,
        context: Context,
    }
}

impl<F: Future> Future for Attached<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _stay = this.context.enter();
        this.future.poll(cx)
    }
}
