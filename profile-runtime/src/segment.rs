//! State of the task that is being polled on a thread. Only the thread's own polls touch it. Ticks.

use std::cell::Cell;

/// See the module.
#[derive(Default)]
pub(crate) struct Segment {
    /// Instrumented futures being polled, one inside the other.
    pub(crate) depth: Cell<u32>,
    /// When the outermost of them was entered.
    pub(crate) start: Cell<u64>,
    /// Which task: a number of the outermost future; 0 is none.
    pub(crate) task: Cell<u64>,
    /// How often the task has been polled.
    pub(crate) turn: Cell<u32>,
    /// When the task was last left.
    pub(crate) left: Cell<u64>,
    /// The innermost poll under way, by number; 0 is none.
    pub(crate) poll: Cell<u32>,
    /// Polls so far.
    pub(crate) polls: Cell<u32>,
    /// Instrumented futures that returned `Pending` to that poll and have not been polled again by it.
    pub(crate) pended: Cell<u32>,
}

impl Segment {
    pub(crate) const fn new() -> Self {
        Self {
            depth: Cell::new(0),
            start: Cell::new(0),
            task: Cell::new(0),
            turn: Cell::new(0),
            left: Cell::new(0),
            poll: Cell::new(0),
            polls: Cell::new(0),
            pended: Cell::new(0),
        }
    }
}
