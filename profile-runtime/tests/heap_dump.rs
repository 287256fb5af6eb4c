//! Dumps of heap snapshots: nothing is lost, and damaged files are refused with the line that is wrong, within bounds.
//! `FUZZ_BYTES=1000000000` reads that many bytes instead of twenty million.
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

mod fuzzing;

use std::time::Instant;

use profile_cost_runtime::heap::{
    Filter, FrameId, Growth, KeyType, LoadError, Measure, Snapshot, SourceLines, Statistic, TopOptions, Trace,
};
use profile_cost_runtime::testing::{CountingAllocator, Random, generated_heap_snapshot};

#[global_allocator]
static MEMORY: CountingAllocator = CountingAllocator::new();

/// Memory that reading may take, in bytes of the file. The worst is a list of nothing but the shortest records, which
/// is doubled when it grows: `source`, a number and four tabs stand for the 80 bytes of three names and a line.
const PROPORTION: usize = 12;
/// And on top of that for any file.
const ANY_FILE: usize = 8 * 1024;

const KEY_TYPES: [KeyType; 8] = [
    KeyType::Lineno,
    KeyType::Filename,
    KeyType::Traceback,
    KeyType::Function,
    KeyType::Crate,
    KeyType::CallPath,
    KeyType::Type,
    KeyType::SizeClass,
];
const MEASURES: [Measure; 5] =
    [Measure::Live, Measure::Allocated, Measure::Peak, Measure::Temporary, Measure::Copied];

fn dumped(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot.write_dump(&mut bytes).expect("memory takes all");
    bytes
}

fn read(bytes: &[u8]) -> Result<Snapshot, LoadError> {
    Snapshot::read_dump(&mut &bytes[..])
}

/// What fields are replaced by.
const PIECES: &[&str] = &[
    "0",
    "-1",
    "1",
    "-",
    "",
    " ",
    "+1",
    "1.5",
    "1e9",
    "inf",
    "NaN",
    "128",
    "129",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999",
    "\t",
    "\n",
    "\r\n",
    "\\",
    "\\q",
    "\\u{",
    "\\u{110000}",
    "\\u{d800}",
    "\u{feff}",
    "\0",
    "end\t3\n",
    "frame\t-\t0\n",
    "source\t1\t\t\t\n",
    "type\t\n",
    "path\t0\t1\ta\tb\n",
    "named\tyes\n",
    "mode\texact:25\n",
];

fn mutate(file: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..1 + random.index(4) {
        let at = random.index(bytes.len());
        let end = (at + 1 + random.index(40)).min(bytes.len());
        match random.index(12) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.index(8),
            1 => drop(bytes.splice(at..end, std::iter::empty())),
            2 => bytes.truncate(at),
            3 => {
                // Lines doubled, and the number of the last one with them: the rest is what is damaged.
                let from = line_start(&bytes, at);
                let to = line_start(&bytes, end).max(from);
                let again = bytes[from..to].repeat(1 + random.index(20));
                bytes.splice(from..from, again);
                renumber(&mut bytes);
            }
            4 => {
                let from = random.index(other.len());
                let piece = &other[from..(from + random.index(2000)).min(other.len())];
                bytes.splice(at..end, piece.iter().copied());
                renumber(&mut bytes);
            }
            5..=8 => {
                let digit = |byte: &u8| byte.is_ascii_digit();
                let begin = bytes[at..].iter().position(digit).map_or(at, |more| at + more);
                let end =
                    bytes[begin..].iter().position(|b| !digit(b)).map_or(bytes.len(), |more| begin + more);
                bytes.splice(begin..end, random.pick(PIECES).bytes());
            }
            9 | 10 => {
                // A record out of place.
                let from = line_start(&bytes, at);
                let to =
                    bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |more| at + more + 1);
                let line: Vec<u8> = bytes.drain(from..to).collect();
                let to = random.index(bytes.len());
                let to = line_start(&bytes, to);
                bytes.splice(to..to, line);
            }
            _ => {
                bytes.splice(at..at, random.pick(PIECES).bytes());
                renumber(&mut bytes);
            }
        }
    }
    bytes
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Makes the last line say which it is.
fn renumber(bytes: &mut Vec<u8>) {
    if let Some(at) = bytes.windows(5).rposition(|window| window == b"\nend\t") {
        bytes.truncate(at + 1);
        let lines = bytes.iter().filter(|&&byte| byte == b'\n').count() + 1;
        bytes.extend(format!("end\t{lines}\n").bytes());
    }
}

