//! What a stack of a heap snapshot is made of: modules, addresses in them, and what those are called.

use crate::profile::Label;

/// A file of machine code that was loaded in the process: the program itself, or a library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Path of the file, as the process saw it.
    pub path: String,
    /// The linker's id of the file, in hexadecimal; empty where it has none.
    pub build_id: String,
}

/// Index of a [`Frame`] in its snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(pub u32);

/// A place in machine code, within the call instruction (the return address less one).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Index of the module; `None` when the address is in none.
    pub module: Option<u32>,
    /// Address as in the module's own file (its symbols and debug information); within no module, as in the process.
    pub address: u64,
    /// What stands there: the innermost inlined function first, then those that it was inlined into. Empty while
    /// not named, or when nothing is known.
    pub sources: Vec<Source>,
}

/// One function at one line of source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Source {
    /// Name in the debug information, generic arguments included: `push<app::Order, alloc::alloc::Global>`; the
    /// demangled symbol where there is no debug information.
    pub function: String,
    /// Demangled linkage name, with the module path: `<alloc::vec::Vec<T,A>>::push`. Empty where there is none.
    pub symbol: String,
    /// Source file as the compiler was given it; empty where not known.
    pub file: String,
    /// Line, from 1; 0 where not known.
    pub line: u32,
}

/// One node of the tree of `#[profile_cost]` call paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPath {
    /// Index of the caller's path, always smaller than the path's own; `None` for a root.
    pub parent: Option<u32>,
    /// The function called.
    pub label: Label,
}
