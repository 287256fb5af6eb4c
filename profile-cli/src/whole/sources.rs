//! The runtime's sources, as they were when this tool was built.

include!(concat!(env!("OUT_DIR"), "/runtime_sources.rs"));

/// Names in the package's folder, and texts.
pub(super) fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().copied()
}
