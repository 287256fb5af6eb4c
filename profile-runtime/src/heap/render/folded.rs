//! Folded stacks of a snapshot: one line `caller;callee value` for each stack.

use std::io::{self, Write};

use super::graph::{Graph, StackOptions};
use crate::heap::snapshot::Snapshot;
use crate::render::names::placed_names;
use crate::render::tree::{Limits, Order, Tree};

/// Levels of a stack. Those recorded have at most 128 frames, and what was inlined into them.
pub(super) const LIMITS: Limits = Limits { depth: 2000, frames: usize::MAX, min_share: 0.0 };

impl Snapshot {
    /// Writes folded stacks: `caller;callee value`, outermost first, sorted by bytes; those whose value is 0 are left
    /// out. Values are bytes (blocks for [`Measure::Temporary`](super::super::Measure::Temporary)).
    ///
    /// A frame is `function (file:line)`, or `module+0x1234` while it has no name. Where no stack was kept, the
    /// `#[profile_cost]` call path stands for it, and else `[no stack]`. In names `;` becomes `,`. Frames of the standard
    /// library and the profiler are left out, and all that is further out than what a thread was started with; `.json`,
    /// `.pb.gz` and `.dhat.json` have them.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_folded<W: Write>(&self, mut writer: W, options: StackOptions) -> io::Result<()> {
        let Graph { calls, values } = Graph::new(self, options);
        let tree = Tree::named(&calls, placed_names(&calls), &[], &values, LIMITS);
        tree.lines(Order::Bytes, |stack, _, value| writeln!(writer, "{stack} {value}"))?;
        writer.flush()
    }
}
