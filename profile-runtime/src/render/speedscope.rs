//! speedscope's JSON.

use std::io::{self, Write};

use crate::profile::Profile;

impl Profile {
    /// Writes speedscope's format.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_speedscope<W: Write>(&self, _writer: W) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
