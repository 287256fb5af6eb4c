//! The files of machine code that are loaded in this process.

/// A loaded file of machine code.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoadedModule {
    /// Path of the file.
    pub(crate) path: String,
    /// The linker's id of it.
    pub(crate) build_id: Vec<u8>,
    /// Addresses of its segments in the process: from the first to past the last.
    pub(crate) range: std::ops::Range<usize>,
    /// What its own addresses are shifted by in the process.
    pub(crate) bias: usize,
    /// Where its `.eh_frame_hdr` is in the process, and how many bytes; 0 without one.
    pub(crate) eh_frame_hdr: (usize, usize),
}

/// Those loaded now, the program itself first.
pub(crate) fn loaded() -> Vec<LoadedModule> {
    Vec::new()
}
