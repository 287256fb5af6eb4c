//! The reader of the native JSON form against damaged files: no panic, no more memory than in proportion to the
//! file, an error that names a byte of it. `FUZZ_BYTES=1000000000` reads that many bytes instead of forty million.
#![allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]

mod fuzzing;

use profile_cost_runtime::testing::{
    CountingAllocator, Random, assert_same, generated_profile, large_profile,
};
use profile_cost_runtime::{Profile, SortKey, Stats, Style};

#[global_allocator]
static MEMORY: CountingAllocator = CountingAllocator::new();

/// Memory that reading may take, in bytes of the file. The worst is a list of nothing but the shortest records:
/// `{"path":1},` stands for 112 bytes of counts, and a list that grows has room for as many again.
const PROPORTION: usize = 32;
/// And on top of that for any file.
const ANY_FILE: usize = 16 * 1024;

fn json(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    profile.write_json(&mut bytes).expect("memory takes all");
    bytes
}

/// Real files of several sizes, some with their keys in another order.
fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = (0..800).map(|seed| json(&generated_profile(seed))).collect();
    // Small ones, so that damage is met in all of a file; and some large.
    files.sort_by_key(Vec::len);
    files = [&files[..60], &files[400..410]].concat();
    files.push(json(&large_profile(300, 20, 1)));
    files.push(json(&Profile::new()));
    for at in 20..30 {
        let mut profile = Profile::read_json(&files[at]).expect("real");
        profile.seconds_per_tick = 1e-6;
        files.push(json(&profile));
        let value: serde_json::Value = serde_json::from_slice(&files[at]).expect("JSON");
        files.push(serde_json::to_vec(&value).expect("JSON"));
    }
    files
}

/// What numbers, names and structure are replaced by.
const PIECES: &[&str] = &[
    "0",
    "-1",
    "1",
    "1.5",
    "1e999",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
    "9999999999999999999999999999",
    "null",
    "true",
    "\"\"",
    "\"\\ud800\"",
    "{}",
    "[]",
    "[",
    "{",
    "]",
    "}",
    ",",
    ":",
    "\"parent\":",
    "\"function\":",
    "\"path\":",
    "\"paths\":[",
    "\"functions\":[",
    "\"by_thread\":[",
    "\"counts\":[",
    "\"significant_digits\":5,",
    "\"lowest\":9223372036854775807,",
    "\"seconds_per_tick\":1,",
    "\"profile_cost\":1,",
    "\"calls\":1,",
    "\"self_busy_ns\":18446744073709551615,",
    "{\"function\":0},",
    "{\"path\":0},",
    "[0,1],",
    "\u{feff}",
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
                let again = bytes[at..end].repeat(1 + random.index(50));
                bytes.splice(at..at, again);
            }
            4 => {
                let from = random.index(other.len());
                let piece = &other[from..(from + random.index(2000)).min(other.len())];
                bytes.splice(at..end, piece.iter().copied());
            }
            5 => {
                let deep = random.pick(&["[", "{\"x\":", "{\"paths\":[", "\""]).repeat(1 + random.index(300));
                bytes.splice(at..at, deep.into_bytes());
            }
            6..=9 => {
                // A number: from the next digit to the last in a row.
                let digit = |byte: &u8| byte.is_ascii_digit();
                let begin = bytes[at..].iter().position(digit).map_or(at, |more| at + more);
                let end =
                    bytes[begin..].iter().position(|b| !digit(b)).map_or(bytes.len(), |more| begin + more);
                bytes.splice(begin..end, random.pick(PIECES).bytes());
            }
            _ => drop(bytes.splice(at..at, random.pick(PIECES).bytes())),
        }
    }
    bytes
}

