//! The global call-path tree: (parent path, site) -> path id. Append-only; ids and indices, no pointers.
//!
//! Reading takes no lock. A path is added under a lock, once in the life of the process.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

// NOTE: std's `OnceLock` waits and is three words; this is one pointer, which suits tables of them.
use once_cell::race::OnceBox;

use crate::site::{NO_SITE, SiteId, TRUNCATED};
use crate::storage::Recorded;

/// Number of a path in the tree.
pub(crate) type PathIndex = u32;

/// The frame above all roots; time between calls is charged to it.
pub(crate) const ROOT: PathIndex = 0;
/// The parent of [`ROOT`] and of the private roots of per-call reports.
pub(crate) const NO_PATH: PathIndex = u32::MAX;

const CHUNK: usize = 512;

/// How large the tree may grow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From this depth on, recursion folds.
    pub(crate) depth: u32,
    /// From this many paths on, new ones go to `[truncated]`. At most [`Limits::MAX_PATHS`].
    pub(crate) paths: u32,
}

impl Limits {
    /// The index below holds twice as many (each path may have a `[truncated]` child) at half load.
    pub(crate) const MAX_PATHS: u32 = 65_536;
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 100, paths: Self::MAX_PATHS }
    }
}

/// One path. Written once, before its id is published.
#[derive(Default)]
struct Node {
    parent: AtomicU32,
    site: AtomicU32,
    depth: AtomicU32,
    /// Depth of the deepest (caller, callee) pair on this path that occurs nowhere above it.
    novel_depth: AtomicU32,
    /// [`ROOT`], or the private root of a per-call report, that this path hangs from.
    top: AtomicU32,
}

/// A path that is none, above all roots. Numbers of paths are read from counters, and those may be in the flight recorder's
/// file, which others can write to.
static NOBODY: Node = Node {
    parent: AtomicU32::new(NO_PATH),
    site: AtomicU32::new(NO_SITE),
    depth: AtomicU32::new(0),
    novel_depth: AtomicU32::new(0),
    top: AtomicU32::new(NO_PATH),
};

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) path: PathIndex,
    pub(crate) kind: TargetKind,
}

/// How a call came to its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetKind {
    /// The path is the call's own.
    Exact,
    /// The path is an ancestor that holds the same (caller, callee) pair.
    Folded,
    /// There was no room for the call's own path.
    Truncated,
}

pub(crate) struct PathTree {
    limits: Limits,
    chunks: Box<[OnceBox<[Node; CHUNK]>]>,
    len: AtomicU32,
    index: EdgeIndex,
    insert: Mutex<()>,
    pub(crate) recorded: Recorded,
}

impl PathTree {
    pub(crate) fn new(limits: Limits) -> Self {
        let limits = Limits { paths: limits.paths.clamp(1, Limits::MAX_PATHS), ..limits };
        let most = 2 * limits.paths as usize + CHUNK;
        let tree = Self {
            limits,
            chunks: (0..most.div_ceil(CHUNK)).map(|_| OnceBox::new()).collect(),
            len: AtomicU32::new(0),
            index: EdgeIndex::new(),
            insert: Mutex::new(()),
            recorded: Recorded::default(),
        };
        let root = tree.push(NO_PATH, NO_SITE);
        debug_assert_eq!(root, Some(ROOT));
        tree
    }

    /// Paths so far; every id below is complete.
    pub(crate) fn len(&self) -> u32 {
        self.len.load(Ordering::Acquire)
    }

    pub(crate) fn parent(&self, path: PathIndex) -> PathIndex {
        self.node(path).parent.load(Ordering::Relaxed)
    }

    pub(crate) fn site(&self, path: PathIndex) -> SiteId {
        self.node(path).site.load(Ordering::Relaxed)
    }

    /// [`ROOT`] or the private root that `path` hangs from.
    pub(crate) fn top(&self, path: PathIndex) -> PathIndex {
        self.node(path).top.load(Ordering::Relaxed)
    }

    /// The path of a call of `site` from `from`; added if it is new and there is room.
    pub(crate) fn resolve(&self, from: PathIndex, site: SiteId) -> Target {
        if let Some(path) = self.child(from, site) {
            return Target { path, kind: TargetKind::Exact };
        }
        if self.site(from) == TRUNCATED {
            return Target { path: from, kind: TargetKind::Truncated };
        }
        if self.depth(from) >= self.limits.depth
            && let Some(path) = self.fold(from, site)
        {
            return Target { path, kind: TargetKind::Folded };
        }
        let _inserting = self.insert.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(path) = self.child(from, site) {
            return Target { path, kind: TargetKind::Exact };
        }
        if self.len() < self.limits.paths
            && let Some(path) = self.push(from, site)
        {
            return Target { path, kind: TargetKind::Exact };
        }
        // One `[truncated]` under each parent; when even those are used up, the caller keeps the time.
        let path = self.child(from, TRUNCATED).or_else(|| self.push(from, TRUNCATED)).unwrap_or(from);
        Target { path, kind: TargetKind::Truncated }
    }

