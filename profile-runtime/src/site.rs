//! A function that can be profiled: one static per annotation, and the registry that numbers them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::profile::Label;

/// Where a measured function stands. Lives in a `static`, one for each annotation.
#[derive(Debug)]
pub struct Site {
    /// 0 until the first call registers the site.
    id: AtomicU32,
    name: &'static str,
    file: &'static str,
    line: u32,
    exact: bool,
}

/// Number of a registered site; an index into the registry.
pub(crate) type SiteId = u32;

/// Not a function: the frame above all roots.
pub(crate) const NO_SITE: SiteId = 0;
/// Takes the calls for which there was no room in the tree.
pub(crate) const TRUNCATED: SiteId = 1;

static REGISTRY: Mutex<Vec<Label>> = Mutex::new(Vec::new());

impl Site {
    /// `name` is the function's own name; with `exact` it is the whole label (`name = ".."`, `scope!`),
    /// else the type or trait it belongs to is put before it at the first call.
    pub const fn new(name: &'static str, file: &'static str, line: u32, exact: bool) -> Self {
        Self { id: AtomicU32::new(NO_SITE), name, file, line, exact }
    }

    /// The site's number; [`NO_SITE`] before [`Site::register`].
    #[inline(always)]
    pub(crate) fn id(&self) -> SiteId {
        self.id.load(Ordering::Relaxed)
    }

    /// Numbers the site. `type_name` is that of a closure made in the function.
    pub(crate) fn register(&self, type_name: &str) -> SiteId {
        let mut registry = lock();
        // Another thread may have come first while this one waited.
        let known = self.id.load(Ordering::Relaxed);
        if known != NO_SITE {
            return known;
        }
        let mut label = self.label(type_name);
        if !self.exact && registry.contains(&label) {
            // Two functions of one macro's line: told apart by their modules, never merged.
            label.name = crate::label_name::qualify(type_name, self.name);
        }
        let id = push(&mut registry, label);
        self.id.store(id, Ordering::Relaxed);
        id
    }

    /// What the site is called in reports.
    pub(crate) fn label(&self, type_name: &str) -> Label {
        let name =
            if self.exact { self.name.to_owned() } else { crate::label_name::shorten(type_name, self.name) };
        Label::new(self.file, self.line, name)
    }
}

/// Numbers a function that has no static of its own (the testing engine's).
#[cfg(feature = "testing")]
pub(crate) fn register_label(label: Label) -> SiteId {
    push(&mut lock(), label)
}

/// The labels of all sites so far, indexed by [`SiteId`].
pub(crate) fn labels() -> Vec<Label> {
    let registry = lock();
    if registry.is_empty() { reserved() } else { registry.clone() }
}

/// The label of one site.
#[cfg(all(feature = "recorder", unix))]
pub(crate) fn label(id: SiteId) -> Option<Label> {
    let registry = lock();
    if registry.is_empty() {
        reserved().get(id as usize).cloned()
    } else {
        registry.get(id as usize).cloned()
    }
}

fn lock() -> std::sync::MutexGuard<'static, Vec<Label>> {
    REGISTRY.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn reserved() -> Vec<Label> {
    vec![Label::new("~", 0, "[root]"), Label::new("~", 0, "[truncated]")]
}

fn push(registry: &mut Vec<Label>, label: Label) -> SiteId {
    if registry.is_empty() {
        *registry = reserved();
    }
    registry.push(label);
    registry.len() as SiteId - 1
}
