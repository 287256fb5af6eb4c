//! What the engine writes into the file: chunks of counters and windows that it then counts on, and tables of functions,
//! paths and threads, which only grow. A lock for all that is new; what is counted takes none.

mod counted;
mod heap_counters;
mod heaps;
mod tables;

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use self::heap_counters::HeapChunks;
pub(crate) use self::heap_counters::HeapFigures;
use self::heaps::Heaps;
pub(super) use self::tables::Event;
use super::arena::Arena;
use super::layout::{self, Chunk, Kind, LIVE_STATE, LIVE_WORDS, Live, checksum, event, header, heap, row};
use crate::capture;
use crate::clock;
use crate::counters::{ASYNC_OFFSETS, OFFSETS};
use crate::heap::local::Quiet;
use crate::site::SiteId;

/// Windows are of 64 bytes, 128, .. up to 16 KiB.
const CLASSES: usize = 9;

/// See the module.
#[derive(Debug)]
pub(crate) struct Journal {
    arena: Arena,
    pub(super) path: PathBuf,
    live: &'static [AtomicU64],
    rows: &'static [AtomicU64],
    captures: &'static [AtomicU64],
    heap: &'static [AtomicU64],
    /// Where the ring of messages is.
    events: usize,
    state: Mutex<State>,
    heaps: Mutex<Heaps>,
}

#[derive(Debug, Default)]
struct State {
    /// Bytes of the file that hold chunks.
    used: usize,
    /// Windows that nobody uses, by size.
    free: [Vec<usize>; CLASSES],
    /// Of the last window.
    sequence: u64,
    /// Where the next record goes, and the end of its chunk.
    paths: (usize, usize),
    sites: (usize, usize),
    /// Labels that are there.
    sites_known: SiteId,
    /// Chunks of threads.
    threads: Vec<usize>,
    messages: u32,
    heap: HeapChunks,
}

/// The lock, while what the thread allocates is not recorded.
struct Locked<'a> {
    // Released first.
    state: MutexGuard<'a, State>,
    _quiet: Option<Quiet>,
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

/// What the header says of the process.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) program: String,
    pub(super) build_id: String,
    pub(super) host: String,
}

/// Nanoseconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

impl Journal {
    /// Makes an empty file into one of no calls yet.
    pub(super) fn new(file: File, path: PathBuf, cap: usize, about: &About) -> io::Result<Self> {
        let arena = Arena::new(file, cap)?;
        let no_room = || io::Error::from(io::ErrorKind::StorageFull);
        let live = arena.words(header::LIVE, LIVE_WORDS).ok_or_else(no_room)?;
        let mut journal = Self {
            arena,
            path,
            live,
            rows: &[],
            captures: &[],
            heap: &[],
            events: 0,
            state: Mutex::default(),
            heaps: Mutex::default(),
        };
        journal.arena.write(0, &journal.header(about));
        let mut state = State { used: layout::HEADER, ..State::default() };
        let rows = journal.take(&mut state, Chunk::new(Kind::TimeLine, row::COUNT * row::SIZE));
        let events = journal.take(&mut state, Chunk::new(Kind::Events, event::COUNT * event::SIZE));
        let captures = journal.take(&mut state, Chunk::new(Kind::Captures, capture::MOST * 8));
        let heap = journal.take(&mut state, Chunk::new(Kind::HeapState, heap::SIZE));
        journal.events = events.ok_or_else(no_room)?;
        let words = |at: Option<usize>, count| journal.arena.words(at?, count);
        let (rows, captures) = (words(rows, row::COUNT * row::WORDS), words(captures, capture::MOST));
        journal.rows = rows.ok_or_else(no_room)?;
        journal.captures = captures.ok_or_else(no_room)?;
        journal.heap = words(heap, heap::WORDS).ok_or_else(no_room)?;
        journal.state = Mutex::new(state);
        Ok(journal)
    }

