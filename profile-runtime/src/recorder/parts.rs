//! What a file says, read without trust: its chunks taken apart. Damaged ones are left out, and counted.

mod error;
mod header;
mod numbers;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

pub use self::error::ReadError;
use self::header::Header;
pub(super) use self::numbers::{long, word};
use super::heap_parts::HeapParts;
use super::layout::{
    self, Chunk, Kind, LIVE_STATE, LIVE_WORDS, Live, checksum, event, path, row, site, thread,
};
use crate::estimate::Samples;
use crate::paths::NO_PATH;
use crate::profile::Label;
use crate::ring::BUCKETS;
use crate::split::part;

/// More functions or paths than a writer makes are none of its.
const MOST: usize = 200_000;

/// What one thread counted on one path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    pub(super) block: u32,
    pub(super) path: u32,
    /// Index + 1 of the asynchronous counters.
    pub(super) async_index: u32,
    pub(super) starts: u64,
    pub(super) folded: u64,
    pub(super) returned: u64,
    pub(super) panicked: u64,
    pub(super) busy: u64,
    pub(super) began: u64,
    /// Of the calls, those that were only counted, and the samples that stand for them.
    pub(super) untimed: u64,
    pub(super) samples: Samples,
}

impl Counted {
    /// Calls that this thread began less those that ended on it.
    pub(super) fn open(&self) -> u64 {
        self.starts.saturating_sub(self.returned.saturating_add(self.panicked))
    }
}

/// What only futures have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Awaited {
    /// The thread was in the middle of a change.
    pub(super) is_torn: bool,
    pub(super) balance: u64,
    pub(super) suspended: u64,
    pub(super) open: u64,
    pub(super) begun: u64,
    pub(super) polls: u64,
    pub(super) longest: u64,
    pub(super) cancelled: u64,
}

/// Who counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Thread {
    pub(super) id: u32,
    pub(super) is_alive: bool,
    pub(super) name: String,
    pub(super) position: Option<Position>,
    pub(super) backsteps: u64,
    pub(super) truncated: u64,
}

/// Where a thread was seen last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) path: u32,
    pub(super) charged: u32,
    pub(super) since: u64,
    pub(super) before: u64,
    pub(super) seen: u64,
}

/// A row of the time line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) number: u32,
    pub(super) words: [u64; row::NUMBER],
    pub(super) pressure: Option<u32>,
}

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) number: u32,
    pub(super) time: u64,
    pub(super) kind: u32,
    pub(super) text: String,
}

/// Elapsed times of one function on one thread: bucket and count.
#[derive(Debug, Default)]
pub(super) struct Times {
    sequence: u64,
    pub(super) buckets: Vec<(usize, u64)>,
}

/// What was wrong with the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// Bytes that the header says there are and the file has not.
    pub(super) missing: u64,
    /// Bytes between chunks that are none.
    pub(super) skipped: u64,
    /// Records in tables whose checksum is another, or that make no sense.
    pub(super) records: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) header: Header,
    live: [u64; LIVE_WORDS],
    pub(super) sites: HashMap<u32, Label>,
    /// Parent and site of each path.
    pub(super) paths: BTreeMap<u32, (u32, u32)>,
    pub(super) counted: Vec<Counted>,
    /// By block and index.
    pub(super) awaited: HashMap<(u32, u32), Awaited>,
    /// By block, root and site.
    pub(super) times: HashMap<(u32, u32, u32), Times>,
    pub(super) threads: Vec<Thread>,
    pub(super) rows: Vec<Row>,
    pub(super) notes: Vec<Note>,
    /// Roots of trees of single calls, and where these were made.
    pub(super) captures: Vec<(u32, u32)>,
    /// Snapshots of the heap: when, and where in the file.
    pub(super) heaps: Vec<(u64, Range<usize>)>,
    /// And its counters.
    pub(super) heap: HeapParts,
    /// Some counters are copies.
    pub(super) has_copies: bool,
    pub(super) damage: Damage,
}

/// True when nothing was written from there on. A record before it that is not sound is one that the process was writing
/// when it ended, which nobody has counted on yet.
fn is_unwritten(held: &[u8], from: usize) -> bool {
    held.get(from..).is_none_or(|rest| rest.iter().all(|byte| *byte == 0))
}

