//! Flamegraphs of snapshots, and of what changed between two, drawn by inferno.

use std::io::{self, Write};

use inferno::flamegraph::color::BasicPalette;

use super::graph::{Graph, StackOptions, measure_name, unit};
use super::notes;
use crate::heap::snapshot::Snapshot;
use crate::heap::statistics::Measure;
use crate::render::FlamegraphOptions;
use crate::render::diff::Joint;
use crate::render::flamegraph::{Picture, draw, subtitle_start, undrawn, write_notice};
use crate::render::names::placed_names;
use crate::render::tree::Tree;
use crate::units;

impl Snapshot {
    /// Writes a flamegraph as SVG: widths are bytes (blocks for [`Measure::Temporary`]), the outermost caller at the
    /// bottom. Of `look` everything counts but the metric. Frames are named as by [`Snapshot::write_folded`].
    ///
    /// # Errors
    /// Those of the writer; `Other` if the picture cannot be drawn.
    pub fn write_flamegraph<W: Write>(
        &self,
        writer: W,
        options: StackOptions,
        look: &FlamegraphOptions,
    ) -> io::Result<()> {
        let measure = options.measure;
        let title = look.title_or(format!("Heap: {}", measure_name(measure)));
        let Graph { calls, values } = Graph::new(self, options);
        let tree = Tree::named(&calls, placed_names(&calls), &[], &values, look.limits());
        if tree.total == 0 {
            return write_notice(writer, &title, &why_empty(self, measure));
        }
        let mut subtitle = subtitle_start(look);
        subtitle.push_str(&format!("{}, recorded as {}", amount(tree.total, measure), self.mode));
        if notes::is_estimate(self) {
            subtitle.push_str(", estimated");
        }
        if !self.named {
            subtitle.push_str(", addresses not named");
        }
        subtitle.push_str(&undrawn(&tree));
        draw(writer, &tree, picture(title, subtitle, look, measure))
    }

    /// Writes what changed from `before` to this snapshot as SVG: widths are this one's, a frame is red where its own
    /// value grew and blue where it shrank. Frames are matched by file and function, so that lines may have moved.
    /// What is gone counts as shrinkage of its caller, and the subtitle says how much.
    ///
    /// # Errors
    /// As [`Snapshot::write_flamegraph`].
    pub fn write_diff_flamegraph<W: Write>(
        &self,
        before: &Snapshot,
        writer: W,
        options: StackOptions,
        look: &FlamegraphOptions,
    ) -> io::Result<()> {
        let measure = options.measure;
        let title = look.title_or(format!("Heap: what changed in {}", measure_name(measure)));
        let (before, after) = (Graph::new(before, options), Graph::new(self, options));
        let joint = Joint::new(&before.calls, &after.calls);
        let (old, new) = (joint.spread(0, &before.values), joint.spread(1, &after.values));
        let sum = |values: &[u64]| values.iter().fold(0u64, |sum, value| sum.saturating_add(*value));
        let total = sum(&new);
        if total == 0 {
            return write_notice(writer, &title, &why_empty(self, measure));
        }
        let mut subtitle = subtitle_start(look);
        let (was, is) = (amount(sum(&old), measure), amount(total, measure));
        subtitle.push_str(&format!("{was} before, {is} after"));
        let gone: Vec<u64> =
            old.iter().zip(&new).filter(|(old, new)| **old > 0 && **new == 0).map(|(old, _)| *old).collect();
        if !gone.is_empty() {
            let stacks = units::counted(gone.len() as u64, "stack");
            subtitle.push_str(&format!(", {stacks} gone ({})", amount(sum(&gone), measure)));
        }
        let tree = Tree::named(&joint.profile, placed_names(&joint.profile), &old, &new, look.limits());
        subtitle.push_str(&undrawn(&tree));
        draw(writer, &tree, Picture { is_difference: true, ..picture(title, subtitle, look, measure) })
    }
}

fn picture(title: String, subtitle: String, look: &FlamegraphOptions, measure: Measure) -> Picture {
    let palette = match measure {
        Measure::Live => BasicPalette::Mem,
        Measure::Allocated => BasicPalette::Aqua,
        Measure::Peak => BasicPalette::Purple,
        Measure::Temporary => BasicPalette::Yellow,
        Measure::Copied => BasicPalette::Orange,
    };
    let (width, unit) = (look.width, unit(measure));
    Picture { title, subtitle, width, is_difference: false, unit, factor: 1.0, palette }
}

/// A value with its unit, for people.
fn amount(value: u64, measure: Measure) -> String {
    match measure {
        Measure::Temporary => units::counted(value, "block"),
        _ => units::bytes(value),
    }
}

fn why_empty(snapshot: &Snapshot, measure: Measure) -> [String; 2] {
    if snapshot.traces.is_empty() {
        [
            format!("No stacks were recorded (mode: {}).", snapshot.mode),
            "Switch recording on: PROFILE_COST_HEAP=exact:25, or profile_cost::heap::set_mode(..)."
                .to_owned(),
        ]
    } else {
        [
            format!(
                "{}, but no {}.",
                units::counted(snapshot.traces.len() as u64, "trace"),
                measure_name(measure)
            ),
            "Draw Measure::Allocated to see what there was.".to_owned(),
        ]
    }
}
