//! What of a snapshot's blocks is counted.

/// Which blocks are counted and summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Those not freed.
    #[default]
    Live,
    /// All that were allocated.
    Allocated,
    /// Those that were live at the peak.
    Peak,
    /// Those that were freed soon after.
    Temporary,
    /// Bytes that `realloc` copied; of a sample, only what the sampled blocks copied.
    Copied,
}
