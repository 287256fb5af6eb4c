//! DHAT's JSON, version 2: what valgrind's `dh_view.html` reads.
//!
//! <https://valgrind.org/docs/manual/dh-manual.html>; the keys are explained in valgrind's `dhat/dh_main.c`.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};

use super::places::stack_labels;
use crate::heap::snapshot::{Snapshot, TraceCounts};
use crate::profile::Label;
use crate::render::json_text::Quoted;
use crate::render::names::printable;

impl Snapshot {
    /// Writes DHAT's JSON, version 2, mode `rust-heap`: for each stack blocks and bytes in all, at the peak
    /// (`t-gmax`) and now (`t-end`). valgrind's `dh_view.html` shows it.
    ///
    /// What is not recorded: reads and writes of blocks (`bkacc` is false); how long blocks lived, so that there is
    /// no `tl` and the viewer shows lifetimes as `NaN`; when the peak was, so that `t-gmax` reads as the end; and what
    /// a single stack had live at most, so that its `Max` is the larger of its figures at the peak and now. All
    /// stacks with the same lines are one.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_dhat<W: Write>(&self, writer: W) -> io::Result<()> {
        let mut out = BufWriter::new(writer);
        // The viewer wants frame 0 to be the root, and no stack twice.
        let mut names: Vec<String> = vec!["[root]".to_owned()];
        let mut ids: HashMap<String, usize> = HashMap::new();
        let mut points: Vec<(Vec<usize>, TraceCounts)> = Vec::new();
        let mut by_stack: HashMap<Vec<usize>, usize> = HashMap::new();
        for trace in &self.traces {
            let stack: Vec<usize> = (stack_labels(self, trace).iter())
                .map(|label| {
                    let name = name(label);
                    *ids.entry(name).or_insert_with_key(|name| {
                        names.push(name.clone());
                        names.len() - 1
                    })
                })
                .collect();
            let point = *by_stack.entry(stack).or_insert_with_key(|stack| {
                points.push((stack.clone(), TraceCounts::default()));
                points.len() - 1
            });
            points[point].1.add(&trace.counts);
        }

        let micros = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX);
        writeln!(out, "{{\"dhatFileVersion\":2,\"mode\":\"rust-heap\",\"verb\":\"Allocated\",")?;
        writeln!(
            out,
            "\"bklt\":true,\"bkacc\":false,\"bu\":\"byte\",\"bsu\":\"bytes\",\"bksu\":\"blocks\","
        )?;
        writeln!(out, "\"tu\":\"µs\",\"Mtu\":\"s\",\"tuth\":10,")?;
        // NOTE: the viewer insists on a process id; a snapshot has none.
        writeln!(out, "\"cmd\":{},\"pid\":0,", Quoted(&self.command()))?;
        writeln!(out, "\"tg\":{micros},\"te\":{micros},")?;
        write!(out, "\"pps\":[")?;
        for (i, (stack, counts)) in points.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let (bytes, blocks) = (counts.live_bytes(), counts.live_blocks());
            write!(out, "{comma}\n{{\"tb\":{},\"tbk\":{}", counts.allocated_bytes, counts.allocations)?;
            write!(
                out,
                ",\"mb\":{},\"mbk\":{}",
                bytes.max(counts.peak_bytes),
                blocks.max(counts.peak_blocks)
            )?;
            write!(out, ",\"gb\":{},\"gbk\":{}", counts.peak_bytes, counts.peak_blocks)?;
            write!(out, ",\"eb\":{bytes},\"ebk\":{blocks},\"fs\":[")?;
            for (i, frame) in stack.iter().enumerate() {
                write!(out, "{}{frame}", if i > 0 { "," } else { "" })?;
            }
            write!(out, "]}}")?;
        }
        write!(out, "\n],\n\"ftbl\":[")?;
        for (i, name) in names.iter().enumerate() {
            write!(out, "{}\n{}", if i > 0 { "," } else { "" }, Quoted(name))?;
        }
        writeln!(out, "\n]}}")?;
        out.flush()
    }

    /// The program's path, and how it was recorded.
    fn command(&self) -> String {
        let program = self.modules.first().map_or("[unknown]", |module| module.path.as_str());
        format!("{program} (recorded by profile-cost as {}; lifetimes are not known)", self.mode)
    }
}

/// `function (file:line)`.
fn name(label: &Label) -> String {
    let name = printable(&label.name);
    let name = if name.trim().is_empty() { "(unnamed)" } else { &name };
    match (label.file.as_str(), label.line) {
        ("", _) => name.to_owned(),
        (file, 0) => format!("{name} ({})", printable(file)),
        (file, line) => format!("{name} ({}:{line})", printable(file)),
    }
}
