//! The file's format: where in it what stands. The one place that writer and reader share.
//!
//! ```text
//! header, 4 KiB   what does not change, with a checksum; then words that do (`Live`)
//! chunk, chunk .. 64 bytes of its own (`Chunk`), then what it holds; all at multiples of 64
//! ```
//!
//! Numbers are of the writer's byte order, which the header tells. Nothing in it is an address.

/// What a file begins with.
pub const MAGIC: &[u8; 20] = b"profile-cost flight\n";
/// Of the format. A reader refuses others.
pub(super) const VERSION: u32 = 1;
/// How the writer's processor writes this tells its byte order.
pub(super) const ORDER: u32 = 0x0102_0304;
/// Size of the header, and where the first chunk is.
pub(super) const HEADER: usize = 4096;
/// What chunks are aligned to, and the size of what each begins with.
pub(super) const CHUNK: usize = 64;
/// Stands at the beginning of each chunk.
const CHUNK_MAGIC: u32 = 0x6b6e_6863;

/// Where in the header what stands, bytes.
pub(super) mod header {
    pub(in super::super) const VERSION: usize = 20;
    pub(in super::super) const ORDER: usize = 24;
    pub(in super::super) const PID: usize = 28;
    /// The size that the file may grow to.
    pub(in super::super) const CAP: usize = 32;
    /// When recording began: nanoseconds since 1970, and the clock's tick.
    pub(in super::super) const STARTED: usize = 40;
    pub(in super::super) const START_TICK: usize = 48;
    /// Those of `counters::OFFSETS` and `counters::ASYNC_OFFSETS`, two bytes each.
    pub(in super::super) const COUNTERS: usize = 64;
    pub(in super::super) const ASYNCS: usize = 96;
    /// Texts: a length in two bytes, then so many bytes, at most [`TEXT`].
    pub(in super::super) const PROGRAM: usize = 128;
    pub(in super::super) const BUILD_ID: usize = 448;
    pub(in super::super) const HOST: usize = 768;
    pub(in super::super) const TEXT: usize = 318;
    /// The checksum of all before it.
    pub(in super::super) const CHECK: usize = 1088;
    /// Words of eight bytes that change: [`super::Live`].
    pub(in super::super) const LIVE: usize = 1152;
}

/// Words of the header that change, by number.
#[derive(Clone, Copy, Debug)]
#[repr(usize)]
pub(super) enum Live {
    /// Bytes of the file that hold chunks.
    Used,
    /// The last sign of life: tick, and nanoseconds since 1970.
    BeatTick,
    BeatTime,
    /// Nanoseconds in a tick, as the bits of an f64.
    NsPerTick,
    /// Chunks for which there was no room below the cap.
    Lost,
    /// Not the cap, but the file system had no room: the error's number.
    NoSpace,
    /// 1 when handlers at exit ran, and when.
    Exited,
    ExitTime,
    /// The last signal that ends programs: number and how many such came, the address it is about, when, on which thread.
    Signal,
    SignalAddress,
    SignalTime,
    SignalThread,
    Signals,
    /// Of the profile's notes.
    LateEvents,
    Threads,
    CostPerCall,
    CostInsideCall,
    CostPerUntimedCall,
    CostPerPoll,
    /// The most bytes that were tracked live at once.
    PeakBytes,
    /// How many rows of the time line were written.
    Rows,
    /// The limit of the resident set that the program was given; 0 without one.
    MemoryLimit,
    /// After how many calls those of a function may come to be only counted; 0 where none do.
    UntimedAfter,
}

/// How many there are.
pub(super) const LIVE_WORDS: usize = 32;

/// What a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Kind {
    /// Labels of functions, one after the other: see [`site`].
    Sites = 1,
    /// The tree: [`path`].
    Paths = 2,
    /// [`crate::counters::Counters`] of a block.
    Counters = 3,
    /// [`crate::counters::AsyncCounters`] of a block.
    Asyncs = 4,
    /// Counts of a histogram's buckets: few of them, or from the first on.
    SparseWindow = 5,
    DenseWindow = 6,
    /// Who counts, and where each was seen last: [`thread`].
    Threads = 7,
    /// A ring of rows: [`row`].
    TimeLine = 8,
    /// A ring of messages: [`event`].
    Events = 9,
    /// Where calls with a tree of their own were made from: pairs of paths.
    Captures = 10,
    /// A snapshot of the heap, as it is dumped.
    Heap = 11,
    /// The state of the heap's recording: words of [`heap`].
    HeapState = 12,
    /// What a thread has counted of the heap: [`tally`]s.
    HeapLines = 13,
    /// What threads have handed over, a tally for each record: the `ordinal`-th 1,024 of them.
    HeapTallies = 14,
    /// What else was counted on as many records: [`extra`]s.
    HeapExtras = 15,
    /// What records are of: [`heap_record`]s.
    HeapRecords = 16,
    /// The modules that are loaded, a line each: begin, end and bias in hexadecimal, build id, path.
    HeapModules = 17,
}