impl Parts {
    /// Takes a file apart.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let header = Header::read(bytes)?;
        let live = std::array::from_fn(|n| long(bytes, layout::header::LIVE + 8 * n));
        let mut parts = Self { header, live, ..Self::default() };
        let used = usize::try_from(parts.live(Live::Used)).unwrap_or(usize::MAX);
        parts.damage.missing = used.saturating_sub(bytes.len()) as u64;
        // NOTE: a count of used bytes that is damaged, or as old as the last write to the disk, hides no chunk.
        let mut at = layout::HEADER;
        while at + layout::CHUNK <= bytes.len() {
            let own = &bytes[at..at + layout::CHUNK];
            let Some((chunk, state)) = Chunk::decode(own) else {
                if own.iter().any(|byte| *byte != 0) {
                    parts.damage.skipped += layout::CHUNK as u64;
                }
                at += layout::CHUNK;
                continue;
            };
            let from = at + layout::CHUNK;
            let end = from.saturating_add(chunk.length as usize).min(bytes.len());
            if state == LIVE_STATE {
                parts.add(&chunk, bytes, from..end);
            }
            at = from.saturating_add((chunk.length as usize).next_multiple_of(layout::CHUNK));
        }
        parts.rows.sort_by_key(|row| row.number);
        parts.notes.sort_by_key(|note| note.number);
        parts.heaps.sort_by_key(|(time, _)| *time);
        Ok(parts)
    }

    /// A word of the header that changes.
    pub(super) fn live(&self, word: Live) -> u64 {
        self.live[word as usize]
    }

    fn add(&mut self, chunk: &Chunk, bytes: &[u8], range: Range<usize>) {
        let held = &bytes[range.clone()];
        match chunk.kind {
            Kind::Sites => self.add_sites(held),
            Kind::Paths => self.add_paths(held),
            Kind::Counters => {
                self.has_copies |= chunk.flags & 1 != 0;
                self.add_counters(chunk.owner, held);
            }
            Kind::Asyncs => self.add_asyncs(chunk, held),
            Kind::SparseWindow | Kind::DenseWindow => self.add_window(chunk, held),
            Kind::Threads => self.threads.extend(held.chunks_exact(thread::SIZE).filter_map(read_thread)),
            Kind::TimeLine => self.rows.extend(held.chunks_exact(row::SIZE).filter_map(read_row)),
            Kind::Events => self.notes.extend(held.chunks_exact(event::SIZE).filter_map(read_note)),
            Kind::Captures => {
                let pairs = held.chunks_exact(8).map(|pair| long(pair, 0)).filter(|pair| *pair != 0);
                self.captures.extend(pairs.map(|pair| ((pair >> 32) as u32, pair as u32)));
            }
            // Room that was never filled.
            Kind::Heap if chunk.filled == 0 => {}
            Kind::Heap => {
                let filled = held.get(..chunk.filled as usize);
                if filled.is_some_and(|filled| checksum(filled) == chunk.check) {
                    self.heaps.push((chunk.time, range.start..range.start + chunk.filled as usize));
                } else {
                    self.damage.records += 1;
                }
            }
            Kind::HeapState
            | Kind::HeapLines
            | Kind::HeapTallies
            | Kind::HeapExtras
            | Kind::HeapRecords
            | Kind::HeapModules => self.damage.records += self.heap.add(chunk, bytes, range),
        }
    }

    fn add_sites(&mut self, held: &[u8]) {
        let mut at = 0;
        while let Some(length) = Some(word(held, at) as usize).filter(|length| *length > 0) {
            let Some(record) = held.get(at..at.saturating_add(length)).filter(|_| length >= site::HEAD)
            else {
                self.damage.records += 1;
                return;
            };
            at = at.saturating_add(length.next_multiple_of(8));
            let names = &record[site::HEAD..];
            let split = word(record, 16) as usize;
            if word(record, 4) != checksum(&record[8..]) || split > names.len() || self.sites.len() >= MOST {
                self.damage.records += u64::from(!is_unwritten(held, at));
                continue;
            }
            let (file, name) = names.split_at(split);
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let label = Label::new(text(file), word(record, 12), text(name));
            self.sites.entry(word(record, 8)).or_insert(label);
        }
    }

    fn add_paths(&mut self, held: &[u8]) {
        for (n, record) in held.chunks_exact(path::SIZE).enumerate() {
            if record.iter().all(|byte| *byte == 0) {
                break;
            }
            let (id, parent) = (word(record, 0), word(record, 4));
            let is_sound = word(record, 12) == checksum(&record[..12])
                && (parent == NO_PATH || parent < id)
                && self.paths.len() < MOST;
            if is_sound {
                self.paths.entry(id).or_insert((parent, word(record, 8)));
            } else {
                self.damage.records += u64::from(!is_unwritten(held, (n + 1) * path::SIZE));
            }
        }
    }

    fn add_counters(&mut self, block: u32, held: &[u8]) {
        let [size, path, async_index, starts, folded, returned, panicked, busy, began, throttle @ ..] =
            self.header.counters;
        for bytes in held.chunks_exact(size) {
            // At 0 is the path: there are none of these.
            let [untimed, samples, sampled] = throttle.map(|at| if at == 0 { 0 } else { long(bytes, at) });
            let counted = Counted {
                block,
                path: word(bytes, path),
                async_index: word(bytes, async_index),
                starts: long(bytes, starts),
                folded: long(bytes, folded),
                returned: long(bytes, returned),
                panicked: long(bytes, panicked),
                busy: long(bytes, busy),
                began: long(bytes, began),
                untimed: part(untimed, long(bytes, starts)),
                samples: Samples { calls: samples, ticks: part(sampled, long(bytes, busy)) },
            };
            // Those of the root hold the time between calls, and free ones nothing.
            if counted.path != 0 {
                self.counted.push(counted);
            }
        }
    }

    fn add_asyncs(&mut self, chunk: &Chunk, held: &[u8]) {
        let [size, sequence, balance, suspended, open, begun, polls, longest, cancelled] = self.header.asyncs;
        let many = chunk.length as usize / size;
        for (n, bytes) in held.chunks_exact(size).enumerate() {
            if bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            let index = (chunk.ordinal as usize).saturating_mul(many).saturating_add(n).saturating_add(1);
            let awaited = Awaited {
                is_torn: word(bytes, sequence) % 2 == 1,
                balance: long(bytes, balance),
                suspended: long(bytes, suspended),
                open: long(bytes, open),
                begun: long(bytes, begun),
                polls: long(bytes, polls),
                longest: long(bytes, longest),
                cancelled: long(bytes, cancelled),
            };
            let Ok(index) = u32::try_from(index) else { continue };
            self.awaited.insert((chunk.owner, index), awaited);
        }
    }

    fn add_window(&mut self, chunk: &Chunk, held: &[u8]) {
        let known = self.times.entry((chunk.owner, chunk.top, chunk.site)).or_default();
        if known.sequence > chunk.sequence {
            return;
        }
        known.sequence = chunk.sequence;
        let buckets = if chunk.kind == Kind::SparseWindow {
            let slots = held.chunks_exact(4).map(|slot| word(slot, 0));
            let slots = slots.filter(|slot| *slot > 0);
            slots
                .map(|slot| ((slot >> 16) as usize - usize::from(slot >> 16 > 0), u64::from(slot & 0xffff)))
                .collect::<Vec<_>>()
        } else {
            let counts = held.chunks_exact(8).map(|count| long(count, 0)).enumerate();
            let first = chunk.ordinal as usize;
            counts
                .map(|(n, count)| (first.saturating_add(n), count))
                .filter(|(_, count)| *count > 0)
                .collect()
        };
        let all = buckets.len();
        known.buckets = buckets.into_iter().filter(|(bucket, _)| *bucket < BUCKETS).collect();
        self.damage.records += (all - known.buckets.len()) as u64;
    }
}

