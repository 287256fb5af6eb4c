//! pprof files against the profile they were made from: by a decoder of the wire format here, and by `go tool pprof`.
#![cfg(feature = "pprof")]

mod judges;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::process::Command;

use judges::{Figures, available, cases, run, scratch, stack, wall};
use profile_cost_runtime::testing::large_profile;
use profile_cost_runtime::{Counts, Label, Profile};

/// Deepest path that is written whole.
const MAX_DEPTH: usize = 1000;

/// A field of a message: its number, and its varint or its bytes.
enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0u64;
    for shift in (0..).step_by(7) {
        let (first, rest) = bytes.split_first().expect("a varint ends");
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift).expect("at most ten bytes");
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}

fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        fields.push(match key & 7 {
            0 => Field::Number(key >> 3, varint(&mut bytes)),
            2 => {
                let len = varint(&mut bytes) as usize;
                let (content, rest) = bytes.split_at(len);
                bytes = rest;
                Field::Bytes(key >> 3, content)
            }
            other => panic!("wire type {other}"),
        });
    }
    fields
}

/// The field's number, 0 when it is not there; twice is a mistake.
fn number(bytes: &[u8], field: u64) -> u64 {
    let mut found = fields(bytes).into_iter().filter_map(|f| match f {
        Field::Number(n, value) if n == field => Some(value),
        _ => None,
    });
    let value = found.next().unwrap_or(0);
    assert!(found.next().is_none(), "field {field} twice");
    value
}

fn messages(bytes: &[u8], field: u64) -> Vec<&[u8]> {
    let of = fields(bytes).into_iter();
    of.filter_map(|f| match f {
        Field::Bytes(n, content) if n == field => Some(content),
        _ => None,
    })
    .collect()
}

fn packed(bytes: &[u8], field: u64) -> Vec<u64> {
    let mut values = Vec::new();
    for mut content in messages(bytes, field) {
        while !content.is_empty() {
            values.push(varint(&mut content));
        }
    }
    values
}

/// What a pprof file holds, whoever read it.
#[derive(Debug, Default)]
struct Decoded {
    types: Vec<String>,
    default_type: String,
    samples: Vec<Sample>,
    comments: Vec<String>,
    duration: u64,
    /// Name, system name, file, line; by id from 1.
    functions: Vec<(String, String, String, u64)>,
}

#[derive(Debug, Default)]
struct Sample {
    /// Locations from 1, innermost first.
    stack: Vec<usize>,
    values: Vec<i64>,
    labels: Vec<(String, String)>,
}

fn bytes(profile: &Profile) -> Vec<u8> {
    let mut out = Vec::new();
    profile.write_pprof(&mut out).unwrap();
    out
}

fn decode(profile: &Profile) -> Decoded {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(&bytes(profile)[..]).read_to_end(&mut raw).expect("gzip");
    let strings: Vec<String> =
        messages(&raw, 6).iter().map(|text| std::str::from_utf8(text).expect("UTF-8").to_owned()).collect();
    assert_eq!(strings[0], "");
    assert_eq!(strings.iter().collect::<BTreeSet<_>>().len(), strings.len(), "a string twice");
    let text = |index: u64| strings[index as usize].clone();

    let mapping = messages(&raw, 3);
    assert_eq!(mapping.len(), 1);
    assert_eq!([1, 7, 8, 9].map(|field| number(mapping[0], field)), [1; 4]);
    let mut decoded = Decoded {
        types: (messages(&raw, 1).iter())
            .map(|kind| format!("{}/{}", text(number(kind, 1)), text(number(kind, 2))))
            .collect(),
        default_type: text(number(&raw, 14)),
        duration: number(&raw, 10),
        comments: (fields(&raw).iter())
            .filter_map(|f| match f {
                Field::Number(13, index) => Some(text(*index)),
                _ => None,
            })
            .collect(),
        ..Decoded::default()
    };
    for (id, function) in (1..).zip(messages(&raw, 5)) {
        assert_eq!(number(function, 1), id);
        let [name, system, file] = [2, 3, 4].map(|field| text(number(function, field)));
        decoded.functions.push((name, system, file, number(function, 5)));
    }
    for (id, location) in (1..).zip(messages(&raw, 4)) {
        assert_eq!([number(location, 1), number(location, 2)], [id, 1]);
        let lines = messages(location, 4);
        assert_eq!(lines.len(), 1);
        let line = decoded.functions[id as usize - 1].3;
        assert_eq!([number(lines[0], 1), number(lines[0], 2)], [id, line]);
    }
    for sample in messages(&raw, 2) {
        let label = |label: &&[u8]| (text(number(label, 1)), text(number(label, 2)));
        decoded.samples.push(Sample {
            stack: packed(sample, 1).into_iter().map(|id| id as usize).collect(),
            values: packed(sample, 2).into_iter().map(|value| value as i64).collect(),
            labels: messages(sample, 3).iter().map(label).collect(),
        });
    }
    decoded
}

