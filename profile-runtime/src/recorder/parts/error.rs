//! Why a file cannot be read.

use std::fmt;
use std::io;

use super::super::layout;

/// Why a file cannot be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be opened or read.
    Io(io::Error),
    /// It is something else: name a file that a flight recorder wrote.
    NotAFlight,
    /// Written by another version of profile-cost: read it with that one.
    Version(u32),
    /// Written on a machine of another byte order: read it on one like that.
    ByteOrder,
    /// Its header is damaged or cut off, so that nothing in it can be told.
    Header(String),
    /// There is no such file in the folder: name another.
    Empty,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::NotAFlight => f.write_str("not a flight recorder's file; those end with .flight"),
            Self::Version(version) => write!(
                f,
                "written in version {version} of the format, and this reads version {}; use the profile-cost that wrote it",
                layout::VERSION
            ),
            Self::ByteOrder => {
                f.write_str("written on a machine of another byte order; read it on one like that")
            }
            Self::Header(what) => write!(f, "{what}; nothing in it can be told"),
            Self::Empty => f.write_str("no file of a flight recorder (*.flight) in that folder"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}
