//! Names for the addresses of a snapshot: in a child process, offline, or here when asked.

#[cfg(feature = "http")]
mod cache;
#[cfg(target_os = "linux")]
mod child;
mod entry_names;
mod file;
mod lines;
#[cfg(target_os = "linux")]
mod parent;
#[cfg(target_os = "linux")]
mod protocol;
mod remote;
#[cfg(target_os = "linux")]
mod request;
mod scopes;
mod snapshot;
mod symbol_table;
mod symbols;

#[cfg(feature = "http")]
pub(crate) use cache::NameCache;
pub use snapshot::Unnamed;
