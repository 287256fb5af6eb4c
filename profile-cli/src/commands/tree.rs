//! `tree`: the call tree as text.

use profile_cost_runtime::{Label, Profile, SortKey, TreeOptions};

use super::merged;
use crate::args::Tree;
use crate::failure::Failure;
use crate::terminal::Screen;
use crate::{input, json, output};

pub(crate) fn run(asked: &Tree, screen: &Screen) -> Result<(), Failure> {
    let (files, mut restrictions) = input::files_and_restrictions(&asked.words)?;
    restrictions.extend(asked.order.restrict.iter().cloned());
    if let Some(lines) = asked.top.filter(|&lines| lines > 0) {
        restrictions.push(lines.into());
    }
    let mut profile = merged(&files)?;
    if asked.order.strip_dirs {
        profile = stripped(&profile);
    }
    let options = TreeOptions {
        metric: asked.metric.into(),
        sort: asked.order.keys(SortKey::Cumulative).first().copied().unwrap_or(SortKey::Cumulative),
        reverse: asked.order.reverse,
        min_percent: asked.min_percent,
        max_depth: asked.depth,
        restrictions,
    };
    let tree = profile.call_tree(&options);
    let look = if asked.output.is_some() { screen.look_of_file() } else { screen.look() };
    output::to(asked.output.as_deref(), |out| {
        if asked.json { json::write(out, &json::tree(&tree)) } else { tree.print(out, look) }
    })
}

/// The same tree, its files without directories.
fn stripped(profile: &Profile) -> Profile {
    let mut stripped = Profile::new();
    stripped.seconds_per_tick = profile.seconds_per_tick;
    let functions: Vec<_> = (profile.functions().iter())
        .map(|function| {
            let Label { file, line, name } = &function.label;
            let file = file.rsplit('/').next().unwrap_or_default();
            stripped.add_function(Label::new(file, *line, name.as_str()))
        })
        .collect();
    let mut paths = Vec::with_capacity(profile.paths().len());
    for path in profile.paths() {
        let parent = path.parent.map(|parent| paths[parent.0 as usize]);
        paths.push(stripped.add_path(parent, functions[path.function.0 as usize], &path.counts));
    }
    stripped
}