/// What `pprof -raw` prints.
fn parse_raw(text: &str) -> Decoded {
    let mut decoded = Decoded::default();
    let mut lines = text.lines().skip_while(|line| *line != "Samples:").skip(1);
    for name in lines.next().expect("the line of types").split_whitespace() {
        let (name, default) = name.strip_suffix("[dflt]").map_or((name, false), |name| (name, true));
        decoded.types.push(name.to_owned());
        if default {
            name.split('/').next().unwrap().clone_into(&mut decoded.default_type);
        }
    }
    for line in lines.by_ref().take_while(|line| *line != "Locations") {
        if let Some(label) = line.strip_prefix("                ").filter(|label| label.contains(":[")) {
            let (key, value) = label.split_once(":[").unwrap();
            let value = value.trim_end().strip_suffix(']').expect("a label's end");
            decoded.samples.last_mut().unwrap().labels.push((key.to_owned(), value.to_owned()));
            continue;
        }
        let (values, stack) = line.split_once(": ").expect(line);
        decoded.samples.push(Sample {
            stack: stack.split_whitespace().map(|id| id.parse().unwrap()).collect(),
            values: values.split_whitespace().map(|value| value.parse().unwrap()).collect(),
            labels: Vec::new(),
        });
    }
    for line in lines.take_while(|line| *line != "Mappings") {
        // `     1: 0x0 M=1 name file:line s=line(system name)`
        let (_, rest) = line.split_once(": 0x0 M=1 ").expect(line);
        decoded.functions.push((rest.to_owned(), String::new(), String::new(), 0));
    }
    decoded
}

/// The stack as it is written, innermost first, from 1; what is too deep ends in a location of its own.
fn written_stack(profile: &Profile, path: usize) -> Vec<usize> {
    let stack: Vec<usize> = stack(profile, path).iter().map(|function| function + 1).collect();
    match stack.len().checked_sub(MAX_DEPTH) {
        None | Some(0) => stack,
        Some(deeper) => [&[profile.functions().len() + 1], &stack[deeper..]].concat(),
    }
}

/// Each of a sample's values, from the counts of its path.
fn values(profile: &Profile, counts: &Counts) -> Vec<i64> {
    let ns = |ticks: u64| (ticks as f64 * profile.seconds_per_tick * 1e9).round() as u64;
    let (busy, suspended) = (ns(counts.self_busy), ns(counts.self_await));
    let heap = &counts.heap;
    let mut values = vec![counts.starts, busy + suspended, busy, suspended];
    if profile.paths().iter().any(|path| path.counts.heap != Default::default()) {
        let live = [heap.allocations - heap.frees, heap.allocated_bytes - heap.freed_bytes];
        values.extend([heap.allocations, heap.allocated_bytes, live[0], live[1]]);
    }
    values.into_iter().map(|value| value as i64).collect()
}

type ByStack = BTreeMap<Vec<usize>, Vec<i64>>;

