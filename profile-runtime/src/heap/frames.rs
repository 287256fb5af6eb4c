//! The return addresses of each stack, kept once: four bytes each, since those of one stack mostly share their upper
//! halves.
//!
//! A stack is a row of runs: how many addresses follow, the upper half of all of them, the lower half of each.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use super::memory;

/// Words mapped at a time: 64 KiB.
const CHUNK: usize = 16 * 1024;
/// For 256 MiB.
const CHUNKS: usize = 4096;

static WORDS: [AtomicPtr<u32>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
/// Words in use; changed by whoever adds a record.
static LEN: AtomicU32 = AtomicU32::new(0);

/// The upper half of an address.
#[inline(always)]
fn upper(address: usize) -> u32 {
    (address as u64 >> 32) as u32
}

/// Keeps a stack; where. `None` when there is no room. The lock is held under which records are added.
pub(super) fn keep(frames: &[usize]) -> Option<u32> {
    if frames.is_empty() {
        return Some(0);
    }
    let runs = || frames.chunk_by(|&one, &next| upper(one) == upper(next));
    let words = frames.len() + 2 * runs().count();
    let mut at = LEN.load(Ordering::Relaxed) as usize;
    if at % CHUNK + words > CHUNK {
        at = at.next_multiple_of(CHUNK);
    }
    if words > CHUNK {
        return None;
    }
    let chunk = WORDS.get(at / CHUNK)?;
    if chunk.load(Ordering::Relaxed).is_null() {
        chunk.store(memory::map(CHUNK * size_of::<u32>())?.cast(), Ordering::Release);
    }
    let mut to = chunk.load(Ordering::Relaxed).wrapping_add(at % CHUNK);
    for run in runs() {
        let head = [run.len() as u32, upper(run[0])];
        for word in head.into_iter().chain(run.iter().map(|&address| address as u32)) {
            // SAFETY: `words` of them fit into the chunk from there on, and belong to nobody else: the lock is held.
            unsafe { to.write(word) };
            to = to.wrapping_add(1);
        }
    }
    LEN.store((at + words) as u32, Ordering::Relaxed);
    Some(at as u32)
}

/// A stack's return addresses, innermost first.
#[derive(Debug)]
pub(crate) struct Frames {
    next: *const u32,
    /// The upper half of the addresses of this run.
    upper: u32,
    /// Addresses left of this run.
    run: u32,
    /// Addresses left.
    left: usize,
}

impl Frames {
    /// # Safety
    /// [`keep`] said `at` for so many addresses (which may be none), and there is no [`clear`] as long as this lives.
    pub(super) unsafe fn new(at: u32, len: usize) -> Self {
        let chunk = WORDS[at as usize / CHUNK].load(Ordering::Acquire);
        Self { next: chunk.wrapping_add(at as usize % CHUNK), upper: 0, run: 0, left: len }
    }

    fn word(&mut self) -> u32 {
        // SAFETY: there are addresses left, so there is a word; `new` was promised that it is mapped.
        let word = unsafe { *self.next };
        self.next = self.next.wrapping_add(1);
        word
    }
}

impl Iterator for Frames {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        if self.run == 0 {
            self.run = self.word();
            self.upper = self.word();
        }
        self.run = self.run.saturating_sub(1);
        let lower = self.word();
        Some((u64::from(self.upper) << 32 | u64::from(lower)) as usize)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Forgets all stacks, and gives their memory back.
///
/// # Safety
/// Nobody keeps or reads stacks.
pub(super) unsafe fn clear() {
    LEN.store(0, Ordering::Relaxed);
    for chunk in &WORDS {
        let old = chunk.swap(ptr::null_mut(), Ordering::Relaxed);
        if !old.is_null() {
            // SAFETY: mapped in `keep` with this size; nobody uses it, as the caller promised.
            unsafe { memory::unmap(old.cast(), CHUNK * size_of::<u32>()) };
        }
    }
}

#[cfg(all(test, unix, target_pointer_width = "64"))]
mod tests {
    use super::*;
    use crate::heap::records;

    #[test]
    fn stacks_are_read_as_they_were_kept() {
        let program: Vec<usize> = (0..25).map(|at| 0x5555_0000_1000 + at * 77).collect();
        let mixed = [0x7fff_ffff_ffff, 0x7fff_0000_0000, 0x5555_ffff_ffff, 0x5555_0000_0000, 1, usize::MAX];
        let stacks = [&program, &mixed[..], &[], &mixed[..1], &program[..7]];
        records::lock();
        let places: Vec<_> = (0..5_000).map(|at| keep(stacks[at % stacks.len()])).collect();
        records::unlock();
        assert!(LEN.load(Ordering::Relaxed) > CHUNK as u32);
        for (at, place) in places.into_iter().enumerate() {
            let stack = stacks[at % stacks.len()];
            // SAFETY: kept there above; no test of the library forgets stacks.
            let frames = unsafe { Frames::new(place.expect("there is room"), stack.len()) };
            assert!(frames.eq(stack.iter().copied()), "stack {at}");
        }
    }
}
