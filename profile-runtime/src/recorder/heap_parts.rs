//! The heap's own counters as a file holds them, read without trust, and the snapshot that they come to.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::layout::{Chunk, Kind, extra, heap, heap_record, row, tally};
use super::parts::{Parts, long, word};
use crate::heap::Snapshot;
use crate::heap::making::{Making, Shape};
use crate::heap::modules::LoadedModule;
use crate::heap::records::ExtraReading;
use crate::heap::tallies::Reading;
use crate::paths::NO_PATH;

/// More modules are of no process; every address is looked for in all of them.
const MOST_MODULES: usize = 2_000;
/// More frames are of no recording.
const MOST_FRAMES: usize = 1024;

/// What a record is of, and where its stack stands.
#[derive(Clone, Debug)]
struct Record {
    shape: Shape,
    rate: u8,
    frames: Range<usize>,
}

/// See the module. Ranges are of the file.
#[derive(Debug, Default)]
pub(super) struct HeapParts {
    state: Range<usize>,
    lines: Vec<Range<usize>>,
    tallies: Vec<(u32, Range<usize>)>,
    extras: BTreeMap<u32, Range<usize>>,
    records: BTreeMap<u32, Record>,
    /// Lists of modules, and when they were written.
    modules: Vec<(u64, Range<usize>)>,
}

impl HeapParts {
    /// A chunk of the heap's. Returns how many records in it are damaged.
    pub(super) fn add(&mut self, chunk: &Chunk, bytes: &[u8], range: Range<usize>) -> u64 {
        match chunk.kind {
            Kind::HeapState => self.state = range,
            Kind::HeapLines => self.lines.push(range),
            Kind::HeapTallies => self.tallies.push((chunk.ordinal, range)),
            Kind::HeapExtras => drop(self.extras.insert(chunk.ordinal, range)),
            Kind::HeapRecords => return self.add_records(bytes, range),
            Kind::HeapModules => {
                let end = range.start.saturating_add(chunk.filled as usize);
                let is_sound = end <= range.end
                    && bytes
                        .get(range.start..end)
                        .is_some_and(|text| super::layout::checksum(text) == chunk.check);
                if !is_sound {
                    return 1;
                }
                self.modules.push((chunk.time, range.start..end));
            }
            _ => {}
        }
        0
    }

    fn add_records(&mut self, bytes: &[u8], range: Range<usize>) -> u64 {
        let mut at = range.start;
        while at + heap_record::FRAMES * 8 <= range.end {
            let head = long(bytes, at);
            if head == 0 {
                return 0;
            }
            let count = (head & 0xffff) as usize;
            let end = at + (heap_record::FRAMES + count) * 8;
            if head as u32 & !0xffff != heap_record::MARK as u32 || count > MOST_FRAMES || end > range.end {
                return 1;
            }
            let words = (1..heap_record::FRAMES + count).map(|n| long(bytes, at + 8 * n));
            if words.fold(0, heap_record::mix) != (head >> 32) as u32 {
                return 1;
            }
            let [id, shape, first_size] = [heap_record::ID, heap_record::SHAPE, heap_record::FIRST_SIZE]
                .map(|n| long(bytes, at + 8 * n));
            let [size_class, align_log2, rate, ..] = shape.to_le_bytes();
            let shape =
                Shape { path: (id >> 32) as u32, size_class: size_class.min(64), align_log2, first_size };
            let frames = at + heap_record::FRAMES * 8..end;
            self.records.entry(id as u32).or_insert(Record { shape, rate, frames });
            at = end;
        }
        0
    }

