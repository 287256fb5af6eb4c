//! Differential flamegraph: widths of the second profile, red where a path grew and blue where it shrank.

use std::collections::HashMap;
use std::io::{self, Write};

use super::flamegraph::{FlamegraphOptions, Picture, amount, draw, subtitle_start, undrawn, write_notice};
use super::tree::Tree;
use crate::profile::{Counts, Label, PathId, Profile};

/// How a differential flamegraph is made. Fill in with `..Default::default()`.
#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    /// Title, metric and limits.
    pub flamegraph: FlamegraphOptions,
    /// Scale the first profile to the total of the second, so that colours show shares and not the load: for
    /// profiles of unequal length.
    pub normalize: bool,
}

impl Profile {
    /// Writes what changed from `before` to this profile as SVG: widths are this profile's, a frame is red
    /// where its own value grew and blue where it shrank. Functions are matched by file and name, so that
    /// lines may have moved. What is gone counts as shrinkage of its caller, and the subtitle says how much.
    ///
    /// # Errors
    /// As [`Profile::write_flamegraph`].
    pub fn write_diff_flamegraph<W: Write>(
        &self,
        before: &Profile,
        writer: W,
        options: &DiffOptions,
    ) -> io::Result<()> {
        let look = &options.flamegraph;
        let metric = look.metric;
        let title = look.title_or(format!("What changed in {}", metric.name()));
        let joint = Joint::new(before, self);
        let (mut old, new) = (joint.spread(0, &metric.values(before)), joint.spread(1, &metric.values(self)));
        let sum = |values: &[u64]| values.iter().fold(0u64, |sum, v| sum.saturating_add(*v));
        let (old_total, new_total) = (sum(&old), sum(&new));
        if new_total == 0 {
            return write_notice(writer, &title, &self.why_empty(metric));
        }
        let mut subtitle = subtitle_start(look);
        subtitle.push_str(&format!(
            "{} before, {} after",
            amount(old_total, metric),
            amount(new_total, metric)
        ));
        if options.normalize && old_total > 0 {
            subtitle.push_str(", shares compared");
            let scale = new_total as f64 / old_total as f64;
            old.iter_mut().for_each(|value| *value = (*value as f64 * scale).round() as u64);
        }
        let gone: Vec<u64> =
            (old.iter().zip(&new)).filter(|(o, n)| **o > 0 && **n == 0).map(|(o, _)| *o).collect();
        if !gone.is_empty() {
            subtitle.push_str(&format!(", {} paths gone ({})", gone.len(), amount(sum(&gone), metric)));
        }
        let tree = Tree::new(&joint.profile, &old, &new, look.limits());
        subtitle.push_str(&undrawn(&tree));
        let picture = Picture {
            title,
            subtitle,
            width: look.width,
            is_difference: true,
            ..Picture::of(metric, tree.total)
        };
        draw(writer, &tree, picture)
    }
}

/// The paths of two profiles in one.
pub(crate) struct Joint {
    pub(crate) profile: Profile,
    paths: [Vec<PathId>; 2],
}

impl Joint {
    pub(crate) fn new(before: &Profile, after: &Profile) -> Self {
        let mut ambiguous: HashMap<(&str, &str), bool> = HashMap::new();
        for profile in [before, after] {
            let mut lines: HashMap<(&str, &str), u32> = HashMap::new();
            for label in profile.functions().iter().map(|f| &f.label) {
                let line = *lines.entry((&label.file, &label.name)).or_insert(label.line);
                *ambiguous.entry((&label.file, &label.name)).or_default() |= line != label.line;
            }
        }
        let mut joint = Profile::new();
        let paths = [before, after].map(|profile| {
            let functions: Vec<_> = (profile.functions().iter())
                .map(|f| {
                    let keep_line = ambiguous[&(f.label.file.as_str(), f.label.name.as_str())];
                    let line = if keep_line { f.label.line } else { 0 };
                    joint.add_function(Label { line, ..f.label.clone() })
                })
                .collect();
            let mut ids: Vec<PathId> = Vec::with_capacity(profile.paths().len());
            for path in profile.paths() {
                let parent = path.parent.map(|p| ids[p.0 as usize]);
                ids.push(joint.add_path(parent, functions[path.function.0 as usize], &Counts::default()));
            }
            ids
        });
        Self { profile: joint, paths }
    }

    /// Values of one of the two, indexed as the joint paths.
    pub(crate) fn spread(&self, which: usize, values: &[u64]) -> Vec<u64> {
        let mut spread = vec![0u64; self.profile.paths().len()];
        for (id, value) in self.paths[which].iter().zip(values) {
            let slot = &mut spread[id.0 as usize];
            *slot = slot.saturating_add(*value);
        }
        spread
    }
}
