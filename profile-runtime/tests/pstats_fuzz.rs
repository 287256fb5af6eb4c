//! The reader of dumps on damaged ones: no panic, no memory out of proportion, and a place named in every error.
//!
//! The allocator counts, so each test holds a lock. FUZZ_BYTES: how many bytes of mutated dumps are read (ten million).
#![cfg(feature = "read")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use profile_cost_runtime::testing::{Random, generated_profile, large_profile};
use profile_cost_runtime::{Recording, SortKey, Stats, Style};

struct Counting;

/// Bytes allocated now, and the most there were since [`peak_of`] began.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(live, Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most bytes that were allocated at once while `body` ran.
fn peak_of<T>(body: impl FnOnce() -> T) -> (usize, T) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = body();
    (PEAK.load(Relaxed) - before, result)
}

/// What `Stats::read_dump` promises.
fn allowed(input: usize) -> usize {
    (64 << 10) + 120 * input
}

/// Dumps to begin with: those of real Pythons, and ours.
fn dumps() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dumps");
    let mut dumps = Vec::new();
    for version in ["2.7", "3.6", "3.13"] {
        let entries = fs::read_dir(root.join(version)).expect("committed dumps").flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "prof"));
        dumps.extend(paths.iter().map(|path| fs::read(path).expect("a dump")));
    }
    for seed in 0..12 {
        dumps.push(dump(&Stats::new(generated_profile(seed))));
    }
    dumps.retain(|dump| dump.len() < 6_000);
    assert!(dumps.len() > 12, "{}", dumps.len());
    dumps
}

fn dump(stats: &Stats) -> Vec<u8> {
    let mut bytes = Vec::new();
    stats.write_dump(&mut bytes).expect("a Vec takes every write");
    bytes
}

/// Everything that can be done with what was read.
fn exercise(stats: &mut Stats) {
    let mut sum = stats.clone();
    sum.add(&*stats).strip_dirs();
    for stats in [stats, &mut sum] {
        for style in [Style::Default, Style::Pstats] {
            stats.style(style).sort_stats([SortKey::Cumulative, SortKey::Nfl]);
            let mut out = Vec::new();
            stats.print_stats(&mut out, ()).expect("a Vec takes every write");
            stats.print_callers(&mut out, 20).expect("a Vec takes every write");
            stats.print_callees(&mut out, 0.5).expect("a Vec takes every write");
        }
        let _ = (stats.rows(()), stats.get_stats_profile());
        let written = dump(stats);
        let read = Stats::read_dump(&written).expect("what was written");
        assert!(dump(&read) == written, "what was written again reads differently");
    }
}

/// Bytes that mean something to the reader.
const TELLING: &[u8] = b"0NTFiIlgfsuaztAZRr([){\xa9\xfb\xda\xf2\xe9\xe7\x00\x01\x03\x04\x05\x7f\x80\xff";

fn mutate(random: &mut Random, dumps: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = dumps[random.index(dumps.len())].clone();
    for _ in 0..1 + random.index(6) {
        let at = random.index(bytes.len());
        let end = (at + 1 + random.index(60)).min(bytes.len());
        match random.index(9) {
            0 => bytes[at] ^= 1 << random.index(8),
            1 => bytes[at] = random.index(256) as u8,
            2 | 3 => bytes[at] = TELLING[random.index(TELLING.len())],
            4 => bytes.truncate(at.max(1)),
            5 => drop(bytes.drain(at..end)),
            // A part twice, one time or many.
            6 => {
                let part = bytes[at..end].repeat(1 + random.index(40));
                bytes.splice(at..at, part);
            }
            // A part of another dump.
            7 => {
                let other = &dumps[random.index(dumps.len())];
                let from = random.index(other.len());
                let part = other[from..(from + random.index(200)).min(other.len())].to_vec();
                bytes.splice(at..end, part);
            }
            // A number: a length, a reference, a count.
            _ => {
                let numbers = [0u32, 1, 2, 5, 0x7fff_ffff, 0x8000_0000, u32::MAX, random.index(1000) as u32];
                let number = numbers[random.index(numbers.len())].to_le_bytes();
                let end = (at + 4).min(bytes.len());
                bytes.splice(at..end, number);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'{');
        }
    }
    bytes
}

