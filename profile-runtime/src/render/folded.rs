//! Folded stacks: one line `caller;callee value` for each call path, read by inferno, flamegraph.pl, speedscope.

use std::io::{self, Write};

use super::Metric;
use super::tree::{Limits, Order, Tree};
use crate::profile::Profile;

/// A line holds its whole stack, so that the file grows with the square of the depth.
const LIMITS: Limits = Limits { depth: 1000, frames: usize::MAX, min_share: 0.0 };

impl Profile {
    /// Writes folded stacks: `caller;callee value`, sorted by bytes, paths whose value is 0 left out.
    ///
    /// Values are exclusive, in nanoseconds or calls. A frame is the function's name, with ` (file:line)`
    /// where two functions share one. In names `;` becomes `,`, and the space before a number at the end
    /// becomes a no-break space, because readers would take the number for the value. Paths deeper than
    /// 1,000 calls end in the frame `[deeper]`. An empty profile is an empty file.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_folded<W: Write>(&self, mut writer: W, metric: Metric) -> io::Result<()> {
        let tree = Tree::new(self, &[], &metric.values(self), LIMITS);
        tree.lines(Order::Bytes, |stack, _, value| writeln!(writer, "{stack} {value}"))
    }
}
