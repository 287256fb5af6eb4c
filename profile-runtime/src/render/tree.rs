//! The call tree as lines `a;b;c`: what is too narrow or too deep to draw is folded upwards, so that no value
//! is lost. Nothing here recurses: trees may be a million levels deep.

use super::names::frame_names;
use crate::profile::Profile;

/// Frame for what lies below the deepest level that is written.
const DEEPER: &str = "[deeper]";
/// Frame for outermost calls too narrow to draw; there is no caller to fold them into.
const NARROWER: &str = "[narrower]";

/// How many levels, how many frames and what width.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Levels of calls; values below go to a frame `[deeper]`.
    pub(crate) depth: u32,
    /// The widest so many frames are kept.
    pub(crate) frames: usize,
    /// Frames narrower than this share of the whole are folded into their caller.
    pub(crate) min_share: f64,
}

/// In which order lines come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// As `LC_ALL=C sort` leaves them, which readers of folded files expect.
    Bytes,
    /// A path's own line, then all lines below it. NOTE: byte order would tear the frame `Orders` in two
    /// where `Orders::load` is its sibling, because `:` sorts before `;`.
    Nested,
}

/// A call tree ready to be written. `before` is empty but for differences.
#[derive(Debug)]
pub(crate) struct Tree {
    names: Vec<String>,
    nodes: Vec<Node>,
    roots: Vec<u32>,
    /// Sum of all values.
    pub(crate) total: u64,
    /// Paths folded into their callers because they were too narrow.
    pub(crate) narrow: usize,
    /// Paths folded into `[deeper]`.
    pub(crate) deep: usize,
    outside: Pair,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pair {
    before: u64,
    value: u64,
}

impl Pair {
    fn add(&mut self, other: Pair) {
        self.before = self.before.saturating_add(other.before);
        self.value = self.value.saturating_add(other.value);
    }
}

#[derive(Clone, Debug, Default)]
struct Node {
    name: u32,
    kept: bool,
    own: Pair,
    deeper: Pair,
    children: Vec<u32>,
}

/// One step of the walk.
enum Step<'a> {
    Line(&'a str, Pair),
    Below(&'a Node),
    /// Shorten the line to that many bytes.
    Back(usize),
}

impl Tree {
    /// `values[i]`, and `before[i]` unless it is empty, are the exclusive values of path `i`.
    pub(crate) fn new(profile: &Profile, before: &[u64], values: &[u64], limits: Limits) -> Self {
        Self::named(profile, frame_names(profile), before, values, limits)
    }

    /// As [`Tree::new`], with names for the functions.
    pub(crate) fn named(
        profile: &Profile,
        names: Vec<String>,
        before: &[u64],
        values: &[u64],
        limits: Limits,
    ) -> Self {
        let paths = profile.paths();
        let parent = |i: usize| paths[i].parent.map(|p| p.0 as usize);

        let mut wide = values.to_vec();
        for i in (0..paths.len()).rev() {
            if let Some(p) = parent(i) {
                wide[p] = wide[p].saturating_add(wide[i]);
            }
        }
        let total = values.iter().fold(0u64, |sum, v| sum.saturating_add(*v));
        let mut floor = ((total as f64 * limits.min_share).ceil() as u64).max(1);
        if paths.len() > limits.frames {
            // A caller is at least as wide as what it calls, so any floor keeps a tree.
            let mut sorted = wide.clone();
            let (_, nth, _) = sorted.select_nth_unstable_by(limits.frames, |a, b| b.cmp(a));
            floor = floor.max(nth.saturating_add(1));
        }

        let mut depths: Vec<u32> = Vec::with_capacity(paths.len());
        let mut nodes: Vec<Node> = Vec::with_capacity(paths.len());
        let (mut narrow, mut deep) = (0, 0);
        for (i, path) in paths.iter().enumerate() {
            let depth = parent(i).map_or(1, |p| depths[p].saturating_add(1));
            depths.push(depth);
            let (is_narrow, is_deep) = (wide[i] < floor, depth > limits.depth);
            narrow += usize::from(is_narrow && !is_deep && wide[i] > 0);
            deep += usize::from(is_deep);
            let own = Pair { before: before.get(i).copied().unwrap_or(0), value: values[i] };
            nodes.push(Node { name: path.function.0, kept: !is_narrow && !is_deep, own, ..Node::default() });
        }

        let mut roots = Vec::new();
        let mut outside = Pair::default();
        for i in (0..nodes.len()).rev() {
            let Node { kept, own, .. } = nodes[i];
            match parent(i) {
                None if kept => roots.push(i as u32),
                None => outside.add(own),
                Some(p) if kept => nodes[p].children.push(i as u32),
                Some(p) if depths[p] == limits.depth && nodes[p].kept => nodes[p].deeper.add(own),
                Some(p) => nodes[p].own.add(own),
            }
        }
        Self { names, nodes, roots, total, narrow, deep, outside }
    }

    /// Calls `each(stack, before, value)` for every stack with a value; stops at the first error.
    pub(crate) fn lines<E>(
        &self,
        order: Order,
        mut each: impl FnMut(&str, u64, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut stack = String::new();
        let mut steps = Vec::new();
        self.push_level(&mut steps, order, &self.roots, (NARROWER, self.outside));
        while let Some(step) = steps.pop() {
            let back = stack.len();
            match step {
                Step::Back(len) => stack.truncate(len),
                Step::Line(name, pair) => {
                    push_frame(&mut stack, name);
                    each(&stack, pair.before, pair.value)?;
                    stack.truncate(back);
                }
                Step::Below(node) => {
                    steps.push(Step::Back(back));
                    push_frame(&mut stack, &self.names[node.name as usize]);
                    self.push_level(&mut steps, order, &node.children, (DEEPER, node.deeper));
                }
            }
        }
        Ok(())
    }

    /// Pushes the lines of one level, last first.
    fn push_level<'a>(
        &'a self,
        steps: &mut Vec<Step<'a>>,
        order: Order,
        siblings: &[u32],
        rest: (&'a str, Pair),
    ) {
        let mut level: Vec<(String, Step<'a>)> = Vec::new();
        let mut push_line = |name: &'a str, pair: Pair| {
            if pair != Pair::default() {
                let key =
                    if order == Order::Bytes { format!("{name} {}", pair.value) } else { name.to_owned() };
                level.push((key, Step::Line(name, pair)));
            }
        };
        push_line(rest.0, rest.1);
        for &i in siblings {
            let node = &self.nodes[i as usize];
            push_line(&self.names[node.name as usize], node.own);
        }
        for &i in siblings {
            let node = &self.nodes[i as usize];
            if !node.children.is_empty() || node.deeper != Pair::default() {
                let end = if order == Order::Bytes { ";" } else { "" };
                level.push((format!("{}{end}", self.names[node.name as usize]), Step::Below(node)));
            }
        }
        // Stable: of equal keys, a path's own line stays before what is below it.
        level.sort_by(|a, b| a.0.cmp(&b.0));
        steps.extend(level.into_iter().rev().map(|(_, step)| step));
    }
}

fn push_frame(stack: &mut String, name: &str) {
    if !stack.is_empty() {
        stack.push(';');
    }
    stack.push_str(name);
}
