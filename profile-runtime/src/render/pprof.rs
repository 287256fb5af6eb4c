//! pprof's protocol buffer, gzipped.

use std::io::{self, Write};

use crate::profile::Profile;

impl Profile {
    /// Writes pprof's format.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_pprof<W: Write>(&self, _writer: W) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
