//! One self-contained page.

use std::io::{self, Write};

use crate::profile::Profile;

impl Profile {
    /// Writes one self-contained page.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_html<W: Write>(&self, _writer: W) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
