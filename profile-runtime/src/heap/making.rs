//! A snapshot in the making: which frame an address is, and which call path an index. Of this process, or of what one has
//! left in a flight recorder's file.

use std::collections::HashMap;

use super::frame::{CallPath, Frame, FrameId, Module};
use super::modules::LoadedModule;
use super::size_class::SizeClass;
use super::snapshot::{Snapshot, Trace, TraceCounts};
use crate::paths::{NO_PATH, PathIndex, ROOT};
use crate::profile::Label;
use crate::site::SiteId;

/// What blocks of a trace have in common, beside their stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// `u32::MAX` outside of all.
    pub(crate) path: PathIndex,
    pub(crate) size_class: u8,
    pub(crate) align_log2: u8,
    /// Of the first block.
    pub(crate) first_size: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Making {
    loaded: Vec<LoadedModule>,
    /// Index of each in the snapshot; those without an address in it are left out.
    modules: HashMap<usize, u32>,
    frames: HashMap<usize, FrameId>,
    /// Paths of the tree that traces refer to, by their place in the snapshot.
    used: Vec<PathIndex>,
    by_path: HashMap<PathIndex, u32>,
}

impl Making {
    /// Of these modules; where two have an address, it is the first one's.
    pub(crate) fn new(loaded: Vec<LoadedModule>) -> Self {
        Self {
            loaded,
            modules: HashMap::new(),
            frames: HashMap::new(),
            used: Vec::new(),
            by_path: HashMap::new(),
        }
    }

    /// Adds a trace, whose stack is of return addresses, innermost first.
    pub(crate) fn add_trace(
        &mut self,
        snapshot: &mut Snapshot,
        shape: &Shape,
        stack: impl Iterator<Item = usize>,
        counts: TraceCounts,
    ) {
        let path = shape.path;
        let path = (path != u32::MAX && path != ROOT).then(|| {
            *self.by_path.entry(path).or_insert_with(|| {
                self.used.push(path);
                self.used.len() as u32 - 1
            })
        });
        let frames = stack.map(|address| self.frame(snapshot, address)).collect();
        snapshot.process.live_blocks = snapshot.process.live_blocks.saturating_add(counts.live_blocks());
        snapshot.traces.push(Trace {
            frames,
            path,
            size_class: SizeClass(shape.size_class),
            first_size: shape.first_size,
            align: 1 << shape.align_log2.min(31),
            type_id: None,
            counts,
        });
    }

    fn frame(&mut self, snapshot: &mut Snapshot, address: usize) -> FrameId {
        let Self { loaded, modules, frames, .. } = self;
        *frames.entry(address).or_insert_with(|| {
            // Within the call, not behind it.
            let inside = address.wrapping_sub(1);
            let module = loaded.iter().position(|module| module.range.contains(&inside));
            let frame = match module {
                Some(at) => Frame {
                    module: Some(*modules.entry(at).or_insert_with(|| {
                        snapshot.modules.push(module_of(&loaded[at]));
                        snapshot.modules.len() as u32 - 1
                    })),
                    address: inside.wrapping_sub(loaded[at].bias) as u64,
                    sources: Vec::new(),
                },
                None => Frame { module: None, address: inside as u64, sources: Vec::new() },
            };
            snapshot.frames.push(frame);
            FrameId(snapshot.frames.len() as u32 - 1)
        })
    }

    /// Puts the call paths into the snapshot, each below its caller. `up` says what path is above one, and which function is
    /// called; of roots nothing.
    pub(crate) fn resolve_paths(
        self,
        snapshot: &mut Snapshot,
        up: impl Fn(PathIndex) -> Option<(PathIndex, SiteId)>,
        label: impl Fn(SiteId) -> Option<Label>,
    ) {
        let mut places: HashMap<PathIndex, Option<u32>> = HashMap::from([(ROOT, None), (NO_PATH, None)]);
        let mut by_edge: HashMap<(Option<u32>, u32), u32> = HashMap::new();
        let mut place = |path: PathIndex| {
            let mut missing = Vec::new();
            let mut at = path;
            let mut parent = loop {
                if let Some(&place) = places.get(&at) {
                    break place;
                }
                let above = up(at);
                missing.push((at, above));
                at = above.map_or(NO_PATH, |(parent, _)| parent);
            };
            for (path, above) in missing.into_iter().rev() {
                if let Some((_, site)) = above {
                    let index = *by_edge.entry((parent, site)).or_insert_with(|| {
                        let label = label(site).unwrap_or_else(|| Label::new("~", 0, "[unknown]"));
                        snapshot.paths.push(CallPath { parent, label });
                        snapshot.paths.len() as u32 - 1
                    });
                    parent = Some(index);
                }
                places.insert(path, parent);
            }
            parent
        };
        let places: Vec<Option<u32>> = self.used.iter().map(|&path| place(path)).collect();
        for trace in &mut snapshot.traces {
            trace.path = trace.path.and_then(|path| places[path as usize]);
        }
    }
}

fn module_of(loaded: &LoadedModule) -> Module {
    let build_id = loaded.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
    Module { path: loaded.path.clone(), build_id }
}
