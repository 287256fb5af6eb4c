//! The stacks that hold most, line by line, innermost first.

use std::collections::HashMap;
use std::io::{self, Write};

use super::places::{Part, address, function, part};
use super::rows::{Place, grouped, largest};
use super::table::WIDTH;
use crate::heap::frame::FrameId;
use crate::heap::snapshot::{Snapshot, TraceCounts};
use crate::render::names::printable;
use crate::stats::look::shortened;
use crate::units::{bytes, counted};

/// Stacks that are shown at most.
const STACKS: usize = 3;
/// Lines of each.
const LINES: usize = 10;

/// Writes the stacks with the most live bytes; nothing where no stacks were kept.
pub(super) fn write(snapshot: &Snapshot, top: usize, out: &mut dyn Write) -> io::Result<()> {
    // What looks the same is the same: stacks may differ in lines that are not shown.
    let mut sums: HashMap<(Vec<String>, bool), TraceCounts> = HashMap::new();
    for (frames, counts) in grouped(snapshot, |trace| trace.frames.as_slice()) {
        if counts.live_bytes() > 0 && !frames.is_empty() {
            let mut lines = lines(snapshot, frames);
            let has_more = lines.len() > LINES;
            lines.truncate(LINES);
            sums.entry((lines, has_more)).or_default().add(&counts);
        }
    }
    let (stacks, rest) = largest(sums.into_iter().collect(), top.min(STACKS), TraceCounts::live_bytes);
    if stacks.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nStacks that hold most, innermost first")?;
    for ((lines, has_more), counts) in stacks {
        let blocks = counted(counts.live_blocks(), "block");
        writeln!(out, "  {} in {blocks}", bytes(counts.live_bytes()))?;
        for line in &lines {
            writeln!(out, "      {}", shortened(&printable(line), WIDTH - 6))?;
        }
        if has_more {
            writeln!(out, "      and so on, outwards")?;
        }
    }
    if rest > 0 {
        writeln!(out, "  and {}", counted(rest as u64, "more stack"))?;
    }
    Ok(())
}

/// The stack's lines without those of the standard library and of the profiler, which are on every stack, and without
/// what calls a thread's or the program's own first function.
fn lines(snapshot: &Snapshot, frames: &[FrameId]) -> Vec<String> {
    let (mut own, mut all) = (Vec::new(), Vec::new());
    for frame in frames.iter().filter_map(|id| snapshot.frames.get(id.0 as usize)) {
        if frame.sources.is_empty() {
            own.push(address(snapshot, frame));
        }
        for source in &frame.sources {
            let name = function(source).to_owned();
            let line = Place { file: source.file.clone(), line: source.line, name }.text();
            match part(source) {
                Part::Own => own.push(line),
                Part::Machinery => all.push(line),
                Part::End => return if own.is_empty() { all } else { own },
            }
        }
    }
    if own.is_empty() { all } else { own }
}