impl Kind {
    const ALL: [Self; 17] = [
        Self::Sites,
        Self::Paths,
        Self::Counters,
        Self::Asyncs,
        Self::SparseWindow,
        Self::DenseWindow,
        Self::Threads,
        Self::TimeLine,
        Self::Events,
        Self::Captures,
        Self::Heap,
        Self::HeapState,
        Self::HeapLines,
        Self::HeapTallies,
        Self::HeapExtras,
        Self::HeapRecords,
        Self::HeapModules,
    ];
}

/// In use.
pub(super) const LIVE_STATE: u32 = 1;
/// Where in a chunk's own bytes its state is, which is not part of the checksum.
pub(super) const STATE: usize = 56;

/// What a chunk begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) kind: Kind,
    /// 1 for copies of counters that are not in the file: they may be a second old.
    pub(super) flags: u16,
    /// Bytes that follow.
    pub(super) length: u32,
    /// The block whose it is; 0 for all.
    pub(super) owner: u32,
    /// The how manieth of the owner's; the first bucket of a window.
    pub(super) ordinal: u32,
    /// Of a window: the root and the function.
    pub(super) top: u32,
    pub(super) site: u32,
    /// Of two windows of one function the one with the higher number counts.
    pub(super) sequence: u64,
    /// Of a snapshot of the heap: bytes in use, and their checksum.
    pub(super) filled: u32,
    pub(super) check: u32,
    /// When it was written, nanoseconds since 1970.
    pub(super) time: u64,
}

impl Chunk {
    pub(super) fn new(kind: Kind, length: usize) -> Self {
        Self {
            kind,
            flags: 0,
            length: length as u32,
            owner: 0,
            ordinal: 0,
            top: 0,
            site: 0,
            sequence: 0,
            filled: 0,
            check: 0,
            time: 0,
        }
    }

    /// Of the same size and kind, so that it can be used for `other`.
    #[cfg(unix)]
    pub(super) fn is_for(&self, other: &Self) -> bool {
        (self.kind, self.length) == (other.kind, other.length)
    }

    /// Its bytes, without the state.
    pub(super) fn encode(&self) -> [u8; CHUNK] {
        let mut bytes = [0; CHUNK];
        bytes[0..4].copy_from_slice(&CHUNK_MAGIC.to_ne_bytes());
        bytes[4..6].copy_from_slice(&(self.kind as u16).to_ne_bytes());
        bytes[6..8].copy_from_slice(&self.flags.to_ne_bytes());
        let words = [self.length, self.owner, self.ordinal, self.top, self.site];
        for (n, word) in words.iter().enumerate() {
            bytes[8 + 4 * n..12 + 4 * n].copy_from_slice(&word.to_ne_bytes());
        }
        bytes[28..32].copy_from_slice(&self.filled.to_ne_bytes());
        bytes[32..40].copy_from_slice(&self.sequence.to_ne_bytes());
        bytes[40..48].copy_from_slice(&self.time.to_ne_bytes());
        bytes[48..52].copy_from_slice(&self.check.to_ne_bytes());
        let check = checksum(&bytes[..STATE]);
        bytes[60..64].copy_from_slice(&check.to_ne_bytes());
        bytes
    }

    /// What the bytes say, and the state; `None` where they are no chunk's.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, u32)> {
        let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let long = |at: usize| Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        if word(0)? != CHUNK_MAGIC || word(60)? != checksum(bytes.get(..STATE)?) {
            return None;
        }
        let number = word(4)?.to_ne_bytes();
        let kind = u16::from_ne_bytes([number[0], number[1]]);
        let chunk = Self {
            kind: Kind::ALL.into_iter().find(|known| *known as u16 == kind)?,
            flags: u16::from_ne_bytes([number[2], number[3]]),
            length: word(8)?,
            owner: word(12)?,
            ordinal: word(16)?,
            top: word(20)?,
            site: word(24)?,
            filled: word(28)?,
            sequence: long(32)?,
            time: long(40)?,
            check: word(48)?,
        };
        Some((chunk, word(STATE)?))
    }
}

/// A path of the tree: id, parent, site, and the checksum of these three.
pub(super) mod path {
    pub(in super::super) const SIZE: usize = 16;
}

/// A function's label: length of all, checksum of what follows, id, line, length of the file's name, both names; filled up
/// to eight bytes.
pub(super) mod site {
    pub(in super::super) const HEAD: usize = 20;
    /// Names are cut there.
    pub(in super::super) const NAME: usize = 4096;
}

