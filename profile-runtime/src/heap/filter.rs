//! Which traces of a snapshot count: tracemalloc's filters.

/// Placeholder of the scaffold.
#[derive(Clone, Debug)]
pub struct Filter {}