    /// A private root for a per-call report; `None` when the tree is full.
    pub(crate) fn private_root(&self) -> Option<PathIndex> {
        let _inserting = self.insert.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.len() < self.limits.paths { self.push(NO_PATH, NO_SITE) } else { None }
    }

    pub(crate) fn child(&self, parent: PathIndex, site: SiteId) -> Option<PathIndex> {
        self.index.find(parent, site, |id| self.parent(id) == parent && self.site(id) == site)
    }

    /// All paths so far: id, parent, site. None is added meanwhile.
    #[cfg(all(feature = "recorder", unix))]
    pub(crate) fn each(&self, mut f: impl FnMut(PathIndex, PathIndex, SiteId)) {
        let _inserting = self.insert.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        (0..self.len()).for_each(|path| f(path, self.parent(path), self.site(path)));
    }

    fn depth(&self, path: PathIndex) -> u32 {
        self.node(path).depth.load(Ordering::Relaxed)
    }

    /// What is known of a path; for a number that is no path's, [`NOBODY`].
    fn node(&self, path: PathIndex) -> &Node {
        let chunk = self.chunks.get(path as usize / CHUNK).and_then(OnceBox::get);
        chunk.map_or(&NOBODY, |chunk| &chunk[path as usize % CHUNK])
    }

    /// The ancestor (or `from` itself) into which a call of `site` folds without changing any number of
    /// pstats: it holds the same (caller, callee) pair, and everything between it and `from` occurs above
    /// it too, so that no function or pair loses or gains inclusive time.
    fn fold(&self, from: PathIndex, site: SiteId) -> Option<PathIndex> {
        let lowest = self.node(from).novel_depth.load(Ordering::Relaxed);
        let caller = self.site(from);
        self.ancestors(from)
            .take_while(|&path| self.depth(path) >= lowest)
            .find(|&path| self.site(path) == site && self.site(self.parent(path)) == caller)
    }

    /// `path` and everything above it, without the roots.
    fn ancestors(&self, path: PathIndex) -> impl Iterator<Item = PathIndex> {
        std::iter::successors(Some(path), |&p| Some(self.parent(p)))
            .take_while(|&p| self.parent(p) != NO_PATH)
    }

    /// Adds a path. The caller holds `insert` (or is the only one that knows the tree).
    fn push(&self, parent: PathIndex, site: SiteId) -> Option<PathIndex> {
        let id = self.len.load(Ordering::Relaxed);
        let chunk = self.chunks.get(id as usize / CHUNK)?;
        let node =
            &chunk.get_or_init(|| Box::new(std::array::from_fn(|_| Node::default())))[id as usize % CHUNK];
        node.parent.store(parent, Ordering::Relaxed);
        node.site.store(site, Ordering::Relaxed);
        if parent == NO_PATH {
            node.top.store(id, Ordering::Relaxed);
        } else {
            let caller = self.site(parent);
            let depth = self.depth(parent) + 1;
            let known =
                self.ancestors(parent).any(|p| self.site(p) == site && self.site(self.parent(p)) == caller);
            let novel = if known { self.node(parent).novel_depth.load(Ordering::Relaxed) } else { depth };
            node.depth.store(depth, Ordering::Relaxed);
            node.novel_depth.store(novel, Ordering::Relaxed);
            node.top.store(self.top(parent), Ordering::Relaxed);
        }
        self.recorded.path_added(id, parent, site);
        if parent != NO_PATH {
            self.index.add(parent, site, id)?;
        }
        self.len.store(id + 1, Ordering::Release);
        Some(id)
    }
}

/// Which path is that of a call of a site from a path. Append-only; found without a lock.
///
/// Tables of 1,024, 2,048, .. slots, each begun when those before it are half full, so that nothing is ever
/// moved and a small tree has a small index. A search looks into each, the largest first: there it finds
/// half of all paths at once.
struct EdgeIndex {
    /// Open addressing: slots hold ids, 0 is empty (the root is never looked up).
    tables: [OnceBox<Box<[AtomicU32]>>; Self::TABLES],
}