#[test]
fn mutated_dumps_neither_panic_nor_take_much_memory() {
    let _alone = alone();
    let limit =
        std::env::var("FUZZ_BYTES").ok().and_then(|bytes| bytes.parse().ok()).unwrap_or(10_000_000usize);
    let seed = std::env::var("FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1u64);
    let dumps = dumps();
    let mut random = Random::of_seed(seed);
    let (mut read, mut inputs, mut accepted, mut dearest) = (0, 0u64, 0u64, 0f64);
    while read < limit {
        let bytes = mutate(&mut random, &dumps);
        let done = catch_unwind(AssertUnwindSafe(|| {
            let (peak, result) = peak_of(|| Stats::read_dump(&bytes));
            assert!(peak <= allowed(bytes.len()), "{peak} bytes of memory");
            dearest = dearest.max(peak.saturating_sub(64 << 10) as f64 / bytes.len() as f64);
            match result {
                Ok(mut stats) => {
                    accepted += 1;
                    if accepted.is_multiple_of(16) {
                        exercise(&mut stats);
                    }
                }
                Err(error) => assert_place(&error.to_string(), error.offset(), &bytes),
            }
        }));
        assert!(done.is_ok(), "input {inputs} of seed {seed}: b\"{}\"", bytes.escape_ascii());
        read += bytes.len();
        inputs += 1;
    }
    println!(
        "# {inputs} inputs, {read} bytes, {accepted} read as statistics; at most {dearest:.1} bytes of memory a byte above 64 KiB"
    );
    assert!(accepted > inputs / 100, "hardly any input is read as statistics: nothing was tested");
}

/// An error is one line that names a byte of the file, or the one after its last.
fn assert_place(message: &str, offset: usize, bytes: &[u8]) {
    assert!(offset <= bytes.len(), "{message}");
    assert!(message.starts_with(&format!("byte {offset}: ")), "{message}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn every_truncation_names_a_byte() {
    let _alone = alone();
    for bytes in dumps() {
        for end in 0..bytes.len() {
            let error = match Recording::read(&bytes[..end]) {
                Err(error) => error,
                Ok(_) => panic!("cut to {end} of {} it was read", bytes.len()),
            };
            assert_place(&error.to_string(), error.offset(), &bytes[..end]);
        }
        assert!(Recording::read(&bytes).is_ok());
        let more = [&bytes[..], b"0"].concat();
        assert_eq!(Recording::read(&more).err().map(|error| error.offset()), Some(bytes.len()));
    }
}

/// Marshal by hand.
#[derive(Default)]
struct Forged(Vec<u8>);

impl Forged {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(self, code: u8, number: u32) -> Self {
        self.raw(&[code]).raw(&number.to_le_bytes())
    }

    fn text(self, code: u8, text: &[u8]) -> Self {
        self.number(code, text.len() as u32).raw(text)
    }

    fn times(mut self, count: u32, more: impl Fn(Self, u32) -> Self) -> Self {
        for i in 0..count {
            self = more(self, i);
        }
        self
    }
}

/// `(file, line, name)` with texts that were shared under those numbers.
fn label(forged: Forged, file: u32, line: u32, name: u32) -> Forged {
    forged.raw(b")\x03").number(b'r', file).number(b'i', line).number(b'r', name)
}

/// What is made to be small and to stand for much.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let begin = || Forged::default().raw(b"{");
    // Shared texts 0 and 1, as the first label; figures shared as 3.
    let named = |text: &[u8]| {
        let key = begin().raw(b")\x03").text(b'u' | 0x80, text).number(b'i', 0).text(b'u' | 0x80, text);
        key.raw(b"\xa9\x05")
            .number(b'i', 1)
            .number(b'i', 1)
            .raw(b"g\0\0\0\0\0\0\0\0")
            .number(b'i', 1)
            .raw(b"{0")
    };
    let long = vec![b'x'; 1 << 20];
    vec![
        ("a name of a megabyte in 20,000 functions", {
            named(&long).times(20_000, |f, i| label(f, 0, i + 1, 1).number(b'r', 2)).raw(b"0").0
        }),
        ("the same label a million times", {
            named(&long).times(1_000_000, |f, _| label(f, 0, 0, 1).number(b'r', 2)).raw(b"0").0
        }),
        ("50,000 short functions", {
            named(b"").times(50_000, |f, i| label(f, 0, i + 1, 1).number(b'r', 2)).raw(b"0").0
        }),
        ("names as long as may be, in 50,000 functions", {
            let name = [b'n'; 240];
            named(&name).times(50_000, |f, i| label(f, 0, i + 1, 1).number(b'r', 2)).raw(b"0").0
        }),
        ("escapes in all names", {
            let name = [0xff; 60];
            named(&name).times(50_000, |f, i| label(f, 0, i + 1, 1).number(b'r', 2)).raw(b"0").0
        }),
        ("50,000 callers of one function", {
            let callers = begin().raw(b")\x03").text(b'u' | 0x80, b"").number(b'i', 0).text(b'u' | 0x80, b"");
            let callers = callers.raw(b")\x05").raw(&b"i\x01\0\0\0".repeat(4)).raw(b"{");
            callers.times(50_000, |f, i| label(f, 0, i, 1).number(b'i', 1)).raw(b"00").0
        }),
        ("callers shared by 20,000 functions", {
            let entry = named(b"").raw(b")\x03").number(b'r', 0).number(b'i', 1).number(b'r', 1);
            let entry = entry.raw(b"\xa9\x05").raw(&b"i\x01\0\0\0".repeat(4)).raw(b"\xfb");
            let entry = entry.times(5_000, |f, i| label(f, 0, i, 1).number(b'i', 1)).raw(b"0");
            entry.times(20_000, |f, i| label(f, 0, i + 10_000, 1).number(b'r', 3)).raw(b"0").0
        }),
        ("functions with one caller each, all shared", {
            let entry = |f: Forged, i| {
                let f = label(f, 0, i + 1, 1).raw(b"\xa9\x05").raw(&b"i\x01\0\0\0".repeat(4)).raw(b"\xfb");
                label(f, 0, i, 1).raw(b"\xa9\x04").raw(&b"i\x01\0\0\0".repeat(4)).raw(b"0")
            };
            named(b"").times(20_000, entry).raw(b"0").0
        }),
        ("only texts, all shared", {
            named(b"").raw(b")\x03\xfa\0").times(200_000, |f, _| f.raw(b"\xfa\0")).0
        }),
        (
            "only interned texts",
            named(b"").raw(b")\x03").times(200_000, |f, i| f.text(b't', &i.to_le_bytes())).0,
        ),
        ("figures of a caller without end", {
            let f = named(b"").raw(b")\x03").number(b'r', 0).number(b'i', 1).number(b'r', 1);
            let f = f.raw(b")\x05").raw(&b"i\x01\0\0\0".repeat(4)).raw(b"{");
            label(f, 0, 0, 1).number(b'(', u32::MAX - 3).times(200_000, |f, _| f.number(b'i', 1)).0
        }),
        ("a million brackets", begin().raw(&b"(\x01\0\0\0".repeat(1_000_000)).0),
        ("a million dicts", begin().raw(&b"{".repeat(1_000_000)).0),
        ("a text of 2 GiB", begin().raw(b")\x03").number(b'u', 0x7fff_ffff).0),
        ("a whole number of 4 GiB", begin().raw(b")\x03u\0\0\0\0").number(b'l', 0x7fff_ffff).0),
        ("a dict that holds itself", Forged::default().raw(b"\xfb").number(b'r', 0).raw(b"N0").0),
    ]
}

#[test]
fn bombs_take_no_more_memory_than_is_promised() {
    let _alone = alone();
    for (what, bytes) in bombs() {
        let (peak, result) = peak_of(|| Stats::read_dump(&bytes).map(|stats| stats.functions().count()));
        println!(
            "# {what}: {} bytes, {peak} of memory ({:.1} a byte), {result:?}",
            bytes.len(),
            peak as f64 / bytes.len() as f64
        );
        assert!(peak <= allowed(bytes.len()), "{what}: {peak} bytes of memory for {}", bytes.len());
    }
}

/// What a large real dump costs: far less than what is promised for any.
#[test]
fn a_large_dump_takes_little_memory() {
    let _alone = alone();
    let bytes = dump(&Stats::new(large_profile(20_000, 2_000, 1)));
    let (peak, stats) = peak_of(|| Stats::read_dump(&bytes));
    assert!(dump(&stats.expect("a dump")) == bytes);
    println!("# {} bytes, {peak} of memory ({:.1} a byte)", bytes.len(), peak as f64 / bytes.len() as f64);
    assert!(peak < 5 * bytes.len(), "{peak} for {}", bytes.len());
}