    /// What the heap held at the end. `None` where it was not recorded, or where not all of it is in the file.
    pub(super) fn snapshot(&self, parts: &Parts, bytes: &[u8], taken: u64) -> Option<Snapshot> {
        let state =
            |n: usize| if n * 8 < self.state.len() { long(bytes, self.state.start + 8 * n) } else { 0 };
        let mode = heap::mode_of(state(heap::MODE), state(heap::NUMBER))?;
        if state(heap::RECORDING) != 1 || state(heap::OUTSIDE) != 0 {
            return None;
        }
        let mut snapshot = Snapshot {
            mode,
            frame_limit: state(heap::FRAMES).min(MOST_FRAMES as u64) as u32,
            duration: Duration::from_nanos(taken.saturating_sub(state(heap::SINCE))),
            taken: Duration::from_nanos(taken),
            ..Snapshot::new()
        };
        let sums = self.sums(bytes, &state);
        let mut making = Making::new(self.loaded(bytes));
        for (id, sum) in &sums {
            let record = self.records.get(id);
            let rate = record.map_or(0, |record| record.rate);
            let rate = (rate != 0).then(|| state(heap::RATES + usize::from(rate)));
            let counts = sum.counts(rate, &self.extra(bytes, *id));
            // 0 is the record of what could not be told apart.
            if *id == 0 {
                snapshot.notes.truncated = counts.allocations;
            }
            let outside = Shape { path: u32::MAX, size_class: 0, align_log2: 0, first_size: 0 };
            let shape = record.map_or(&outside, |record| &record.shape);
            let frames = record.map_or(0..0, |record| record.frames.clone());
            let stack = frames.step_by(8).map(|at| long(bytes, at) as usize);
            making.add_trace(&mut snapshot, shape, stack, counts);
        }
        making.resolve_paths(
            &mut snapshot,
            |path| parts.paths.get(&path).copied().filter(|(parent, _)| *parent != NO_PATH),
            |site| parts.sites.get(&site).cloned(),
        );
        let process = &mut snapshot.process;
        process.live_bytes =
            snapshot.traces.iter().fold(0, |sum, trace| sum.saturating_add(trace.counts.live_bytes()));
        process.peak_bytes = state(heap::PEAK).max(process.live_bytes);
        process.profiler_bytes = state(heap::PROFILER_BYTES);
        if let Some(last) = parts.rows.last() {
            let known = |word: usize| Some(last.words[word]).filter(|value| *value != row::UNKNOWN);
            process.rss_bytes = known(row::RSS);
            process.cgroup_limit = known(row::CGROUP_LIMIT);
            process.cgroup_used = known(row::CGROUP_USED);
        }
        snapshot.notes.older_frees = state(heap::OLDER_FREES);
        snapshot.notes.unrecorded = state(heap::UNRECORDED);
        Some(snapshot)
    }

    /// By record, what threads held and handed over.
    fn sums(&self, bytes: &[u8], state: &impl Fn(usize) -> u64) -> BTreeMap<u32, Reading> {
        let epoch = state(heap::EPOCH) as u32;
        let read = |at: usize| {
            let words = std::array::from_fn(|n| long(bytes, at + tally::COUNTS + 8 * n));
            tally::reading(words).at_peak(word(bytes, at + tally::EPOCH), epoch)
        };
        let redone = u32::try_from(state(heap::REDO_RECORD)).ok().and_then(|record| record.checked_sub(1));
        let mut sums: BTreeMap<u32, Reading> = BTreeMap::new();
        let mut add = |id: u32, reading: Reading| {
            if reading != Reading::default() {
                sums.entry(id).or_default().add(&reading);
            }
        };
        let places = |range: &Range<usize>| {
            range.clone().step_by(tally::SIZE).filter(|at| at + tally::SIZE <= bytes.len())
        };
        for (ordinal, range) in &self.tallies {
            let many = (range.len() / tally::SIZE) as u32;
            for (n, at) in (0..).zip(places(range)) {
                let id = ordinal.wrapping_mul(many).wrapping_add(n);
                if redone != Some(id) {
                    add(id, read(at));
                }
            }
        }
        if let Some(id) = redone {
            let words = std::array::from_fn(|n| state(heap::REDO_COUNTS + n));
            add(id, tally::reading(words).at_peak(state(heap::REDO_EPOCH) as u32, epoch));
        }
        for at in self.lines.iter().flat_map(places) {
            let is_done = redone.is_some() && state(heap::REDO_LINE) == at as u64;
            if let Some(id) = word(bytes, at + tally::ID).checked_sub(1).filter(|_| !is_done) {
                add(id, read(at));
            }
        }
        sums
    }

