//! Names for the addresses of a snapshot: in a child process, offline, or here when asked.