    fn header(&self, about: &About) -> Vec<u8> {
        let mut bytes = vec![0; header::CHECK + 4];
        let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
        put(0, layout::MAGIC);
        put(header::VERSION, &layout::VERSION.to_ne_bytes());
        put(header::ORDER, &layout::ORDER.to_ne_bytes());
        put(header::PID, &std::process::id().to_ne_bytes());
        put(header::CAP, &(self.arena.cap() as u64).to_ne_bytes());
        put(header::STARTED, &now().to_ne_bytes());
        put(header::START_TICK, &clock::now().to_ne_bytes());
        let offsets = [(header::COUNTERS, &OFFSETS[..]), (header::ASYNCS, &ASYNC_OFFSETS[..])];
        for (at, offsets) in offsets {
            for (n, offset) in offsets.iter().enumerate() {
                put(at + 2 * n, &(*offset as u16).to_ne_bytes());
            }
        }
        let texts = [
            (header::PROGRAM, &about.program),
            (header::BUILD_ID, &about.build_id),
            (header::HOST, &about.host),
        ];
        for (at, text) in texts {
            let text = cut(text, header::TEXT);
            put(at, &(text.len() as u16).to_ne_bytes());
            put(at + 2, text.as_bytes());
        }
        let check = checksum(&bytes[..header::CHECK]);
        bytes[header::CHECK..].copy_from_slice(&check.to_ne_bytes());
        bytes
    }

    /// A word of the header.
    pub(super) fn live(&self, word: Live) -> &'static AtomicU64 {
        &self.live[word as usize]
    }

    pub(super) fn set(&self, word: Live, value: u64) {
        self.live(word).store(value, Ordering::Relaxed);
    }

    /// A sign of life.
    pub(super) fn beat(&self) -> u64 {
        let tick = clock::now();
        self.set(Live::BeatTick, tick);
        self.set(Live::BeatTime, now());
        tick
    }

    /// What is to be said of the file's end, if there is no more room in it.
    pub(super) fn complaint(&self) -> Option<String> {
        let path = self.path.display();
        match self.arena.error() {
            0 if self.live(Live::Lost).load(Ordering::Relaxed) == 0 => None,
            0 => Some(format!(
                "{path} has the {} bytes that it may have: what is new from now on is not recorded",
                self.arena.cap()
            )),
            error => Some(format!(
                "{path} cannot grow: {}: what is new from now on is not recorded",
                io::Error::from_raw_os_error(error)
            )),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.arena.is_closed()
    }

    /// See [`Arena::close_in_child`].
    pub(super) fn close_in_child(&self) {
        self.arena.close_in_child();
    }

    /// `None` in a forked child: a thread that is not in that process may have held it.
    fn lock(&self) -> Option<Locked<'_>> {
        // First: the allocator asks for the lock as well, and this thread may be about to allocate.
        let quiet = Quiet::enter();
        (!self.is_closed()).then(|| Locked {
            state: self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()),
            _quiet: quiet,
        })
    }

    /// Room for what threads will soon need, so that few of them wait for the disk.
    pub(super) fn reserve_ahead(&self) {
        let Some(state) = self.lock() else { return };
        let ahead = state.used + (128 << 10);
        if ahead <= self.arena.cap() {
            self.arena.reserve(ahead);
        }
        self.set(Live::NoSpace, self.arena.error() as u64);
    }

    /// A chunk of zeros. Returns where what it holds begins. `None` when there is no room, which is counted.
    fn take(&self, state: &mut State, chunk: Chunk) -> Option<usize> {
        let at = state.used;
        let end = at + layout::CHUNK + (chunk.length as usize).next_multiple_of(layout::CHUNK);
        if !self.arena.reserve(end) {
            self.live(Live::Lost).fetch_add(1, Ordering::Relaxed);
            self.set(Live::NoSpace, self.arena.error() as u64);
            return None;
        }
        self.begin(at, &chunk)?;
        state.used = end;
        self.live(Live::Used).store(end as u64, Ordering::Release);
        Some(at + layout::CHUNK)
    }

    /// Writes what a chunk begins with: it is in use from now on.
    fn begin(&self, at: usize, chunk: &Chunk) -> Option<()> {
        self.arena.write(at, &chunk.encode());
        self.state_of(at)?.store(LIVE_STATE, Ordering::Release);
        Some(())
    }

    fn state_of(&self, chunk: usize) -> Option<&'static AtomicU32> {
        self.arena.half_words(chunk + layout::STATE, 1)?.first()
    }
}

/// As many bytes of a text, at most, as are whole characters.
fn cut(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
