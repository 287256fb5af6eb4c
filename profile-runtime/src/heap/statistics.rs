//! A snapshot grouped by line, file, stack, function, crate, call path, type or size.

/// What a snapshot is grouped by; the first three as in tracemalloc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// Source file and line of the innermost frame outside the standard library.
    Lineno,
    /// Source file of it.
    Filename,
    /// The whole stack.
    Traceback,
    /// Function of it.
    Function,
    /// Crate of it.
    Crate,
    /// The `#[profile_cost]` call path.
    CallPath,
    /// The type that owns the blocks.
    Type,
    /// [`super::SizeClass`] of the blocks.
    SizeClass,
}

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
}

/// Placeholder of the scaffold.
#[derive(Clone, Debug)]
pub struct Statistic {}
