//! What the engine writes into the file: chunks of counters and windows that it then counts on, and tables of functions,
//! paths and threads, which only grow. A lock for all that is new; what is counted takes none.

mod heap_counters;
mod heaps;

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{SystemTime, UNIX_EPOCH};

use self::heap_counters::HeapChunks;
pub(crate) use self::heap_counters::HeapFigures;
use self::heaps::Heaps;
use super::arena::Arena;
use super::layout::{
    self, Chunk, Kind, LIVE_STATE, LIVE_WORDS, Live, checksum, event, header, heap, row, thread,
};
use crate::capture;
use crate::clock;
use crate::counters::{ASYNC_OFFSETS, AsyncCounters, Counters, OFFSETS};
use crate::heap::local::Quiet;
use crate::paths::PathIndex;
use crate::site::{self, SiteId};

/// Windows are of 64 bytes, 128, .. up to 16 KiB.
const CLASSES: usize = 9;
/// Records in a chunk of the tree.
const PATHS: usize = 512;
/// Bytes in a chunk of labels.
const SITES: usize = 16 << 10;
/// Threads in a chunk.
const THREADS: usize = 16;
/// How often a panicking thread looks whether the lock is free.
const LOOKS: u32 = 1_000;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Event {
    Panic = 1,
    LastWords = 2,
}

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

    // ---- what threads count on ----

    /// Counters for a block, all zero.
    pub(crate) fn counters(&self, block: u32, count: usize) -> Option<&'static [Counters]> {
        let chunk = Chunk { owner: block, ..Chunk::new(Kind::Counters, count * size_of::<Counters>()) };
        let at = self.take(&mut *self.lock()?, chunk)?;
        self.arena.slice(at, count)
    }

    /// Asynchronous counters for a block: the `ordinal`-th chunk of it.
    pub(crate) fn asyncs(&self, block: u32, ordinal: u32, count: usize) -> Option<&'static [AsyncCounters]> {
        let length = count * size_of::<AsyncCounters>();
        let chunk = Chunk { owner: block, ordinal, ..Chunk::new(Kind::Asyncs, length) };
        let at = self.take(&mut *self.lock()?, chunk)?;
        self.arena.slice(at, count)
    }

    /// The same for copies of counters that are elsewhere.
    pub(super) fn copies(&self, block: u32, counters: &[Counters]) -> Option<&'static [Counters]> {
        let length = size_of_val(counters);
        let chunk = Chunk { owner: block, flags: 1, ..Chunk::new(Kind::Counters, length) };
        let at = self.take(&mut *self.lock()?, chunk)?;
        self.arena.slice(at, counters.len())
    }

    /// And of asynchronous ones.
    pub(super) fn async_copies(
        &self,
        block: u32,
        ordinal: u32,
        asyncs: &[AsyncCounters],
    ) -> Option<&'static [AsyncCounters]> {
        let length = size_of_val(asyncs);
        let chunk = Chunk { owner: block, ordinal, flags: 1, ..Chunk::new(Kind::Asyncs, length) };
        let at = self.take(&mut *self.lock()?, chunk)?;
        self.arena.slice(at, asyncs.len())
    }

    /// True for what lies in the file.
    pub(super) fn holds<T>(&self, what: &[T]) -> bool {
        self.arena.offset_of(what.as_ptr().addr()).is_some()
    }

    /// Slots of a sparse window with these counts, and as many more as fit in.
    pub(crate) fn sparse_window(
        &self,
        block: u32,
        top: PathIndex,
        site: SiteId,
        slots: &[u32],
    ) -> Option<&'static [AtomicU32]> {
        let chunk = Chunk { owner: block, top, site, ..Chunk::new(Kind::SparseWindow, 4 * slots.len()) };
        self.window(chunk, |at, length| {
            let all = self.arena.half_words(at, length / 4)?;
            let values = slots.iter().copied().chain(std::iter::repeat(0));
            all.iter().zip(values).for_each(|(slot, value)| slot.store(value, Ordering::Relaxed));
            Some(all)
        })
    }

    /// Counts of a dense window, and as many more as fit in, but no more than `most`.
    pub(crate) fn dense_window(
        &self,
        block: u32,
        top: PathIndex,
        site: SiteId,
        first: u32,
        counts: &[u64],
        most: usize,
    ) -> Option<&'static [AtomicU64]> {
        let chunk = Chunk {
            owner: block,
            ordinal: first,
            top,
            site,
            ..Chunk::new(Kind::DenseWindow, 8 * counts.len())
        };
        self.window(chunk, |at, length| {
            let all = self.arena.words(at, length / 8)?;
            let values = counts.iter().copied().chain(std::iter::repeat(0));
            all.iter().zip(values).for_each(|(slot, value)| slot.store(value, Ordering::Relaxed));
            all.get(..all.len().min(most))
        })
    }

    /// A window that was freed, or a new one, filled before it counts.
    fn window<T: 'static>(
        &self,
        mut chunk: Chunk,
        fill: impl FnOnce(usize, usize) -> Option<&'static [T]>,
    ) -> Option<&'static [T]> {
        let length = (chunk.length as usize).next_power_of_two().max(64);
        let class = (length / 64).trailing_zeros() as usize;
        let mut state = self.lock()?;
        state.sequence += 1;
        (chunk.length, chunk.sequence) = (length as u32, state.sequence);
        let at = match state.free.get_mut(class)?.pop() {
            Some(at) => at,
            None => {
                let at = state.used;
                // As free as one that was used, until it is filled.
                self.take(&mut state, Chunk { sequence: 0, ..chunk })?;
                self.state_of(at)?.store(0, Ordering::Release);
                at
            }
        };
        let window = fill(at + layout::CHUNK, length)?;
        self.begin(at, &chunk)?;
        Some(window)
    }

    /// A window is used no more, whose slots are at that address.
    pub(crate) fn free_window(&self, address: usize) {
        let chunk = self.arena.offset_of(address).and_then(|at| at.checked_sub(layout::CHUNK));
        let (Some(chunk), Some(mut state)) = (chunk, self.lock()) else { return };
        let Some(length) = self.arena.half_words(chunk + 8, 1) else { return };
        let class = (length[0].load(Ordering::Relaxed) as usize / 64).trailing_zeros() as usize;
        if let (Some(is), Some(free)) = (self.state_of(chunk), state.free.get_mut(class)) {
            is.store(0, Ordering::Release);
            free.push(chunk);
        }
    }

    // ---- tables ----

    /// A path is new, and perhaps its function.
    pub(crate) fn path_added(&self, path: PathIndex, parent: PathIndex, site: SiteId) {
        let Some(mut state) = self.lock() else { return };
        while state.sites_known <= site {
            let number = state.sites_known;
            if let Some(label) = site::label(number)
                && self.add_site(&mut state, number, &label).is_none()
            {
                break;
            }
            state.sites_known += 1;
        }
        if state.paths.0 == state.paths.1 {
            let length = PATHS * layout::path::SIZE;
            let Some(at) = self.take(&mut state, Chunk::new(Kind::Paths, length)) else { return };
            state.paths = (at, at + length);
        }
        let Some(record) = self.arena.half_words(state.paths.0, 4) else { return };
        let words = [path, parent, site].map(u32::to_ne_bytes);
        let check = checksum(words.as_flattened());
        for (word, value) in record.iter().zip([path, parent, site, check]) {
            word.store(value, Ordering::Release);
        }
        state.paths.0 += layout::path::SIZE;
    }

    fn add_site(&self, state: &mut State, number: SiteId, label: &crate::profile::Label) -> Option<()> {
        let (file, name) = (cut(&label.file, layout::site::NAME), cut(&label.name, layout::site::NAME));
        let mut rest = Vec::with_capacity(layout::site::HEAD + file.len() + name.len() + 8);
        for word in [number, label.line, file.len() as u32] {
            rest.extend(word.to_ne_bytes());
        }
        rest.extend(file.as_bytes());
        rest.extend(name.as_bytes());
        let length = (rest.len() + 8) as u32;
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(checksum(&rest).to_ne_bytes());
        bytes.extend(rest);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        if state.sites.1 - state.sites.0 < bytes.len() {
            let at = self.take(state, Chunk::new(Kind::Sites, SITES))?;
            state.sites = (at, at + SITES);
        }
        self.arena.write(state.sites.0, &bytes);
        state.sites.0 += bytes.len();
        Some(())
    }

    /// A call with a tree of its own is made from `attach`.
    pub(crate) fn capture_began(&self, slot: usize, root: PathIndex, attach: PathIndex) {
        if let Some(word) = self.captures.get(slot) {
            word.store((u64::from(root) << 32) | u64::from(attach), Ordering::Relaxed);
        }
    }

    /// What the file says of the thread that counts on a block.
    pub(super) fn thread(&self, block: u32) -> Option<&'static [AtomicU64]> {
        let index = (block as usize).checked_sub(1)?;
        let mut state = self.lock()?;
        while state.threads.len() <= index / THREADS {
            let ordinal = state.threads.len() as u32;
            let chunk = Chunk { ordinal, ..Chunk::new(Kind::Threads, THREADS * thread::SIZE) };
            let at = self.take(&mut state, chunk)?;
            state.threads.push(at);
        }
        let at = state.threads.get(index / THREADS)? + index % THREADS * thread::SIZE;
        self.arena.words(at, thread::WORDS)
    }

    pub(crate) fn thread_began(&self, block: u32, name: Option<&str>) {
        // A thread that counts is one of `main` or after.
        super::ending::install_faults(false);
        let Some(words) = self.thread(block) else { return };
        let name = cut(name.unwrap_or(""), thread::NAME_WORDS * 8);
        words[thread::NAME_LENGTH].store(0, Ordering::Release);
        for (word, part) in words[thread::NAME..].iter().zip(name.as_bytes().chunks(8)) {
            let mut bytes = [0; 8];
            bytes[..part.len()].copy_from_slice(part);
            word.store(u64::from_ne_bytes(bytes), Ordering::Release);
        }
        words[thread::NAME_LENGTH].store(name.len() as u64, Ordering::Release);
        words[thread::ID].store(u64::from(block), Ordering::Release);
        words[thread::ALIVE].store(1, Ordering::Release);
    }

    pub(crate) fn thread_ended(&self, block: u32) {
        if let Some(words) = self.thread(block) {
            words[thread::ALIVE].store(0, Ordering::Release);
        }
    }

    /// A row of the time line: the first words of it.
    pub(super) fn add_row(&self, values: [u64; row::NUMBER], pressure: Option<u32>) {
        let before = self.live(Live::Rows).load(Ordering::Relaxed);
        let number = before.wrapping_add(1);
        let at = before as usize % row::COUNT * row::WORDS;
        let Some(words) = self.rows.get(at..at + row::WORDS) else { return };
        let mut all = [0; row::WORDS];
        all[..row::NUMBER].copy_from_slice(&values);
        all[row::NUMBER] =
            (number & 0xffff_ffff) | u64::from(pressure.map_or(0, |pressure| pressure + 1)) << 32;
        let bytes: Vec<u8> = all[..row::CHECK].iter().flat_map(|word| word.to_ne_bytes()).collect();
        all[row::CHECK] = u64::from(checksum(&bytes));
        for (word, value) in words.iter().zip(all) {
            word.store(value, Ordering::Release);
        }
        self.set(Live::Rows, number);
    }

    /// Keeps a message. One that comes while the lock is not to be had is dropped: a thread that panics waits for nobody.
    pub(super) fn add_event(&self, event: Event, block: u32, text: &str) {
        let _quiet = Quiet::enter();
        let mut state = None;
        for _ in 0..LOOKS {
            match self.state.try_lock() {
                Ok(lock) => state = Some(lock),
                Err(TryLockError::Poisoned(poisoned)) => state = Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => {
                    std::thread::yield_now();
                    continue;
                }
            }
            break;
        }
        let Some(mut state) = state.filter(|_| !self.is_closed()) else { return };
        state.messages += 1;
        let number = state.messages;
        let at = self.events + (number as usize - 1) % event::COUNT * event::SIZE;
        let text = cut(text, event::TEXT);
        let mut rest = Vec::with_capacity(event::SIZE);
        rest.extend(block.to_ne_bytes());
        rest.extend(now().to_ne_bytes());
        rest.extend((event as u32).to_ne_bytes());
        rest.extend([0; 4]);
        rest.extend(text.as_bytes());
        let mut sum = number.to_ne_bytes().to_vec();
        sum.extend(&rest);
        // What was there is void before it is written over.
        self.arena.write(at, &[0; 8]);
        let mut tail = checksum(&sum).to_ne_bytes().to_vec();
        tail.extend(&rest);
        self.arena.write(at + 8, &tail);
        let mut head = number.to_ne_bytes().to_vec();
        head.extend((text.len() as u32).to_ne_bytes());
        self.arena.write(at, &head);
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
