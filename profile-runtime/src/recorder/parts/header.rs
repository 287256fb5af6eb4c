//! The header of a file, read without trust.

use super::super::layout::{self, checksum, header};
use super::error::ReadError;
use super::numbers::{long, short, word};

/// What does not change.
#[derive(Debug, Default)]
pub(in super::super) struct Header {
    pub(in super::super) pid: u32,
    pub(in super::super) cap: u64,
    /// Nanoseconds since 1970.
    pub(in super::super) started: u64,
    pub(in super::super) start_tick: u64,
    pub(in super::super) program: String,
    pub(in super::super) build_id: String,
    pub(in super::super) host: String,
    /// See `counters::OFFSETS` and `ASYNC_OFFSETS`.
    pub(super) counters: [usize; 12],
    pub(super) asyncs: [usize; 9],
}

/// Where in counters what is; the first is their size.
fn offsets<const N: usize>(bytes: &[u8], at: usize) -> Result<[usize; N], ReadError> {
    let offsets: [usize; N] = std::array::from_fn(|n| short(bytes, at + 2 * n));
    let size = offsets[0];
    let is_sound = size.is_multiple_of(64)
        && (64..=1024).contains(&size)
        && offsets[1..].iter().all(|offset| offset + 8 <= size || offset + 4 == size);
    let damaged = || ReadError::Header("its header says of counters what cannot be".to_owned());
    is_sound.then_some(offsets).ok_or_else(damaged)
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        if !bytes.starts_with(layout::MAGIC) {
            return Err(ReadError::NotAFlight);
        }
        if bytes.len() < layout::HEADER {
            return Err(ReadError::Header(format!("cut off after {} bytes, in its header", bytes.len())));
        }
        if word(bytes, header::ORDER) == layout::ORDER.swap_bytes() {
            return Err(ReadError::ByteOrder);
        }
        let version = word(bytes, header::VERSION);
        if version != layout::VERSION {
            return Err(ReadError::Version(version));
        }
        let check = bytes.get(..header::CHECK).map(checksum);
        if check != Some(word(bytes, header::CHECK)) {
            return Err(ReadError::Header("its header is damaged: the checksum is another".to_owned()));
        }
        let text = |at: usize| {
            let length = short(bytes, at).min(header::TEXT);
            String::from_utf8_lossy(bytes.get(at + 2..at + 2 + length).unwrap_or_default()).into_owned()
        };
        Ok(Self {
            pid: word(bytes, header::PID),
            cap: long(bytes, header::CAP),
            started: long(bytes, header::STARTED),
            start_tick: long(bytes, header::START_TICK),
            program: text(header::PROGRAM),
            build_id: text(header::BUILD_ID),
            host: text(header::HOST),
            counters: offsets(bytes, header::COUNTERS)?,
            asyncs: offsets(bytes, header::ASYNCS)?,
        })
    }
}
