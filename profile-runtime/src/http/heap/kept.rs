//! Snapshots that were kept, to be asked of and compared: a few, and not more memory than a cap.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::heap::{Frame, FrameId, Module, Snapshot, Trace};
use crate::http::response::Refusal;
use crate::units;

/// Most memory that they may take, bytes.
const CAP: usize = 64 << 20;

/// See the module. The oldest first; none has names.
#[derive(Debug, Default)]
pub(super) struct Kept {
    snapshots: VecDeque<One>,
    /// Those that there have been.
    count: u64,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct One {
    /// From 1 on.
    pub(super) id: u64,
    /// Memory that it takes, about.
    pub(super) size: usize,
    pub(super) snapshot: Arc<Snapshot>,
}

impl Kept {
    /// Keeps another, for which the oldest make room.
    pub(super) fn add(&mut self, snapshot: Snapshot, most: usize) -> Result<One, Refusal> {
        let size = size(&snapshot);
        if most == 0 || size > CAP {
            return Err(Refusal::new(
                507,
                format!(
                    "the snapshot would take {}, of {} that may be kept: \
                     ask for /debug/profile-cost/snapshots/get?id=now, which keeps none",
                    units::bytes(size as u64),
                    if most == 0 { "none".to_owned() } else { units::bytes(CAP as u64) }
                ),
            ));
        }
        while self.snapshots.len() >= most || self.size() + size > CAP {
            self.snapshots.pop_front();
        }
        self.count += 1;
        let one = One { id: self.count, size, snapshot: Arc::new(snapshot) };
        self.snapshots.push_back(one.clone());
        Ok(one)
    }

    pub(super) fn all(&self) -> Vec<One> {
        self.snapshots.iter().cloned().collect()
    }

    pub(super) fn find(&self, id: &str) -> Result<Arc<Snapshot>, Refusal> {
        let found = id.parse().ok().and_then(|id: u64| self.snapshots.iter().find(|one| one.id == id));
        found.map(|one| one.snapshot.clone()).ok_or_else(|| {
            let known: Vec<String> = self.snapshots.iter().map(|one| one.id.to_string()).collect();
            let remedy = match &known[..] {
                [] => "none is kept; POST /debug/profile-cost/snapshots takes one".to_owned(),
                _ => format!("no such snapshot is kept (any more); use {} or now", known.join(", ")),
            };
            Refusal::new(404, format!("snapshot {id}: {remedy}"))
        })
    }

    fn size(&self) -> usize {
        self.snapshots.iter().map(|one| one.size).sum()
    }
}

/// Of a snapshot without names.
fn size(snapshot: &Snapshot) -> usize {
    let frames: usize = snapshot.traces.iter().map(|trace| trace.frames.capacity()).sum();
    let labels = snapshot.paths.iter().map(|path| path.label.name.len() + path.label.file.len());
    snapshot.traces.capacity() * size_of::<Trace>()
        + frames * size_of::<FrameId>()
        + snapshot.frames.capacity() * size_of::<Frame>()
        + snapshot.modules.len() * (size_of::<Module>() + 128)
        + snapshot.paths.capacity() * 64
        + labels.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(kept: &Kept) -> Vec<u64> {
        kept.all().iter().map(|one| one.id).collect()
    }

    #[test]
    fn the_oldest_go() {
        let mut kept = Kept::default();
        for id in 1..=5 {
            assert_eq!(kept.add(Snapshot::new(), 3).unwrap().id, id);
        }
        assert_eq!(ids(&kept), [3, 4, 5]);
        assert!(kept.find("4").is_ok());
        for id in ["2", "6", "", "-1", "now", "99999999999999999999"] {
            assert_eq!(kept.find(id).unwrap_err().status, 404);
        }
        assert_eq!(kept.add(Snapshot::new(), 0).unwrap_err().status, 507);
    }

    #[test]
    fn memory_is_bounded() {
        let of = |bytes: usize| Snapshot {
            frames: Vec::with_capacity(bytes / size_of::<Frame>()),
            ..Snapshot::new()
        };
        let mut kept = Kept::default();
        for _ in 0..3 {
            kept.add(of(CAP / 3), 100).unwrap();
        }
        assert_eq!(ids(&kept), [1, 2, 3]);
        kept.add(of(CAP / 2), 100).unwrap();
        assert_eq!(ids(&kept), [3, 4]);
        assert_eq!(kept.add(of(CAP + 100), 100).unwrap_err().status, 507);
        assert_eq!(ids(&kept), [3, 4]);
    }
}
