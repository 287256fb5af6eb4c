//! The call tree as a walk, for the formats that write calls as they nest. Nothing here recurses: trees may be a
//! million levels deep.

use crate::profile::{PathId, Profile};

/// A step of the walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A path begins, inside those entered and not yet left.
    Enter(PathId),
    /// It ends.
    Leave(PathId),
}

/// The children of each path, as linked lists in two flat vectors.
#[derive(Debug)]
pub(super) struct Walk {
    first: Vec<Option<PathId>>,
    next: Vec<Option<PathId>>,
    first_root: Option<PathId>,
}

impl Walk {
    pub(super) fn new(profile: &Profile) -> Self {
        let count = profile.paths().len();
        let mut walk = Self { first: vec![None; count], next: vec![None; count], first_root: None };
        // From the back, so that siblings stand in order of first call.
        for (i, path) in profile.paths().iter().enumerate().rev() {
            let first = match path.parent {
                Some(parent) => &mut walk.first[parent.0 as usize],
                None => &mut walk.first_root,
            };
            walk.next[i] = first.replace(PathId(i as u32));
        }
        walk
    }

    /// Every path once, below the one that called it. `descend` says whether to go below a path at all.
    pub(super) fn each<E>(
        &self,
        descend: impl Fn(PathId) -> bool,
        mut visit: impl FnMut(Step) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut open: Vec<PathId> = Vec::new();
        let mut at = self.first_root;
        loop {
            if let Some(path) = at {
                visit(Step::Enter(path))?;
                open.push(path);
                at = self.first[path.0 as usize].filter(|_| descend(path));
            } else if let Some(path) = open.pop() {
                visit(Step::Leave(path))?;
                at = self.next[path.0 as usize];
            } else {
                return Ok(());
            }
        }
    }
}

/// How deep each path lies, roots at 1; indexed as [`Profile::paths`].
pub(super) fn depths(profile: &Profile) -> Vec<u32> {
    let mut depths: Vec<u32> = Vec::with_capacity(profile.paths().len());
    for path in profile.paths() {
        depths.push(path.parent.map_or(1, |parent| depths[parent.0 as usize] + 1));
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Counts, Label};

    #[test]
    fn every_path_is_entered_and_left_once_in_order_of_first_call() {
        let mut profile = Profile::new();
        let f = profile.add_function(Label::new("a.rs", 1, "f"));
        let g = profile.add_function(Label::new("a.rs", 2, "g"));
        let none = Counts::default();
        let root = profile.add_path(None, f, &none);
        let other = profile.add_path(None, g, &none);
        let first = profile.add_path(Some(root), g, &none);
        let second = profile.add_path(Some(root), f, &none);
        let mut steps = Vec::new();
        let walk = Walk::new(&profile);
        let mut note = |step| {
            steps.push(step);
            Ok::<(), ()>(())
        };
        assert_eq!(walk.each(|_| true, &mut note), Ok(()));
        let expected = [
            Step::Enter(root),
            Step::Enter(first),
            Step::Leave(first),
            Step::Enter(second),
            Step::Leave(second),
            Step::Leave(root),
            Step::Enter(other),
            Step::Leave(other),
        ];
        assert_eq!(steps, expected);
        assert_eq!(depths(&profile), [1, 1, 2, 2]);
    }
}