    fn extra(&self, bytes: &[u8], id: u32) -> ExtraReading {
        let at = self.extras.values().next().and_then(|first| {
            let many = u32::try_from(first.len() / extra::SIZE).ok().filter(|many| *many > 0)?;
            let chunk = self.extras.get(&(id / many))?;
            let at = chunk.start + (id % many) as usize * extra::SIZE;
            (at + extra::SIZE <= chunk.end).then_some(at)
        });
        at.map_or_else(ExtraReading::default, |at| ExtraReading {
            copied_bytes: long(bytes, at + extra::COPIED_BYTES),
            samples: long(bytes, at + extra::SAMPLES) as i64,
            variance: long(bytes, at + extra::VARIANCE) as i64,
        })
    }

    /// All modules that were ever loaded, the newest lists first.
    fn loaded(&self, bytes: &[u8]) -> Vec<LoadedModule> {
        let mut lists = self.modules.clone();
        lists.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        let texts = lists.iter().filter_map(|(_, range)| std::str::from_utf8(bytes.get(range.clone())?).ok());
        let mut loaded: Vec<LoadedModule> = Vec::new();
        for module in texts.flat_map(str::lines).take(MOST_MODULES).filter_map(module) {
            if !loaded.iter().any(|known| known.range == module.range && known.path == module.path) {
                loaded.push(module);
            }
        }
        loaded
    }
}