fn read_thread(bytes: &[u8]) -> Option<Thread> {
    let get = |word: usize| long(bytes, 8 * word);
    let id = u32::try_from(get(thread::ID)).ok().filter(|id| *id > 0)?;
    let name = &bytes[8 * thread::NAME..8 * (thread::NAME + thread::NAME_WORDS)];
    let length = name.len().min(get(thread::NAME_LENGTH) as usize);
    let number = |word: usize| u32::try_from(get(word)).ok();
    let is_whole = get(thread::SEQUENCE) > 0 && get(thread::SEQUENCE).is_multiple_of(2);
    let position = is_whole.then(|| {
        Some(Position {
            path: number(thread::PATH)?,
            charged: number(thread::CHARGED)?,
            since: get(thread::SINCE),
            before: get(thread::BEFORE),
            seen: get(thread::SEEN),
        })
    });
    Some(Thread {
        id,
        is_alive: get(thread::ALIVE) == 1,
        name: String::from_utf8_lossy(&name[..length]).into_owned(),
        position: position.flatten(),
        backsteps: get(thread::BACKSTEPS),
        truncated: get(thread::TRUNCATED),
    })
}

fn read_row(bytes: &[u8]) -> Option<Row> {
    let number = long(bytes, 8 * row::NUMBER);
    let is_sound = number > 0 && u64::from(checksum(&bytes[..8 * row::CHECK])) == long(bytes, 8 * row::CHECK);
    is_sound.then(|| Row {
        number: number as u32,
        words: std::array::from_fn(|n| long(bytes, 8 * n)),
        pressure: ((number >> 32) as u32).checked_sub(1),
    })
}

