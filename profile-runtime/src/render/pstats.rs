//! What cProfile dumps: one marshalled dict, byte for byte `marshal.dumps(stats, 2)`.
//!
//! Every Python since 2.5 reads version 2, which has no references.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::profile::{Label, Profile};
use crate::stats::dump::placeholder;
use crate::stats::{EdgeStats, FunctionStats, Stats};

impl Profile {
    /// Writes what cProfile would dump, for pstats and the tools that read it.
    ///
    /// As [`Stats::write_dump`]. Beyond that, where every function has a caller (recursion without anything
    /// around it), those called from outside get `{root}` for one, which was called 0 times: the tools that draw
    /// calls begin at a function without callers.
    ///
    /// # Errors
    /// Those of the writer, and [`io::ErrorKind::InvalidInput`] for a name of 2 GiB or more.
    pub fn write_pstats<W: Write>(&self, writer: W) -> io::Result<()> {
        let stats = Stats::new(self);
        let mut stats = stats.called_only().unwrap_or(stats);
        stats.add_root();
        stats.write_dump(writer)
    }
}

impl Stats {
    /// Writes the statistics as pstats' `dump_stats` does, in the order of first call, with what
    /// [`Stats::strip_dirs`] and [`Stats::add`] made of them. Times are in seconds. Await time is part of them; what
    /// else pstats has no column for is left out.
    ///
    /// Empty statistics are written as one function `{nothing recorded}` that was called 0 times, since Python's
    /// pstats loads no empty dump; [`Stats::read_dump`] leaves it out again. Callers that are no functions
    /// of their own are written as functions that were called 0 times.
    ///
    /// # Errors
    /// Those of the writer, and [`io::ErrorKind::InvalidInput`] for a name of 2 GiB or more.
    pub fn write_dump<W: Write>(&self, writer: W) -> io::Result<()> {
        if let Some(called) = self.called_only() {
            return called.write_dump(writer);
        }
        let mut out = Marshal { writer: BufWriter::new(writer) };
        out.code(b'{')?;
        for (id, function) in self.entries() {
            out.label(self.label(id))?;
            out.function(function)?;
            for (caller, edge) in function.callers() {
                out.label(self.label(caller))?;
                out.edge(edge)?;
            }
            out.code(b'0')?;
        }
        for caller in self.callers_alone() {
            out.label(self.label(caller))?;
            out.function(&FunctionStats::default())?;
            out.code(b'0')?;
        }
        if self.is_empty() {
            out.label(&placeholder())?;
            out.function(&FunctionStats::default())?;
            out.code(b'0')?;
        }
        out.code(b'0')?;
        out.writer.flush()
    }

    /// Writes the statistics to a file, whole or not at all: pstats' `dump_stats`.
    ///
    /// # Errors
    /// As [`Stats::write_dump`], and those of the file system.
    pub fn dump_stats(&self, path: impl AsRef<Path>) -> io::Result<()> {
        crate::format::write_file(path.as_ref(), |writer| self.write_dump(writer))
    }
}

/// Marshal's version 2, as far as statistics need it.
struct Marshal<W: Write> {
    writer: BufWriter<W>,
}

impl<W: Write> Marshal<W> {
    fn code(&mut self, code: u8) -> io::Result<()> {
        self.writer.write_all(&[code])
    }

    /// A code and four bytes: a small number, or how many objects or bytes follow.
    fn small(&mut self, code: u8, number: i32) -> io::Result<()> {
        self.code(code)?;
        self.writer.write_all(&number.to_le_bytes())
    }

    fn whole(&mut self, number: u64) -> io::Result<()> {
        if let Ok(small) = i32::try_from(number) {
            return self.small(b'i', small);
        }
        // Digits of 15 bits, the lowest first.
        let digits = (64 - number.leading_zeros()).div_ceil(15);
        self.small(b'l', digits as i32)?;
        for digit in 0..digits {
            self.writer.write_all(&((number >> (15 * digit)) as u16 & 0x7fff).to_le_bytes())?;
        }
        Ok(())
    }

    fn seconds(&mut self, seconds: f64) -> io::Result<()> {
        self.code(b'g')?;
        self.writer.write_all(&seconds.to_le_bytes())
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        let length = i32::try_from(text.len()).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "a name of 2 GiB or more has no place in a pstats dump",
            )
        })?;
        self.small(b'u', length)?;
        self.writer.write_all(text.as_bytes())
    }

    fn label(&mut self, label: &Label) -> io::Result<()> {
        self.small(b'(', 3)?;
        self.text(&label.file)?;
        self.whole(label.line.into())?;
        self.text(&label.name)
    }

    /// `(cc, nc, tt, ct, {`; callers follow.
    fn function(&mut self, function: &FunctionStats) -> io::Result<()> {
        let FunctionStats { calls, primitive_calls, tottime, cumtime, .. } = *function;
        self.small(b'(', 5)?;
        self.whole(primitive_calls)?;
        self.whole(calls)?;
        // Python's `profile` begins each sum with the whole number 0, which stays in what was never called.
        if calls == 0 && tottime.to_bits() == 0 && cumtime.to_bits() == 0 {
            self.whole(0)?;
            self.whole(0)?;
        } else {
            self.seconds(tottime)?;
            self.seconds(cumtime)?;
        }
        self.code(b'{')
    }

    /// `(nc, cc, tt, ct)`
    fn edge(&mut self, edge: &EdgeStats) -> io::Result<()> {
        if edge.calls_only {
            return self.whole(edge.calls);
        }
        self.small(b'(', 4)?;
        self.whole(edge.calls)?;
        self.whole(edge.primitive_calls)?;
        self.seconds(edge.tottime)?;
        self.seconds(edge.cumtime)
    }
}
