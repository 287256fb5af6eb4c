//! Runs one site alone and keeps what it allocated.

use std::hint::black_box;

use profile_cost_runtime::heap::{self, Source};

use crate::naming::Namer;

/// One stack that a site allocated on.
pub struct Allocation {
    /// Sources of each frame, innermost first.
    pub stack: Vec<Vec<Source>>,
    pub align: u32,
    pub size: u64,
}

/// Records what is done between two points of a site.
pub struct Recorder {
    namer: Namer,
    pub allocations: Vec<Allocation>,
}

impl Recorder {
    pub fn new() -> Self {
        Self { namer: Namer::of_this_program(), allocations: Vec::new() }
    }

    /// Does what the label of the site is about; what comes out is dropped unrecorded.
    #[inline(never)]
    pub fn record<R>(&mut self, work: impl FnOnce() -> R) -> R {
        heap::start(64).expect("stacks can be walked here");
        let made = black_box(work());
        let snapshot = heap::take_snapshot();
        heap::stop();
        for trace in &snapshot.traces {
            let addresses = trace.frames.iter().map(|id| &snapshot.frames[id.0 as usize]);
            let own = addresses.filter(|frame| frame.module == Some(0));
            let stack: Vec<_> = own.map(|frame| self.namer.sources(frame.address)).collect();
            // The snapshot's own.
            if stack.iter().flatten().any(|source| source.function == "take_snapshot") {
                continue;
            }
            self.allocations.push(Allocation { stack, align: trace.align, size: trace.first_size });
        }
        made
    }
}