/// Reads it, and answers with the memory taken for each byte of the file.
fn judge(bytes: &[u8], used: bool) -> (bool, f64) {
    let (read_back, peak) = MEMORY.peak_of(|| read(bytes));
    let allowed = ANY_FILE + PROPORTION * bytes.len();
    assert!(peak <= allowed, "{peak} bytes for {}: {}", bytes.len(), String::from_utf8_lossy(bytes));
    let ratio = peak.saturating_sub(ANY_FILE) as f64 / bytes.len().max(1) as f64;
    match &read_back {
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 400 && !text.contains(char::is_control), "{text:?}");
            let number =
                text.strip_prefix("line ").and_then(|rest| rest.split_once(':')?.0.parse::<usize>().ok());
            let lines = 1 + bytes.iter().filter(|&&byte| byte == b'\n').count();
            assert!(number.is_some_and(|number| (1..=lines).contains(&number)), "{text}, of {lines} lines");
        }
        Ok(snapshot) => {
            assert_eq!(*snapshot, read(&dumped(snapshot)).expect("what was read is written and read"));
            if used {
                use_all(snapshot);
                print_all(snapshot);
            }
        }
    }
    (read_back.is_ok(), ratio)
}

/// Everything that is made of a snapshot holds together, whatever is in it.
fn use_all(snapshot: &Snapshot) {
    for measure in MEASURES {
        let total = snapshot.total(measure);
        for key_type in KEY_TYPES {
            let rows = snapshot.statistics_by(key_type, measure, false);
            let sum = |of: fn(&Statistic) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
            assert_eq!((sum(|row| row.size), sum(|row| row.count)), (total.size, total.count), "{key_type}");
            for row in snapshot.statistics_by(key_type, measure, true) {
                assert!(row.size <= total.size && row.count <= total.count, "{key_type}: {row}");
                let (low, high) = row.interval();
                assert!((low..=high).contains(&row.size), "{row}: {low} to {high}");
                assert!(!row.to_string().contains(char::is_control), "{row}");
            }
        }
    }
}

/// Texts hold no line that a name brought along.
fn print_all(snapshot: &Snapshot) {
    let mut out = Vec::new();
    let options = TopOptions { sources: false, strip_dirs: true, ..TopOptions::default() };
    for key_type in KEY_TYPES {
        snapshot.display_top_with(&mut out, key_type, &options).expect("a Vec takes every write");
        for row in snapshot.compare_to(&Snapshot::new(), key_type, true) {
            assert!(row.size_diff >= 0 && !row.to_string().contains(char::is_control), "{row}");
        }
        let rates = snapshot.rates(key_type);
        assert!(rates.iter().all(|rate| rate.bytes_per_second.is_finite()), "{rates:?}");
    }
    snapshot.summary().print(&mut out, 5).expect("a Vec takes every write");
    let rows = Growth::new().update(snapshot, 5);
    Growth::show(&rows, &mut out).expect("a Vec takes every write");
    let filters = [Filter::call_path(true, "*-> *"), Filter::of_crate(false, "app").all_frames(true)];
    let left = snapshot.filter_traces(&filters);
    assert!(left.traces.len() <= snapshot.traces.len());
    for row in left.statistics(KeyType::Traceback, false).iter().take(5) {
        let lines = row.traceback().expect("a stack").format(None, true, &mut SourceLines::none());
        out.extend(lines.join("\n").bytes());
    }
    let text = String::from_utf8(out).expect("text");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}

fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = (0..400).map(|seed| dumped(&generated_heap_snapshot(seed))).collect();
    // Small ones, so that damage is met in all of a file; and some large.
    files.sort_by_key(Vec::len);
    files = [&files[..60], &files[250..260]].concat();
    files.push(dumped(&Snapshot::new()));
    files
}

// One test: another beside it would be in its memory.
#[test]
fn dumps_are_whole_and_damage_is_refused() {
    nothing_is_lost();
    let files = files();
    fuzzing::run(&files, 20_000_000, mutate, judge);
    cut_short(&files);
    forged();
    large();
}

fn nothing_is_lost() {
    for seed in 0..1_000 {
        let snapshot = generated_heap_snapshot(seed);
        let bytes = dumped(&snapshot);
        let again = read(&bytes).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(again, snapshot, "seed {seed}");
        let crlf: Vec<u8> = String::from_utf8(bytes).expect("text").replace('\n', "\r\n").into();
        assert_eq!(read(&crlf).expect("line ends of another system"), snapshot, "seed {seed}");
        if seed % 10 == 0 {
            use_all(&snapshot);
            print_all(&snapshot);
        }
    }
    let path = std::env::temp_dir().join(format!("profile-cost-heap-{}.heap", std::process::id()));
    let snapshot = generated_heap_snapshot(3);
    snapshot.dump(&path).expect("a file");
    let loaded = Snapshot::load(&path);
    std::fs::remove_file(&path).expect("the file just written");
    assert_eq!(loaded.expect("the file just written"), snapshot);
    assert!(matches!(Snapshot::load(&path), Err(LoadError::Io(_))));
}

/// Every beginning of a file is told from the whole, and ends at its last line.
fn cut_short(files: &[Vec<u8>]) {
    let mut ends = 0;
    for file in files {
        let step = if file.len() < 1_500 { 1 } else { file.len() / 200 };
        for end in (0..file.len()).step_by(step) {
            let lines = 1 + file[..end].iter().filter(|&&byte| byte == b'\n').count() as u64;
            match read(&file[..end]) {
                Err(LoadError::NotADump) if end == 0 => {}
                // After a newline, the line before was the last.
                Err(LoadError::CutShort { lines: at }) if at == lines || at == lines - 1 => {}
                other => panic!("{end}: {other:?}"),
            }
            ends += 1;
        }
    }
    println!("# {ends} files cut short");
}

