//! Renderers of heap snapshots: one file a format.
