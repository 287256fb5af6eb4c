//! A function that can be profiled: one static per annotation.

/// Where a measured function stands. Lives in a `static`, one for each annotation.
#[derive(Debug)]
pub struct Site {
    pub(crate) name: &'static str,
    pub(crate) file: &'static str,
    pub(crate) line: u32,
}

impl Site {
    /// `name` is the function's own name; with `exact` it is the whole label (`name = ".."`, `scope!`),
    /// else the type or trait it belongs to is put before it at the first call.
    pub const fn new(name: &'static str, file: &'static str, line: u32, _exact: bool) -> Self {
        Self { name, file, line }
    }
}