impl EdgeIndex {
    const FIRST: usize = 1024;
    /// With the last one there are more slots than twice the paths there can be.
    const TABLES: usize = 9;

    fn new() -> Self {
        Self { tables: [const { OnceBox::new() }; Self::TABLES] }
    }

    fn find(&self, parent: PathIndex, site: SiteId, is: impl Fn(PathIndex) -> bool) -> Option<PathIndex> {
        let hash = hash(parent, site);
        self.tables.iter().rev().filter_map(OnceBox::get).find_map(|slots| {
            let ids = Self::walk(slots, hash).map(|slot| slot.load(Ordering::Acquire));
            ids.take_while(|&id| id != 0).find(|&id| is(id))
        })
    }

    /// Adds a path that is not there yet. One caller at a time, with ids in ascending order.
    fn add(&self, parent: PathIndex, site: SiteId, id: PathIndex) -> Option<()> {
        // Ids fill the tables to one half: the first takes 512, the second 1,024, ..
        let table = (id as usize / (Self::FIRST / 2) + 1).ilog2() as usize;
        let slots = self.tables.get(table)?.get_or_init(|| {
            let slots: Box<[AtomicU32]> = (0..Self::FIRST << table).map(|_| AtomicU32::new(0)).collect();
            Box::new(slots)
        });
        let free = Self::walk(slots, hash(parent, site)).find(|slot| slot.load(Ordering::Relaxed) == 0)?;
        free.store(id, Ordering::Release);
        Some(())
    }

    /// All slots of a table, from where the search begins.
    fn walk(slots: &[AtomicU32], hash: u64) -> impl Iterator<Item = &AtomicU32> {
        let (before, from) = slots.split_at((hash >> 32) as usize & (slots.len() - 1));
        from.iter().chain(before)
    }
}

fn hash(parent: PathIndex, site: SiteId) -> u64 {
    let key = (u64::from(parent) << 32) | u64::from(site);
    (key ^ (key >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_again_and_a_full_tree_truncates_under_the_same_parent() {
        let tree = PathTree::new(Limits { depth: 10, paths: 3 });
        let a = tree.resolve(ROOT, 10);
        let b = tree.resolve(a.path, 11);
        assert_eq!(tree.resolve(ROOT, 10), a);
        assert_eq!((a.kind, b.kind), (TargetKind::Exact, TargetKind::Exact));
        let c = tree.resolve(b.path, 12);
        assert_eq!(
            (c.kind, tree.site(c.path), tree.parent(c.path)),
            (TargetKind::Truncated, TRUNCATED, b.path)
        );
        assert_eq!(tree.resolve(b.path, 13), c);
        assert_eq!(tree.resolve(c.path, 14), c);
    }

    #[test]
    fn every_path_of_a_full_tree_is_found_and_a_small_tree_has_a_small_index() {
        let tree = PathTree::new(Limits { depth: 10, paths: Limits::MAX_PATHS });
        let mut paths = vec![ROOT];
        for n in 0..u32::MAX {
            let target = tree.resolve(paths[n as usize / 7], 10 + n % 7);
            if target.kind == TargetKind::Truncated {
                break;
            }
            paths.push(target.path);
            if n == 100 {
                assert_eq!(tree.index.tables.iter().filter(|table| table.get().is_some()).count(), 1);
            }
        }
        assert_eq!(paths.len(), Limits::MAX_PATHS as usize);
        // Each gets its `[truncated]` as well: more do not fit in.
        for (n, &path) in paths.iter().enumerate() {
            assert_eq!(tree.resolve(path, 1_000).kind, TargetKind::Truncated);
            let (parent, site) = (paths[n.saturating_sub(1) / 7], 10 + (n.wrapping_sub(1) % 7) as u32);
            assert!(n == 0 || tree.child(parent, site) == Some(path), "{n}");
        }
        assert_eq!(tree.len(), 2 * Limits::MAX_PATHS);
    }

    #[test]
    fn direct_recursion_folds_at_the_limit_and_mutual_recursion_only_where_nothing_is_lost() {
        let tree = PathTree::new(Limits { depth: 4, paths: 1000 });
        let mut path = ROOT;
        for _ in 0..50 {
            path = tree.resolve(path, 10).path;
        }
        assert_eq!(tree.depth(path), 4);
        // a -> b -> a -> b ..: the pairs (root, a), (a, b), (b, a) are all known at depth 3.
        let (mut path, mut deepest) = (ROOT, 0);
        for i in 0..50 {
            path = tree.resolve(path, 20 + i % 2).path;
            deepest = deepest.max(tree.depth(path));
        }
        assert!(deepest <= 6, "{deepest}");
    }
}
