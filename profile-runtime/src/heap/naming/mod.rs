//! Names for the addresses of a snapshot: in a child process, offline, or here when asked.

mod entry_names;
mod file;
mod lines;
mod scopes;
mod snapshot;
mod symbol_table;
mod symbols;

pub use snapshot::Unnamed;