fn add(to: &mut ByStack, stack: Vec<usize>, values: &[i64]) {
    if values.iter().any(|&value| value != 0) {
        let sums = to.entry(stack).or_insert_with(|| vec![0; values.len()]);
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
}

/// Compares everything but the texts.
fn compare(profile: &Profile, decoded: &Decoded, case: &str) {
    let times = ["calls/count", "wall/nanoseconds", "busy/nanoseconds", "await/nanoseconds"];
    let heap = ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"];
    let with_heap = profile.paths().iter().any(|path| path.counts.heap != Default::default());
    let types = [&times[..], if with_heap { &heap } else { &[] }].concat();
    assert_eq!(decoded.types, types, "{case}");
    assert_eq!(decoded.default_type, "wall", "{case}");

    // Per stack, all samples together.
    let (mut found, mut expected) = (ByStack::new(), ByStack::new());
    for sample in &decoded.samples {
        assert_eq!(sample.values.len(), types.len(), "{case}");
        add(&mut found, sample.stack.clone(), &sample.values);
    }
    for (i, path) in profile.paths().iter().enumerate() {
        add(&mut expected, written_stack(profile, i), &values(profile, &path.counts));
    }
    assert!(found == expected, "{case}: {found:?}\nis not {expected:?}");

    // What was suspended has its label and no other value; nothing else has.
    for sample in &decoded.samples {
        let suspended = [("async".to_owned(), "await".to_owned())];
        assert_eq!(sample.values[3] > 0, sample.labels == suspended, "{case}: {sample:?}");
        if sample.values[3] > 0 {
            let mut only = vec![0; types.len()];
            (only[1], only[3]) = (sample.values[3], sample.values[3]);
            assert_eq!(sample.values, only, "{case}");
        }
        let threads = sample.labels.iter().filter(|(key, _)| key == "thread").count();
        assert!(threads <= 1 && sample.labels.len() <= 1, "{case}: {sample:?}");
    }
    // Threads, by name: where the parts are no more than the whole, as they are here, each is found whole.
    let mut found: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for sample in &decoded.samples {
        for (_, name) in sample.labels.iter().filter(|(key, _)| key == "thread") {
            let sums = found.entry(name.clone()).or_default();
            *sums = [sums[0] + sample.values[0], sums[1] + sample.values[2]];
        }
    }
    let mut expected: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for thread in profile.by_thread() {
        for (_, counts) in &thread.counts {
            let ns = (counts.self_busy as f64 * profile.seconds_per_tick * 1e9).round() as i64;
            if counts.starts > 0 || ns > 0 {
                let sums = expected.entry(thread.name.clone()).or_default();
                *sums = [sums[0] + counts.starts as i64, sums[1] + ns];
            }
        }
    }
    // Names that had to be cleaned are compared by their figures alone.
    let figures = |of: &BTreeMap<String, [i64; 2]>| {
        let mut figures: Vec<[i64; 2]> = of.values().copied().collect();
        figures.sort_unstable();
        figures
    };
    if case != "hostile" {
        assert_eq!(figures(&found), figures(&expected), "{case}");
    }
    for (name, sums) in expected.iter().filter(|(name, _)| is_plain(name)) {
        assert_eq!(found.get(name), Some(sums), "{case}: thread {name}");
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ":_-".contains(c))
}

/// Ticks of a microsecond.
fn coarse() -> Profile {
    let mut profile = judges::shop();
    profile.seconds_per_tick = 1e-6;
    profile
}

#[test]
fn the_file_decodes_to_the_profile() {
    for (case, profile) in cases(120) {
        compare(&profile, &decode(&profile), &case);
    }
    compare(&coarse(), &decode(&coarse()), "coarse");
    compare(&Profile::new(), &decode(&Profile::new()), "empty");
}

#[test]
fn functions_have_names_of_their_own_on_one_line() {
    for (case, profile) in cases(120) {
        let functions = decode(&profile).functions;
        let deeper = usize::from(case == "deep");
        assert_eq!(functions.len(), profile.functions().len() + deeper, "{case}");
        let names: BTreeSet<&str> = functions.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names.len(), functions.len(), "{case}: two of one name");
        for ((name, system, file, line), function) in functions.iter().zip(profile.functions()) {
            let label = &function.label;
            assert_eq!(*line, u64::from(label.line));
            assert_ne!(name, system, "pprof would take it for C++");
            assert!(
                ![name, system, file].into_iter().any(|text| text.chars().any(char::is_control)),
                "{name:?}"
            );
            if is_plain(&label.name) && is_plain(&label.file) {
                assert!(
                    name.starts_with(label.name.chars().take(300).collect::<String>().as_str()),
                    "{name}"
                );
                assert_eq!(*file, label.file);
                assert_eq!(*system, format!("{}:{}({})", label.file, label.line, label.name));
            }
        }
    }
}

#[test]
fn what_was_lost_and_how_long_it_took_is_in_the_file() {
    let decoded = decode(&judges::shop());
    assert_eq!(decoded.comments, ["calls counted as [truncated], because the cap on paths was reached: 12"]);
    assert_eq!(decoded.duration, 1_500_000_000);
}

#[test]
fn sums_too_large_stay_at_the_largest_number() {
    let mut profile = Profile::new();
    let f = profile.add_function(Label::new("a.rs", 1, "f"));
    let counts = Counts { starts: u64::MAX, self_busy: u64::MAX, self_await: 5, ..Counts::default() };
    profile.add_path(None, f, &counts);
    let samples = decode(&profile).samples;
    assert_eq!(samples[0].values, [i64::MAX, i64::MAX, i64::MAX, 0]);
}

#[test]
fn the_same_profile_gives_the_same_bytes() {
    assert_eq!(bytes(&judges::shop()), bytes(&judges::shop()));
    assert!(bytes(&large_profile(2_000, 50, 1)).len() < 100_000);
}

fn pprof(arguments: &[&str], file: &Path) -> String {
    let folder = file.parent().unwrap();
    run(Command::new("go").args(["tool", "pprof"]).args(arguments).arg(file).env("PPROF_TMPDIR", folder))
}

