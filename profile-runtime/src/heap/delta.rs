//! What was counted between two snapshots of one recording, as a snapshot of that while.

use std::collections::HashMap;

use super::frame::{CallPath, Frame, FrameId};
use super::snapshot::{Notes, Snapshot, Trace, TraceCounts};
use crate::profile::Label;

/// What blocks of two snapshots have in common, in terms of the newer one: stack, call path, size class, alignment.
type Key = (Vec<FrameId>, Option<u32>, u8, u32);

impl Snapshot {
    /// What was allocated and freed since an older snapshot of the same recording. Freed may be more than allocated, on
    /// stacks whose blocks are older: then `live_bytes` and `live_blocks` are 0, and only the sums tell. Peak and samples
    /// mean nothing of a while, and are 0. Neither snapshot has names yet.
    pub(crate) fn since(mut self, old: &Snapshot) -> Snapshot {
        let mut before: HashMap<Key, TraceCounts> = HashMap::new();
        let indices = Indices::new(&mut self, old);
        for trace in &old.traces {
            before.entry(indices.key_of_old(trace)).or_default().add(&trace.counts);
        }
        // Several records may have one key, as when the rate of a sample has changed.
        let mut after: HashMap<Key, Trace> = HashMap::new();
        for trace in std::mem::take(&mut self.traces) {
            let counts = trace.counts;
            let key = (trace.frames.clone(), trace.path, trace.size_class.0, trace.align);
            let empty = Trace { counts: TraceCounts::default(), ..trace };
            after.entry(key).or_insert(empty).counts.add(&counts);
        }
        for (key, mut trace) in after {
            let old = before.get(&key).copied().unwrap_or_default();
            trace.counts = less(&trace.counts, &old);
            if trace.counts != TraceCounts::default() {
                self.traces.push(trace);
            }
        }
        self.traces.sort_unstable_by(|a, b| {
            let key = |trace: &Trace| (trace.path, trace.size_class, trace.align);
            a.frames.cmp(&b.frames).then_with(|| key(a).cmp(&key(b)))
        });
        self.duration = self.duration.saturating_sub(old.duration);
        let (now, then) = (self.notes, old.notes);
        self.notes = Notes {
            older_frees: now.older_frees.saturating_sub(then.older_frees),
            unrecorded: now.unrecorded.saturating_sub(then.unrecorded),
            truncated: now.truncated.saturating_sub(then.truncated),
            cap_reached: now.cap_reached,
        };
        self
    }
}

fn less(new: &TraceCounts, old: &TraceCounts) -> TraceCounts {
    TraceCounts {
        allocations: new.allocations.saturating_sub(old.allocations),
        allocated_bytes: new.allocated_bytes.saturating_sub(old.allocated_bytes),
        frees: new.frees.saturating_sub(old.frees),
        freed_bytes: new.freed_bytes.saturating_sub(old.freed_bytes),
        temporary: new.temporary.saturating_sub(old.temporary),
        copied_bytes: new.copied_bytes.saturating_sub(old.copied_bytes),
        ..TraceCounts::default()
    }
}

/// Where the older snapshot's frames and paths are in the newer one.
struct Indices {
    frames: Vec<FrameId>,
    paths: Vec<u32>,
}

impl Indices {
    /// What the newer one has not is put there.
    fn new(new: &mut Snapshot, old: &Snapshot) -> Self {
        let modules: Vec<u32> = (old.modules.iter())
            .map(|module| match new.modules.iter().position(|other| other == module) {
                Some(at) => at as u32,
                None => {
                    new.modules.push(module.clone());
                    new.modules.len() as u32 - 1
                }
            })
            .collect();
        let mut places: HashMap<(Option<u32>, u64), FrameId> =
            (0..).zip(&new.frames).map(|(id, frame)| ((frame.module, frame.address), FrameId(id))).collect();
        let mut frames = Vec::with_capacity(old.frames.len());
        for frame in &old.frames {
            let module = frame.module.and_then(|module| modules.get(module as usize).copied());
            frames.push(*places.entry((module, frame.address)).or_insert_with(|| {
                new.frames.push(Frame { module, address: frame.address, sources: Vec::new() });
                FrameId(new.frames.len() as u32 - 1)
            }));
        }
        let mut edges: HashMap<(Option<u32>, Label), u32> =
            (0..).zip(&new.paths).map(|(id, path)| ((path.parent, path.label.clone()), id)).collect();
        let mut paths: Vec<u32> = Vec::with_capacity(old.paths.len());
        for path in &old.paths {
            // Callers stand before those they call.
            let parent = path.parent.and_then(|parent| paths.get(parent as usize).copied());
            paths.push(*edges.entry((parent, path.label.clone())).or_insert_with(|| {
                new.paths.push(CallPath { parent, label: path.label.clone() });
                new.paths.len() as u32 - 1
            }));
        }
        Self { frames, paths }
    }