/// Who counts on a block: words of eight bytes.
pub(super) mod thread {
    pub(in super::super) const WORDS: usize = 32;
    pub(in super::super) const SIZE: usize = WORDS * 8;
    /// Number of the block; 0 where there is none.
    pub(in super::super) const ID: usize = 0;
    /// 1 while a thread counts there.
    pub(in super::super) const ALIVE: usize = 1;
    /// Length of the name, then the name.
    pub(in super::super) const NAME_LENGTH: usize = 2;
    pub(in super::super) const NAME: usize = 3;
    pub(in super::super) const NAME_WORDS: usize = 13;
    /// Where it was seen last. Odd while that is being written.
    pub(in super::super) const SEQUENCE: usize = 16;
    pub(in super::super) const PATH: usize = 17;
    /// The tick at which it went there, its self time there before, and the tick at which it was seen.
    pub(in super::super) const SINCE: usize = 18;
    pub(in super::super) const BEFORE: usize = 19;
    pub(in super::super) const SEEN: usize = 20;
    pub(in super::super) const BACKSTEPS: usize = 21;
    pub(in super::super) const TRUNCATED: usize = 22;
    /// The path that time goes to, where calls are only counted.
    pub(in super::super) const CHARGED: usize = 23;
}

/// A row of the time line: words of eight bytes.
pub(super) mod row {
    pub(in super::super) const WORDS: usize = 8;
    pub(in super::super) const SIZE: usize = WORDS * 8;
    pub(in super::super) const TIME: usize = 0;
    pub(in super::super) const LIVE_BYTES: usize = 1;
    pub(in super::super) const RSS: usize = 2;
    pub(in super::super) const CGROUP_USED: usize = 3;
    pub(in super::super) const CGROUP_LIMIT: usize = 4;
    pub(in super::super) const CALLS: usize = 5;
    /// Number from 1, and in the upper half memory pressure in hundredths of a percent plus 1.
    pub(in super::super) const NUMBER: usize = 6;
    /// The checksum of the others.
    pub(in super::super) const CHECK: usize = 7;
    /// Stands for what is not known.
    pub(in super::super) const UNKNOWN: u64 = u64::MAX;
    /// An hour of them.
    pub(in super::super) const COUNT: usize = 3600;
}

/// A message: number from 1, length, checksum, block, time; then the text.
pub(super) mod event {
    pub(in super::super) const SIZE: usize = 1024;
    pub(in super::super) const HEAD: usize = 32;
    pub(in super::super) const TEXT: usize = SIZE - HEAD;
    pub(in super::super) const COUNT: usize = 16;
}

/// The state of the heap's recording: words of eight bytes.
pub(super) mod heap {
    use crate::heap::Mode;

    pub(in super::super) const WORDS: usize = 320;
    pub(in super::super) const SIZE: usize = WORDS * 8;
    /// 1 while blocks are recorded, all of it in this file.
    pub(in super::super) const RECORDING: usize = 0;
    /// See [`mode_words`].
    pub(in super::super) const MODE: usize = 1;
    pub(in super::super) const NUMBER: usize = 2;
    /// Frames kept of a stack.
    pub(in super::super) const FRAMES: usize = 3;
    /// When it began, nanoseconds since 1970.
    pub(in super::super) const SINCE: usize = 4;
    /// The number of the last peak, and how many bytes it was.
    pub(in super::super) const EPOCH: usize = 5;
    pub(in super::super) const PEAK: usize = 6;
    /// Pieces that are not in the file: what is there of this recording is not whole.
    pub(in super::super) const OUTSIDE: usize = 7;
    pub(in super::super) const OLDER_FREES: usize = 8;
    pub(in super::super) const UNRECORDED: usize = 9;
    pub(in super::super) const PROFILER_BYTES: usize = 10;
    /// A tally that was about to be changed, its record's id plus 1: what it comes to hold, and where in the file the line is
    /// that comes to hold nothing; 0 without one.
    pub(in super::super) const REDO_RECORD: usize = 16;
    pub(in super::super) const REDO_LINE: usize = 17;
    pub(in super::super) const REDO_EPOCH: usize = 18;
    pub(in super::super) const REDO_COUNTS: usize = 19;
    /// Bytes between samples, by the records' rates.
    pub(in super::super) const RATES: usize = 64;
    pub(in super::super) const RATE_COUNT: usize = 256;

    /// A mode as two words.
    #[cfg(unix)]
    pub(in super::super) fn mode_words(mode: Mode) -> (u64, u64) {
        match mode {
            Mode::Off => (0, 0),
            Mode::Counters => (1, 0),
            Mode::Paths => (2, 0),
            Mode::Sample { rate } => (3, rate),
            Mode::Exact { frames } => (4, u64::from(frames)),
        }
    }

