//! What drives a case: anything that can make profiles of its events. And the simplest such thing.

use profile_cost_runtime::{Counts, Label, PathId, Profile};

use crate::case::{Case, Kind};

/// A recorder with a fake clock. Threads are numbered in order of first appearance.
pub trait Engine {
    fn enter(&mut self, thread: usize, function: usize, tick: u64);
    fn exit(&mut self, thread: usize, tick: u64);
    fn raise(&mut self, thread: usize, tick: u64);
    /// What the thread has recorded, its open frames with their time until `end`.
    fn profile(&mut self, thread: usize, end: u64) -> Profile;
}

/// Runs the events of all threads interleaved as written; a profile per thread.
pub fn drive(case: &Case, engine: &mut dyn Engine) -> Vec<Profile> {
    let threads = case.threads();
    for event in &case.events {
        let thread = threads.iter().position(|&t| t == event.thread).expect("thread");
        match event.kind {
            Kind::Enter => engine.enter(thread, event.function, event.tick),
            Kind::Exit => engine.exit(thread, event.tick),
            Kind::Raise => engine.raise(thread, event.tick),
        }
    }
    let profiles = threads.iter().enumerate().map(|(i, &thread)| engine.profile(i, case.end(thread)));
    let in_seconds = |mut profile: Profile| {
        profile.seconds_per_tick = case.timeunit;
        profile
    };
    profiles.map(in_seconds).collect()
}

/// Writes each switch straight into a [`Profile`] per thread.
pub struct Naive {
    labels: Vec<Label>,
    threads: Vec<Thread>,
}

struct Thread {
    profile: Profile,
    stack: Vec<PathId>,
    last: u64,
}

impl Naive {
    pub fn new(case: &Case) -> Self {
        let thread = || Thread { profile: Profile::new(), stack: Vec::new(), last: 0 };
        let threads = case.threads().iter().map(|_| thread()).collect();
        Self { labels: case.functions.clone(), threads }
    }
}

impl Thread {
    fn count(&mut self, path: PathId, counts: Counts) {
        let (parent, function) = (self.profile.path(path).parent, self.profile.path(path).function);
        self.profile.add_path(parent, function, &counts);
    }

    /// Charges the time since the last switch to the path on top.
    fn charge(&mut self, tick: u64) {
        if let Some(&path) = self.stack.last() {
            self.count(path, Counts { self_busy: tick - self.last, ..Counts::default() });
        }
        self.last = tick;
    }
}

impl Engine for Naive {
    fn enter(&mut self, thread: usize, function: usize, tick: u64) {
        let thread = &mut self.threads[thread];
        thread.charge(tick);
        let function = thread.profile.add_function(self.labels[function].clone());
        let one = Counts { starts: 1, ..Counts::default() };
        let path = thread.profile.add_path(thread.stack.last().copied(), function, &one);
        thread.stack.push(path);
    }

    fn exit(&mut self, thread: usize, tick: u64) {
        let thread = &mut self.threads[thread];
        thread.charge(tick);
        let path = thread.stack.pop().expect("balanced");
        thread.count(path, Counts { returned: 1, ..Counts::default() });
    }

    fn raise(&mut self, thread: usize, tick: u64) {
        let thread = &mut self.threads[thread];
        thread.charge(tick);
        let path = thread.stack.pop().expect("balanced");
        thread.count(path, Counts { panicked: 1, ..Counts::default() });
    }

    fn profile(&mut self, thread: usize, end: u64) -> Profile {
        let thread = &mut self.threads[thread];
        thread.charge(end);
        thread.profile.clone()
    }
}
