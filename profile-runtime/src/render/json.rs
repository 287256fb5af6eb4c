//! The native form: JSON that loses nothing.

use std::io::{self, Write};

use crate::profile::Profile;

impl Profile {
    /// Writes the native JSON form.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_json<W: Write>(&self, _writer: W) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