fn read_note(bytes: &[u8]) -> Option<Note> {
    let (number, length) = (word(bytes, 0), word(bytes, 4) as usize);
    let text = bytes.get(event::HEAD..event::HEAD.checked_add(length)?)?;
    let mut sum = bytes[..4].to_vec();
    sum.extend(&bytes[12..event::HEAD]);
    sum.extend(text);
    (number > 0 && checksum(&sum) == word(bytes, 8)).then(|| Note {
        number,
        time: long(bytes, 16),
        kind: word(bytes, 24),
        text: String::from_utf8_lossy(text).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A record of paths, and the same as it stands while its last word is not written yet.
    fn records(id: u32) -> [Vec<u8>; 2] {
        let mut record: Vec<u8> = [id, 0, 3].iter().flat_map(|word| word.to_ne_bytes()).collect();
        let check = checksum(&record);
        record.extend(check.to_ne_bytes());
        let mut half = record.clone();
        half[12..].fill(0);
        [record, half]
    }

    /// A record of sites, and the same without its checksum.
    fn site_records(id: u32) -> [Vec<u8>; 2] {
        let mut record = vec![0; site::HEAD];
        record[8..12].copy_from_slice(&id.to_ne_bytes());
        record[16..20].copy_from_slice(&4u32.to_ne_bytes());
        record.extend(b"a.rsname");
        let length = record.len() as u32;
        record[..4].copy_from_slice(&length.to_ne_bytes());
        record.resize(record.len().next_multiple_of(8), 0);
        let half = record.clone();
        let check = checksum(&record[8..length as usize]);
        record[4..8].copy_from_slice(&check.to_ne_bytes());
        [record, half]
    }

    #[test]
    fn a_record_that_was_being_written_is_no_damage_and_any_before_it_is() {
        let read = |add: fn(&mut Parts, &[u8]), records: &[&[u8]]| {
            let mut parts = Parts::default();
            add(&mut parts, &records.concat());
            (parts.paths.len() + parts.sites.len(), parts.damage.records)
        };
        let room = [0; 64];
        for (add, records) in [
            (Parts::add_paths as fn(&mut Parts, &[u8]), [records(1), records(2)]),
            (Parts::add_sites, [site_records(1), site_records(2)]),
        ] {
            let [[first, half_first], [second, half_second]] = &records;
            assert_eq!(read(add, &[first, second, &room]), (2, 0));
            assert_eq!(read(add, &[first, half_second, &room]), (1, 0));
            assert_eq!(read(add, &[first, half_second]), (1, 0), "in the last place of a chunk");
            assert_eq!(read(add, &[half_first, second, &room]), (1, 1), "others were written after it");
        }
    }
}