/// Reads it, and answers with the memory taken for each byte of the file.
fn judge(bytes: &[u8], report: bool) -> (bool, f64) {
    let (read, peak) = MEMORY.peak_of(|| Profile::read_json(bytes));
    let allowed = ANY_FILE + PROPORTION * bytes.len();
    assert!(peak <= allowed, "{peak} bytes for {}: {}", bytes.len(), String::from_utf8_lossy(bytes));
    let ratio = peak.saturating_sub(ANY_FILE) as f64 / bytes.len().max(1) as f64;
    match &read {
        Err(error) => {
            assert!(error.offset() <= bytes.len(), "{error}, of {}", bytes.len());
            let text = error.to_string();
            assert!(text.len() < 1_100 && !text.contains(char::is_control), "{text:?}");
        }
        Ok(profile) => {
            assert_same(
                profile,
                &Profile::read_json(&json(profile)).expect("what was read is written and read"),
            );
            if report {
                let mut stats = Stats::new(profile);
                stats.sort_stats([SortKey::Cumulative]);
                for style in [Style::Default, Style::Pstats] {
                    let stats = stats.style(style).print_stats(std::io::sink(), ());
                    stats
                        .and_then(|stats| stats.print_callers(std::io::sink(), ()))
                        .expect("a sink takes all");
                }
            }
        }
    }
    (read.is_ok(), ratio)
}

// One test: another beside it would be in its memory.
#[test]
fn damaged_files_are_refused_within_bounds() {
    let files = files();
    fuzzing::run(&files, 40_000_000, mutate, judge);
    cut_short(&files);
    forged();
}

/// Every beginning of a file ends in the middle, at its last byte.
fn cut_short(files: &[Vec<u8>]) {
    let mut ends = 0;
    for file in files {
        let whole = file.trim_ascii_end();
        let step = if whole.len() < 1_500 { 1 } else { whole.len() / 200 };
        for end in (0..whole.len()).step_by(step) {
            let error = Profile::read_json(&whole[..end]).expect_err("cut short");
            assert_eq!(error.offset(), end, "{error}");
            assert!(
                error.to_string().contains(if end == 0 { "empty" } else { "ends in the middle" }),
                "{error}"
            );
            ends += 1;
        }
    }
    println!("# {ends} files cut short");
}

/// Files made to take memory.
fn forged() {
    let many = |head: &str, piece: &str, tail: &str| {
        format!("{{\"profile_cost\":1,{head}{}{tail}", [piece].repeat(20_000).join(","))
    };
    let functions = r#""functions":[{"name":"f"}],"#;
    let path = r#""functions":[{"name":"f"}],"paths":[{"function":0}],"#;
    let name = |n: usize| {
        format!(
            "{{\"name\":\"{n}\",\"elapsed_ns\":{{\"significant_digits\":5,\"counts\":[[18446744073709551615,1]]}}}}"
        )
    };
    let named: Vec<String> = (0..20_000).map(name).collect();
    let deep: Vec<String> = (0..20_000)
        .map(|n| {
            format!(
                "{{\"function\":0{}}}",
                if n > 0 { format!(",\"parent\":{}", n - 1) } else { String::new() }
            )
        })
        .collect();
    let cases = [
        many(functions, r#"{"function":0}"#, "]}").replacen(
            r#"{"function":0}"#,
            r#""paths":[{"function":0}"#,
            1,
        ),
        many(path, r#"{"path":0}"#, "]}]}").replacen(
            r#"{"path":0}"#,
            r#""by_thread":[{"name":"","paths":[{"path":0}"#,
            1,
        ),
        many(path, r#"{"name":""}"#, "]}").replacen(r#"{"name":""}"#, r#""by_thread":[{"name":""}"#, 1),
        many("", r#"{"name":""}"#, "]}").replacen(r#"{"name":""}"#, r#""functions":[{"name":""}"#, 1),
        many("", "[1,1]", "]}}]}").replacen(
            "[1,1]",
            r#""functions":[{"name":"","elapsed_ns":{"counts":[[1,1]"#,
            1,
        ),
        format!("{{\"profile_cost\":1,\"functions\":[{}]}}", named.join(",")),
        format!("{{\"profile_cost\":1,{functions}\"paths\":[{}]}}", deep.join(",")),
        format!("{{\"profile_cost\":1,\"x\":{}", "[".repeat(200_000)),
        format!("{{\"profile_cost\":1,\"x\":\"{}\"}}", "\\u0041".repeat(50_000)),
        format!("{{\"profile_cost\":1,\"functions\":[{{\"name\":\"{}\"}}]}}", "\\u0041".repeat(50_000)),
    ];
    for case in cases {
        let (ok, ratio) = judge(case.as_bytes(), true);
        println!("# {}: {ratio:.1} times the file", case.chars().take(90).collect::<String>());
        assert!(ok || case.contains("[[[["), "{:?}", Profile::read_json(case.as_bytes()).err());
    }
}