    fn key_of_old(&self, trace: &Trace) -> Key {
        let frame = |id: &FrameId| self.frames.get(id.0 as usize).copied().unwrap_or(FrameId(u32::MAX));
        let path = trace.path.and_then(|path| self.paths.get(path as usize).copied());
        (trace.frames.iter().map(frame).collect(), path, trace.size_class.0, trace.align)
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::Module;
    use super::super::size_class::SizeClass;
    use super::*;

    fn counts(allocations: u64, frees: u64) -> TraceCounts {
        let (allocated_bytes, freed_bytes) = (10 * allocations, 10 * frees);
        TraceCounts { allocations, allocated_bytes, frees, freed_bytes, ..TraceCounts::default() }
    }

    /// Stacks of addresses, innermost first, below paths of names.
    fn snapshot(traces: &[(&[u64], &[&'static str], TraceCounts)]) -> Snapshot {
        let mut snapshot = Snapshot::new();
        snapshot.modules.push(Module { path: "app".to_owned(), build_id: "1".to_owned() });
        for (addresses, names, counts) in traces {
            let frames = addresses.iter().map(|&address| {
                let known = snapshot.frames.iter().position(|frame| frame.address == address);
                FrameId(known.unwrap_or_else(|| {
                    snapshot.frames.push(Frame { module: Some(0), address, sources: Vec::new() });
                    snapshot.frames.len() - 1
                }) as u32)
            });
            let frames = frames.collect();
            let mut path = None;
            for name in *names {
                let called = CallPath { parent: path, label: Label::new("a.rs", 1, *name) };
                let known = snapshot.paths.iter().position(|path| *path == called);
                path = Some(known.unwrap_or_else(|| {
                    snapshot.paths.push(called);
                    snapshot.paths.len() - 1
                }) as u32);
            }
            let (size_class, first_size) = (SizeClass(4), 10);
            let counts = *counts;
            snapshot.traces.push(Trace {
                frames,
                path,
                size_class,
                first_size,
                align: 8,
                type_id: None,
                counts,
            });
        }
        snapshot
    }

    #[test]
    fn what_came_and_went_whatever_the_indices() {
        let old = snapshot(&[
            (&[1, 2], &["main"], counts(5, 0)),
            (&[3], &[], counts(7, 1)),
            (&[9], &["other", "deep"], counts(2, 2)),
        ]);
        let new = snapshot(&[
            (&[9], &["other", "deep"], counts(2, 2)),
            (&[4, 2], &["main"], counts(1, 0)),
            (&[3], &[], counts(7, 6)),
            (&[1, 2], &["main"], counts(8, 3)),
            // The same stack on another path.
            (&[1, 2], &["other"], counts(4, 0)),
        ]);
        let delta = new.since(&old);
        let find = |addresses: &[u64], name: Option<&str>| {
            let is_it = |trace: &&Trace| {
                let stack = trace.frames.iter().map(|id| delta.frames[id.0 as usize].address);
                let path = trace.path.map(|path| &*delta.paths[path as usize].label.name);
                stack.eq(addresses.iter().copied()) && path == name
            };
            delta.traces.iter().find(is_it).map(|trace| (trace.counts.allocations, trace.counts.frees))
        };
        assert_eq!(find(&[1, 2], Some("main")), Some((3, 3)));
        assert_eq!(find(&[1, 2], Some("other")), Some((4, 0)));
        assert_eq!(find(&[3], None), Some((0, 5)));
        assert_eq!(find(&[4, 2], Some("main")), Some((1, 0)));
        assert_eq!(delta.traces.len(), 4);
    }
}
