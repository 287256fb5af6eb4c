//! A snapshot named by a child of the process.

use std::io::{self, Write};
use std::time::Duration;

#[cfg(target_os = "linux")]
use crate::heap::format::Format;
#[cfg(target_os = "linux")]
use crate::heap::load::LoadError;
use crate::heap::snapshot::Snapshot;

/// How long a child may take. A pod with a tenth of a processor names a large program in half of it.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

impl Snapshot {
    /// Names the addresses of a snapshot of this process, in a child: the program is started once more, reads the debug
    /// information, answers and ends before its `main`. The memory that takes is the child's, which the kernel ends
    /// first when there is none left. The names themselves stay here.
    ///
    /// Linux only; takes some tenths of a second, at most a minute.
    ///
    /// # Errors
    /// When no child can be started, it ends or does not answer in time, or nothing could be named. The snapshot is as it
    /// was then.
    pub fn name(&mut self) -> io::Result<()> {
        self.name_by_child("1", LIMIT)
    }

    /// Has a child name the snapshot and write what is asked for. Here there is never more of it than a piece.
    ///
    /// A [`Format`](super::super::Format) is asked for by its name: `text`, `json`, `folded`, `svg`, `pprof`, `dhat`, or
    /// `dump` for the named snapshot itself. Rows as of [`Snapshot::write_statistics`] are asked for by the name of their
    /// [`KeyType`](super::super::KeyType), after which `cumulative` and the number of rows may stand (10 without, 0 for
    /// all): `lineno`, `type 25`, `function cumulative 0`.
    ///
    /// # Errors
    /// Those of [`Snapshot::name`] and of the writer; [`io::ErrorKind::Other`] when what is asked for does not exist. What
    /// was written before is cut short.
    pub fn in_child(&self, request: &str, out: &mut dyn Write) -> io::Result<()> {
        in_such_child(&[self], request, "1", LIMIT, out)
    }

    /// Has a child name this snapshot and an older one of this process, and write what changed: `text` for
    /// [`Snapshot::write_growth`], `svg` for the flamegraph of the difference, or the name of a key, as of
    /// [`Snapshot::in_child`], for the rows of [`Snapshot::write_comparison`].
    ///
    /// # Errors
    /// Those of [`Snapshot::in_child`].
    pub fn compare_in_child(&self, old: &Snapshot, request: &str, out: &mut dyn Write) -> io::Result<()> {
        in_such_child(&[self, old], request, "1", LIMIT, out)
    }
}

#[cfg(target_os = "linux")]
impl Snapshot {
    pub(crate) fn name_by_child(&mut self, behaviour: &str, limit: Duration) -> io::Result<()> {
        let named = super::parent::ask(&[self], Format::Dump.name(), behaviour, limit, |answer| {
            Self::read_dump(&mut io::BufReader::new(answer)).map_err(|error| match error {
                LoadError::Io(error) => error,
                other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
            })
        })?;
        if named.frames.len() != self.frames.len() || named.traces.len() != self.traces.len() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the child answered for another snapshot; use `name_here`",
            ));
        }
        for (trace, named) in self.traces.iter_mut().zip(named.traces) {
            trace.type_id = named.type_id;
        }
        (self.frames, self.types, self.named) = (named.frames, named.types, named.named);
        Ok(())
    }
}

#[cfg(target_os = "linux")]
pub(crate) fn in_such_child(
    snapshots: &[&Snapshot],
    request: &str,
    behaviour: &str,
    limit: Duration,
    out: &mut dyn Write,
) -> io::Result<()> {
    super::parent::ask(snapshots, request, behaviour, limit, |answer| io::copy(answer, out).map(|_| ()))
}

#[cfg(not(target_os = "linux"))]
impl Snapshot {
    pub(crate) fn name_by_child(&mut self, _: &str, _: Duration) -> io::Result<()> {
        Err(unsupported())
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn in_such_child(
    _: &[&Snapshot],
    _: &str,
    _: &str,
    _: Duration,
    _: &mut dyn Write,
) -> io::Result<()> {
    Err(unsupported())
}

#[cfg(not(target_os = "linux"))]
fn unsupported() -> io::Error {
    let remedy = "a child that names snapshots can be started on Linux only; use `name_here`";
    io::Error::new(io::ErrorKind::Unsupported, remedy)
}