    /// And back.
    pub(in super::super) fn mode_of(kind: u64, number: u64) -> Option<Mode> {
        match kind {
            2 => Some(Mode::Paths),
            3 if (1..1 << 40).contains(&number) => Some(Mode::Sample { rate: number }),
            4 if (1..=u64::from(Mode::MAX_FRAMES)).contains(&number) => {
                Some(Mode::Exact { frames: number as u32 })
            }
            _ => None,
        }
    }
}

/// [`crate::heap::tally::Tally`]: half a word each the id of the record plus 1, which lines have, and the epoch; then words.
pub(super) mod tally {
    use crate::heap::tally::{OFFSETS, Reading};

    pub(in super::super) const SIZE: usize = 64;
    pub(in super::super) const ID: usize = 0;
    pub(in super::super) const EPOCH: usize = 4;
    pub(in super::super) const COUNTS: usize = 8;
    pub(in super::super) const NUMBER: usize = 7;

    const _: () = {
        let [size, id, epoch, counts @ ..] = OFFSETS;
        assert!(size == SIZE && id == ID && epoch == EPOCH);
        let mut n = 0;
        while n < NUMBER {
            assert!(counts[n] == COUNTS + 8 * n);
            n += 1;
        }
    };

    /// Counts in the order in which they stand.
    #[cfg(unix)]
    pub(in super::super) fn words(reading: &Reading) -> [u64; NUMBER] {
        let Reading { allocations, allocated_bytes, frees, freed_bytes, temporary, peak_blocks, peak_bytes } =
            *reading;
        [allocations, allocated_bytes, frees, freed_bytes, temporary, peak_blocks as u64, peak_bytes as u64]
    }

    pub(in super::super) fn reading(words: [u64; NUMBER]) -> Reading {
        let [allocations, allocated_bytes, frees, freed_bytes, temporary, peak_blocks, peak_bytes] = words;
        let (peak_blocks, peak_bytes) = (peak_blocks as i64, peak_bytes as i64);
        Reading { allocations, allocated_bytes, frees, freed_bytes, temporary, peak_blocks, peak_bytes }
    }
}

/// [`crate::heap::records::Extra`]: words of eight bytes.
pub(super) mod extra {
    pub(in super::super) const SIZE: usize = 32;
    pub(in super::super) const COPIED_BYTES: usize = 0;
    pub(in super::super) const SAMPLES: usize = 16;
    pub(in super::super) const VARIANCE: usize = 24;
    const _: () =
        assert!(matches!(crate::heap::records::EXTRA_OFFSETS, [SIZE, COPIED_BYTES, SAMPLES, VARIANCE]));
}

/// What a record of the heap is of: words of eight bytes, the first of which says how many frames there are, and the checksum
/// of the others.
pub(super) mod heap_record {
    /// Id, and the call path above it.
    pub(in super::super) const ID: usize = 1;
    /// Size class, logarithm of the alignment and rate, a byte each.
    pub(in super::super) const SHAPE: usize = 2;
    pub(in super::super) const FIRST_SIZE: usize = 3;
    /// Return addresses, innermost first.
    pub(in super::super) const FRAMES: usize = 4;
    /// Stands in the first word of each.
    pub(in super::super) const MARK: u64 = 1 << 31;

    /// The checksum with a further word.
    pub(in super::super) fn mix(sum: u32, word: u64) -> u32 {
        let mixed = (u64::from(sum) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29) as u32 ^ (mixed >> 32) as u32
    }
}

/// CRC-32, as in zlib.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut word = n as u32;
            let mut bit = 0;
            while bit < 8 {
                word = if word & 1 == 1 { 0xedb8_8320 ^ (word >> 1) } else { word >> 1 };
                bit += 1;
            }
            table[n] = word;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |sum: u32, byte| TABLE[((sum ^ u32::from(*byte)) & 0xff) as usize] ^ (sum >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zlib() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(b""), 0);
    }

    #[test]
    fn a_chunk_reads_as_it_was_written_and_no_changed_bit_goes_unnoticed() {
        let chunk = Chunk {
            flags: 1,
            owner: 7,
            ordinal: 3,
            top: 5,
            site: 9,
            sequence: 1 << 40,
            filled: 11,
            check: 13,
            time: 17,
            ..Chunk::new(Kind::DenseWindow, 4096)
        };
        let bytes = chunk.encode();
        assert_eq!(Chunk::decode(&bytes), Some((chunk, 0)));
        for bit in (0..STATE * 8).chain(60 * 8..CHUNK * 8) {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Chunk::decode(&changed), None, "{bit}");
        }
        assert_eq!(Chunk::decode(&bytes[..63]), None);
    }
}
