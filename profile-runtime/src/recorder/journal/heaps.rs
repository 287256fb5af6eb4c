//! Snapshots of the heap in the file: the newest, and one that is a minute old or two.

use std::sync::atomic::Ordering;

use super::super::layout::{self, Chunk, Kind, Live, checksum};
use super::{Journal, now};

/// In nanoseconds.
const MINUTE: u64 = 60_000_000_000;
/// Room for the first snapshot of the heap.
const LEAST_HEAP: usize = 64 << 10;

/// A snapshot of the heap in the file: where its chunk is, the room there, and when it was taken.
#[derive(Debug)]
pub(super) struct Held {
    at: usize,
    length: usize,
    time: u64,
}

/// Snapshots of the heap: the newest, and room for the next.
#[derive(Debug, Default)]
pub(super) struct Heaps {
    newest: Option<Held>,
    /// One that is a minute old or two, and one that will be: so that it can be told what grew.
    bases: [Option<Held>; 2],
    free: Vec<(usize, usize)>,
}

impl Heaps {
    /// There is a newer one than `before`. Returns what nobody needs any more.
    fn keep(&mut self, before: Held, now: u64) -> Option<Held> {
        match &self.bases[1] {
            Some(younger) if now.saturating_sub(younger.time) < MINUTE => Some(before),
            _ => {
                let younger = self.bases[1].replace(before)?;
                self.bases[0].replace(younger)
            }
        }
    }
}

impl Journal {
    /// Keeps a snapshot of the heap. The one before it counts until this one is whole, and perhaps as what it is compared
    /// with.
    pub(in super::super) fn add_heap(&self, dump: &[u8]) {
        let mut heaps = self.heaps.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let room = dump.len().next_power_of_two().max(LEAST_HEAP);
        // All else is to have room as well.
        if room > self.arena.cap() / 8 {
            self.live(Live::Lost).fetch_add(1, Ordering::Relaxed);
            return;
        }
        let free = heaps.free.iter().position(|(_, length)| *length >= dump.len());
        let (at, length) = match free {
            Some(free) => heaps.free.swap_remove(free),
            None => {
                match self.lock().and_then(|mut state| self.take(&mut state, Chunk::new(Kind::Heap, room))) {
                    Some(held) => (held - layout::CHUNK, room),
                    None => return,
                }
            }
        };
        let Some(state) = self.state_of(at) else { return };
        state.store(0, Ordering::Release);
        self.arena.write(at + layout::CHUNK, dump);
        let time = now();
        let chunk = Chunk {
            filled: dump.len() as u32,
            check: checksum(dump),
            time,
            ..Chunk::new(Kind::Heap, length)
        };
        self.begin(at, &chunk);
        let before = heaps.newest.replace(Held { at, length, time });
        if let Some(void) = before.and_then(|before| heaps.keep(before, time)) {
            if let Some(state) = self.state_of(void.at) {
                state.store(0, Ordering::Release);
            }
            heaps.free.push((void.at, void.length));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_snapshots_one_is_kept_that_is_a_minute_old_or_two() {
        let mut heaps = Heaps::default();
        let mut kept = 0;
        for n in 0..100 {
            let time = n * 10_000_000_000;
            kept += 1;
            let before = heaps.newest.replace(Held { at: 0, length: 0, time });
            if before.and_then(|before| heaps.keep(before, time)).is_some() {
                kept -= 1;
            }
            assert!(kept <= 3, "{kept}");
            if n >= 15 {
                let age = heaps.bases[0].as_ref().map(|base| (time - base.time) / 1_000_000_000);
                assert!(age.is_some_and(|age| (60..=140).contains(&age)), "{n}: {age:?}");
            }
        }
    }
}