/// Files made to take memory or time.
fn forged() {
    let head: Vec<u8> = dumped(&Snapshot::new());
    let head = String::from_utf8(head).expect("text");
    let head = head.rsplit_once("end\t").expect("an end").0;
    let trace = "trace\t0\t-\t1\t1\t1\t-\t1\t1\t0\t0\t0\t0\t0\t0\t0\t0\n";
    let deep: String = (0..20_000)
        .map(|n: u32| {
            format!("path\t{}\t1\ta\tb\n", n.checked_sub(1).map_or("-".into(), |up| up.to_string()))
        })
        .collect();
    let on_each: String = (0..20_000).map(|n| trace.replacen("0\t-", &format!("\t{n}"), 1)).collect();
    let cases = [
        "type\t\n".repeat(50_000),
        "module\t\t\n".repeat(50_000),
        "frame\t-\t0\n".repeat(50_000),
        format!("frame\t-\t0\n{}", "source\t0\t\t\t\n".repeat(50_000)),
        "path\t-\t0\t\t\n".repeat(50_000),
        format!("frame\t-\t0\n{}", trace.repeat(10_000)),
        format!("frame\t-\t0\n{}", trace.replacen('0', &vec!["0"; 50_000].join(" "), 1)),
        format!("type\t{}\n", "\\u{41}".repeat(50_000)),
        format!("type\t{}\n", "x".repeat(500_000)),
        deep + &on_each,
    ];
    for case in cases {
        let body = format!("{head}{case}");
        let file = format!("{body}end\t{}\n", body.lines().count() + 1);
        let (ok, ratio) = judge(file.as_bytes(), true);
        println!("# {:?}: {ratio:.1} times the file", case.chars().take(40).collect::<String>());
        assert!(ok, "{:?}", read(file.as_bytes()).err());
    }
    // Neither text nor lines: answered from its beginning.
    for (text, problem) in [
        ("\u{1f}\u{8b}\u{8}".repeat(1_000_000), "not a heap snapshot"),
        (format!("profile-cost heap {}", "1".repeat(1_000_000)), "not a heap snapshot"),
        ("{\"profile_cost\":1}\n".into(), "not a heap snapshot"),
        (String::new(), "not a heap snapshot"),
        ("profile-cost heap 2\nwhatever\n".into(), "version \"2\""),
        (format!("{head}end\t8\n"), "says that this is line 8"),
        (format!("{head}end\t9\nmore"), "text after the end"),
        (format!("{head}trace\t0\t-"), "before its `end`"),
        (format!("{head}source\t1\ta\tb\tc\n"), "before any frame"),
        (format!("{head}frame\t0\t0\n"), "module 0 is not there: 0 stand above"),
        (format!("{head}path\t0\t1\ta\tb\n"), "path 0 is not there"),
        (format!("{head}frame\t-\t+1\n"), "hexadecimal"),
        (format!("{head}type\ta\tb\n"), "a field too many: \"b\""),
        (format!("{head}type\n"), "too few fields"),
        (format!("{head}type\ta\\x\n"), "escapes nothing"),
        (format!("{head}magic\t1\n"), "no record is called \"magic\""),
        (head.replace("mode\toff", "mode\texact:0"), "exact: takes frames from 1 to 128"),
        (head.replace("mode\toff\n", ""), "`mode` belongs here, found \"frame_limit\""),
        (head.replace("named\tno", "named\tperhaps"), "yes or no"),
        (head.replace("0.000000000", "0.0"), "nine decimals"),
    ] {
        let (result, peak) = MEMORY.peak_of(|| read(text.as_bytes()));
        let error = result.expect_err(problem).to_string();
        assert!(error.contains(problem), "{error}, instead of {problem}");
        assert!(peak < 4 * ANY_FILE, "{problem}: {peak} bytes");
    }
}

/// A service's snapshot: time, for whoever asks.
fn large() {
    let mut snapshots = (0..).map(generated_heap_snapshot);
    let mut snapshot = snapshots
        .find(|snapshot| snapshot.frames.len() > 30 && snapshot.named && snapshot.traces.len() > 30)
        .expect("some seed");
    let frames = std::mem::take(&mut snapshot.frames);
    for at in 0..6_000 {
        let mut frame = frames[at % frames.len()].clone();
        frame.address += at as u64;
        for source in &mut frame.sources {
            source.line = at as u32;
        }
        snapshot.frames.push(frame);
    }
    let traces = std::mem::take(&mut snapshot.traces);
    let mut random = Random::of_seed(5);
    for at in 0..10_000 {
        let frames = (0..25).map(|_| FrameId(random.index(6_000) as u32)).collect();
        snapshot.traces.push(Trace { frames, ..traces[at % traces.len()].clone() });
    }
    let bytes = dumped(&snapshot);
    let begun = Instant::now();
    let (loaded, peak) = MEMORY.peak_of(|| read(&bytes));
    let time = begun.elapsed();
    assert_eq!(loaded.expect("read"), snapshot);
    println!("# 10,000 traces of 25 frames: {} bytes, read in {time:?}, {peak} bytes in memory", bytes.len());
    for key_type in KEY_TYPES {
        let begun = Instant::now();
        let rows = snapshot.statistics(key_type, true).len();
        println!("# {key_type}: {rows} rows in {:?}", begun.elapsed());
    }
}
