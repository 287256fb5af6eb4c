//! The engine that records in production, with a fake clock.

use profile_cost_runtime::Profile;
use profile_cost_runtime::testing::{FunctionHandle, ThreadHandle, World};

use crate::case::Case;
use crate::naive::Engine;

pub struct Recorder {
    world: World,
    functions: Vec<FunctionHandle>,
    threads: Vec<ThreadHandle>,
}

impl Recorder {
    /// Recursion folds from `depth_limit` on, which must change no number.
    pub fn new(case: &Case, depth_limit: u32) -> Self {
        let world = World::new(depth_limit, u32::MAX);
        let functions = (case.functions.iter()).map(|f| world.function(&f.file, f.line, &f.name)).collect();
        let threads = case.threads().iter().map(|_| world.thread()).collect();
        Self { world, functions, threads }
    }
}

impl Engine for Recorder {
    fn enter(&mut self, thread: usize, function: usize, tick: u64) {
        self.threads[thread].enter(self.functions[function], tick);
    }

    fn exit(&mut self, thread: usize, tick: u64) {
        self.threads[thread].exit(tick);
    }

    fn raise(&mut self, thread: usize, tick: u64) {
        self.threads[thread].raise(tick);
    }

    fn profile(&mut self, thread: usize, end: u64) -> Profile {
        self.world.thread_profile(&self.threads[thread], end)
    }
}
