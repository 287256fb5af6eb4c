//! What a service allows to be asked of it.

use std::time::Duration;

/// Who may ask, and how much. The defaults are for a loopback address.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Requests must carry `Authorization: Bearer TOKEN`. `None` by default: then only [`Options::hosts`] protects.
    pub token: Option<String>,
    /// Values of the header `Host` that are answered, without port. Loopback names always are, so that
    /// port-forwarding works; others have to be named here, or a page on any site could have its own name point to
    /// this address (DNS rebinding). With a token set and no hosts named, any host is answered: a page elsewhere does
    /// not know the token.
    pub hosts: Vec<String>,
    /// The longest `seconds=` of a timed capture. 60 s by default.
    pub longest_capture: Duration,
    /// The least time between two snapshots of the heap. 1 s by default.
    pub snapshot_interval: Duration,
    /// Snapshots of the heap kept to be compared; older ones go. 4 by default.
    pub kept_snapshots: usize,
    /// Series by function in `metrics`; what is beyond is summed under `[other]`. 200 by default.
    pub metrics_functions: usize,
    /// Answer `/debug/pprof/cmdline`. Off by default: command lines hold passwords.
    pub cmdline: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: None,
            hosts: Vec::new(),
            longest_capture: Duration::from_secs(60),
            snapshot_interval: Duration::from_secs(1),
            kept_snapshots: 4,
            metrics_functions: 200,
            cmdline: false,
        }
    }
}