fn go() -> bool {
    available("go tool pprof (Debian's golang-go)", Command::new("go").args(["tool", "-n", "pprof"]))
}

fn saved(profile: &Profile, case: &str) -> std::path::PathBuf {
    let file = scratch(&format!("{}.pb.gz", case.replace(' ', "-")));
    profile.save(&file).unwrap();
    file
}

#[test]
fn go_reads_what_is_in_the_profile() {
    if !go() {
        return;
    }
    for (case, profile) in cases(24) {
        let file = saved(&profile, &format!("raw {case}"));
        let text = pprof(&["-raw"], &file);
        let mut read = parse_raw(&text);
        // pprof numbers the locations anew; what it says of each leads back to ours.
        let ours = decode(&profile).functions;
        let places: Vec<String> = (ours.iter())
            .map(|(name, system, file, line)| format!("{name} {file}:{line} s={line}({system})"))
            .collect();
        let known = |place: &String| places.iter().position(|ours| ours == place);
        let ids: Vec<usize> = (read.functions.iter())
            .map(|(place, ..)| known(place).unwrap_or_else(|| panic!("{case}: {place}")) + 1)
            .collect();
        read.samples.iter_mut().flat_map(|sample| &mut sample.stack).for_each(|id| *id = ids[*id - 1]);
        compare(&profile, &read, &case);
    }
}

/// A sample type and its values here.
type Column = (&'static str, fn(&Counts) -> u64);

/// Flat and cumulative of each name that `-top` lists.
fn top(profile: &Profile, case: &str, index: &str) -> BTreeMap<String, (u64, u64)> {
    let file = saved(profile, &format!("top {case}"));
    let index = format!("-sample_index={index}");
    let text = pprof(&["-top", "-trim=false", "-unit=ns", &index], &file);
    let rows = text.lines().skip_while(|line| line.trim() != "flat  flat%   sum%        cum   cum%").skip(1);
    let value = |token: &str| token.trim_end_matches("ns").trim_end_matches('B').parse::<u64>().unwrap();
    rows.map(|row| {
        let mut rest = row;
        let mut token = || {
            let (first, after) = rest.trim_start().split_once(' ').expect("six columns");
            rest = after;
            first
        };
        let [flat, _, _, cumulative, _] = [(); 5].map(|()| token());
        (rest[1..].to_owned(), (value(flat), value(cumulative)))
    })
    .collect()
}

#[test]
fn go_sums_by_function_as_the_profile_does() {
    if !go() {
        return;
    }
    for (case, profile) in cases(10).into_iter().filter(|(case, _)| case != "deep") {
        let names: Vec<String> = decode(&profile).functions.into_iter().map(|(name, ..)| name).collect();
        let columns: [Column; 4] = [
            ("calls", |counts| counts.starts),
            ("wall", wall),
            ("busy", |counts| counts.self_busy),
            ("await", |counts| counts.self_await),
        ];
        for (index, value) in columns {
            let figures = Figures::of(&profile, |_, counts| value(counts));
            let expected: BTreeMap<String, (u64, u64)> = (figures.cumulative.iter())
                .map(|(&function, &cumulative)| {
                    let own = figures.own.get(&function).copied().unwrap_or(0);
                    (names[function].clone(), (own, cumulative))
                })
                .collect();
            let mut found = top(&profile, &case, index);
            // Functions that have none of it are listed or not.
            found.retain(|_, (_, cumulative)| *cumulative > 0);
            assert_eq!(found, expected, "{case}: {index}");
        }
    }
}

#[test]
fn go_shows_threads_and_suspensions() {
    if !go() {
        return;
    }
    let profile = judges::shop();
    let text = pprof(&["-traces", "-unit=ns"], &saved(&profile, "traces"));
    for label in ["    thread:  worker-1", "    thread:  worker-2", "     async:  await"] {
        assert!(text.lines().any(|line| line.trim_end() == label), "{label} is not in {text}");
    }
    let blocks = text.split("-----------+-------------------------------------------------------").skip(1);
    let value = |block: &str| {
        let tokens = block.lines().filter_map(|line| line.split_whitespace().next());
        tokens.filter_map(|token| token.trim_end_matches("ns").parse::<u64>().ok()).next().unwrap_or(0)
    };
    assert_eq!(blocks.map(value).sum::<u64>(), Figures::of(&profile, |_, counts| wall(counts)).total);
    // Names are left as they are.
    assert!(text.contains("Vec<[u8; 4]>::sum(x)"), "{text}");
    let comments = pprof(&["-comments"], &saved(&profile, "comments"));
    assert_eq!(comments.trim(), decode(&profile).comments.join("\n"));
}