/// A line of the list of modules.
fn module(line: &str) -> Option<LoadedModule> {
    let mut fields = line.splitn(5, ' ');
    let mut number = || usize::from_str_radix(fields.next()?, 16).ok();
    let (start, end, bias) = (number()?, number()?, number()?);
    let digits = fields.next()?;
    let build_id = (0..digits.len() / 2)
        .map(|n| u8::from_str_radix(digits.get(2 * n..2 * n + 2)?, 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    Some(LoadedModule { path: fields.next()?.to_owned(), build_id, range: start..end, bias })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TALLIES: usize = heap::SIZE;
    const LINES: usize = TALLIES + 4 * tally::SIZE;
    const END: usize = LINES + 2 * tally::SIZE;

    /// A file of the state, four tallies and two lines.
    struct File(Vec<u8>);

    impl File {
        fn new(epoch: u64) -> Self {
            let mut file = Self(vec![0; END]);
            for (word, value) in
                [(heap::RECORDING, 1), (heap::MODE, 2), (heap::EPOCH, epoch), (heap::PEAK, 900)]
            {
                file.state(word, value);
            }
            file
        }

        fn state(&mut self, word: usize, value: u64) {
            self.0[8 * word..8 * word + 8].copy_from_slice(&value.to_ne_bytes());
        }

        /// Allocated and freed blocks of ten bytes; at the peak of `epoch` so many.
        fn tally(&mut self, at: usize, id: u32, [allocated, freed, peak]: [u64; 3], epoch: u32) {
            self.0[at..at + 4].copy_from_slice(&id.to_ne_bytes());
            self.0[at + 4..at + 8].copy_from_slice(&epoch.to_ne_bytes());
            let counts = [allocated, 10 * allocated, freed, 10 * freed, 0, peak, 10 * peak];
            self.0[at + 8..at + 64].copy_from_slice(counts.map(u64::to_ne_bytes).as_flattened());
        }

        /// Blocks allocated, freed and live at the peak, by record.
        fn read(&self) -> Option<Vec<[u64; 3]>> {
            let mut parts = HeapParts { state: 0..heap::SIZE, ..HeapParts::default() };
            parts.tallies.push((0, TALLIES..LINES));
            parts.lines.push(LINES..END);
            let snapshot = parts.snapshot(&Parts::default(), &self.0, 0)?;
            let counts = snapshot.traces.iter().map(|trace| trace.counts);
            Some(counts.map(|counts| [counts.allocations, counts.frees, counts.peak_blocks]).collect())
        }
    }

    #[test]
    fn what_threads_hold_and_have_handed_over_is_added_up() {
        let mut file = File::new(7);
        file.tally(TALLIES + tally::SIZE, 0, [5, 2, 4], 7);
        file.tally(TALLIES + 2 * tally::SIZE, 0, [1, 0, 0], 6);
        file.tally(LINES, 2, [10, 1, 0], 7);
        // Nothing has changed since the peak: what is live was live then.
        assert_eq!(file.read(), Some(vec![[15, 3, 4], [1, 0, 1]]));
    }

    #[test]
    fn a_line_that_was_being_folded_counts_once_however_far_that_had_come() {
        let (before, line, after) = ([5, 2, 3], [10, 1, 9], [15, 3, 12]);
        let at = TALLIES + tally::SIZE;
        for (tally, held) in [(before, Some(line)), (after, Some(line)), (after, None)] {
            let mut file = File::new(1);
            file.tally(at, 0, tally, 1);
            if let Some(held) = held {
                file.tally(LINES, 2, held, 1);
            }
            // Another thread's of the same record.
            file.tally(LINES + tally::SIZE, 2, [1, 0, 1], 1);
            let [allocated, freed, peak] = after;
            let counts = [allocated, 10 * allocated, freed, 10 * freed, 0, peak, 10 * peak];
            let words = [2, LINES as u64, 1].into_iter().chain(counts);
            words.enumerate().for_each(|(n, word)| file.state(heap::REDO_RECORD + n, word));
            assert_eq!(file.read(), Some(vec![[16, 3, 13]]), "{tally:?}, {held:?}");
        }
    }

    #[test]
    fn a_recording_that_has_ended_or_is_not_all_in_the_file_is_told_by_its_snapshots() {
        for (word, value) in [(heap::RECORDING, 0), (heap::OUTSIDE, 1), (heap::MODE, 1)] {
            let mut file = File::new(0);
            assert!(file.read().is_some());
            file.state(word, value);
            assert_eq!(file.read(), None, "{word}");
        }
    }

    /// Adds `bytes` as a chunk and, again and again, with one of its first `many` bits turned round. The parts without and with
    /// each, and how many records are told to be damaged.
    fn with_bits_turned(chunk: &Chunk, bytes: &[u8], many: usize) -> (HeapParts, Vec<(u64, HeapParts)>) {
        let read = |bytes: &[u8]| {
            let mut parts = HeapParts::default();
            (parts.add(chunk, bytes, 0..bytes.len()), parts)
        };
        let turned = (0..many).map(|bit| {
            let mut bytes = bytes.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            read(&bytes)
        });
        (read(bytes).1, turned.collect())
    }

    #[test]
    fn a_damaged_list_of_modules_is_left_out() {
        let list = b"7f00 7fff 7000 00ff /a b.so\n";
        let chunk = Chunk {
            filled: list.len() as u32,
            check: super::super::layout::checksum(list),
            ..Chunk::new(Kind::HeapModules, list.len() + 8)
        };
        let bytes = [&list[..], &[0; 8]].concat();
        let (sound, turned) = with_bits_turned(&chunk, &bytes, 8 * list.len());
        assert_eq!(sound.loaded(&bytes).len(), 1);
        for (damaged, parts) in turned {
            assert_eq!((damaged, parts.modules.len()), (1, 0));
        }
    }

    #[test]
    fn a_damaged_record_is_left_out() {
        let mut words = vec![0, 5 << 32 | 3, 0x10_0407, 100, 0x7f01, 0x7f02];
        let check = words[1..].iter().copied().fold(0, heap_record::mix);
        words[0] = u64::from(check) << 32 | heap_record::MARK | 2;
        let many = 64 * words.len();
        words.extend([0; 8]);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let (sound, turned) = with_bits_turned(&Chunk::new(Kind::HeapRecords, bytes.len()), &bytes, many);
        assert_eq!(sound.records[&3].shape.first_size, 100);
        for (n, (damaged, parts)) in turned.iter().enumerate() {
            assert_eq!((*damaged, parts.records.len()), (1, 0), "bit {n}");
        }
    }

    #[test]
    fn modules_are_read_as_they_were_written() {
        let read = module("7f00 7fff 7000 00ff /a b.so").expect("a line");
        assert_eq!(
            (read.path.as_str(), read.build_id, read.range, read.bias),
            ("/a b.so", vec![0, 255], 0x7f00..0x7fff, 0x7000)
        );
        for line in ["", "1 2 3", "x 2 3 00 p", "1 2 3 0x p"] {
            assert!(module(line).is_none(), "{line}");
        }
    }
}
