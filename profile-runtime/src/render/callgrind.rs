//! Callgrind's format: call counts of every edge.

use std::io::{self, Write};

use crate::profile::Profile;

impl Profile {
    /// Writes callgrind's format.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_callgrind<W: Write>(&self, _writer: W) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
