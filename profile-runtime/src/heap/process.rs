//! What the operating system says of the process's memory, beside what was tracked.

/// Memory of the process at the moment of a snapshot, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessMemory {
    /// Tracked: allocated since recording began, and not freed.
    pub live_bytes: u64,
    /// Blocks of them.
    pub live_blocks: u64,
    /// The most that `live_bytes` was since recording began (or the last reset of the peak).
    pub peak_bytes: u64,
    /// The profiler's own tables, not part of `live_bytes`.
    pub profiler_bytes: u64,
    /// Resident set of the process; `None` where the system does not say.
    pub rss_bytes: Option<u64>,
    /// Memory limit of the process's cgroup; `None` without one.
    pub cgroup_limit: Option<u64>,
    /// Memory charged to the cgroup, page cache included.
    pub cgroup_used: Option<u64>,
}
