//! Tables that only grow, or are rings: functions, paths, trees of single calls, threads, the time line, messages.

use std::sync::TryLockError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::layout::{self, Chunk, Kind, Live, checksum, event, row, thread};
use super::{Journal, State, cut, now};
use crate::heap::local::Quiet;
use crate::paths::PathIndex;
use crate::site::{self, SiteId};

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
pub(in super::super) enum Event {
    Panic = 1,
    LastWords = 2,
}

impl Journal {
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
    pub(in super::super) fn thread(&self, block: u32) -> Option<&'static [AtomicU64]> {
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
        super::super::ending::install_faults(false);
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
    pub(in super::super) fn add_row(&self, values: [u64; row::NUMBER], pressure: Option<u32>) {
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
    pub(in super::super) fn add_event(&self, event: Event, block: u32, text: &str) {
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
