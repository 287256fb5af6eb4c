//! Heap snapshots as folded lines, JSON and pictures: golden files, sums, and names made to break whoever prints them.
#![cfg(all(feature = "heap", feature = "flamegraph"))]

#[path = "snapshots/mod.rs"]
mod snapshots;

use std::collections::BTreeMap;

use profile_cost_runtime::FlamegraphOptions;
use profile_cost_runtime::heap::{Format, Measure, Snapshot, StackOptions};

fn folded(snapshot: &Snapshot, options: StackOptions) -> String {
    let mut text = Vec::new();
    snapshot.write_folded(&mut text, options).unwrap();
    String::from_utf8(text).unwrap()
}

fn json(snapshot: &Snapshot) -> serde_json::Value {
    let mut bytes = Vec::new();
    snapshot.write_json(&mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("{\"profile_cost_heap\":1,"), "the version comes first");
    assert!(!text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "may stand inside <script>");
    serde_json::from_str(&text).unwrap()
}

fn value(measure: Measure, snapshot: &Snapshot) -> u64 {
    let of = |trace: &profile_cost_runtime::heap::Trace| match measure {
        Measure::Live => trace.counts.allocated_bytes - trace.counts.freed_bytes,
        Measure::Allocated => trace.counts.allocated_bytes,
        Measure::Peak => trace.counts.peak_bytes,
        Measure::Temporary => trace.counts.temporary,
        Measure::Copied => trace.counts.copied_bytes,
        _ => unreachable!("no such measure"),
    };
    snapshot.traces.iter().map(of).sum()
}

const MEASURES: [Measure; 5] =
    [Measure::Live, Measure::Allocated, Measure::Peak, Measure::Temporary, Measure::Copied];

/// Characters that are not seen, or change how others are: bidi controls, zero widths, byte order marks, tags.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn no_unseen(text: &str) {
    let found = text.chars().find(|&c| c != '\n' && (c.is_control() || is_unseen(c)));
    assert_eq!(found, None, "in {:?}", text.lines().find(|line| line.contains(|c| Some(c) == found)));
}

#[test]
fn folded_lines_of_a_service() {
    let with_types = |measure| StackOptions { measure, with_types: true };
    let mut text = String::new();
    for measure in MEASURES {
        text.push_str(&format!("# {measure:?}\n{}", folded(&snapshots::service(), with_types(measure))));
    }
    text.push_str(&format!("# unnamed\n{}", folded(&snapshots::unnamed(), StackOptions::default())));
    snapshots::assert_golden("heap.folded.txt", &text);
}

#[test]
fn folded_values_add_up_whatever_the_names() {
    for (name, snapshot) in snapshots::all() {
        for measure in MEASURES {
            for with_types in [false, true] {
                let text = folded(&snapshot, StackOptions { measure, with_types });
                no_unseen(&text);
                let mut sum = 0;
                for line in text.lines() {
                    let (stack, value) = line.rsplit_once(' ').expect("a space before the value");
                    assert!(stack.split(';').all(|frame| !frame.trim().is_empty()), "{name}: {line:?}");
                    assert!(!line.starts_with("# "), "{name}: {line:?}");
                    sum += value.parse::<u64>().expect("a number");
                }
                assert_eq!(sum, value(measure, &snapshot), "{name} {measure:?}");
            }
        }
    }
}

#[test]
fn json_of_a_service() {
    let mut bytes = Vec::new();
    snapshots::service().write_json(&mut bytes).unwrap();
    snapshots::assert_golden("heap.json", &String::from_utf8(bytes).unwrap());
}

#[test]
fn json_holds_what_the_snapshot_does() {
    for (name, snapshot) in snapshots::all() {
        let json = json(&snapshot);
        for (have, want) in [
            (&json["named"], serde_json::json!(snapshot.named)),
            (&json["mode"], serde_json::json!(snapshot.mode.to_string())),
            (&json["process"]["live_bytes"], serde_json::json!(snapshot.process.live_bytes)),
            (&json["process"]["rss_bytes"], serde_json::json!(snapshot.process.rss_bytes)),
            (&json["process"]["cgroup_limit_bytes"], serde_json::json!(snapshot.process.cgroup_limit)),
            (&json["notes"]["older_frees"], serde_json::json!(snapshot.notes.older_frees)),
            (&json["totals"]["peak_bytes"], serde_json::json!(value(Measure::Peak, &snapshot))),
            (&json["types"], serde_json::json!(snapshot.types)),
        ] {
            assert_eq!(*have, want, "{name}");
        }
        for (index, frame) in snapshot.frames.iter().enumerate() {
            let have = &json["frames"][index];
            assert_eq!(have["address"], frame.address);
            assert_eq!(have["module"], serde_json::json!(frame.module));
            for (index, source) in frame.sources.iter().enumerate() {
                let have = &have["sources"][index];
                assert_eq!(have["function"], source.function.as_str());
                assert_eq!(have["symbol"], source.symbol.as_str());
                assert_eq!(have["file"], source.file.as_str());
                assert_eq!(have["line"], source.line);
            }
        }
        for (index, path) in snapshot.paths.iter().enumerate() {
            assert_eq!(json["paths"][index]["name"], path.label.name.as_str());
            assert_eq!(json["paths"][index]["parent"], serde_json::json!(path.parent));
        }
        assert_eq!(json["traces"].as_array().unwrap().len(), snapshot.traces.len());
        for (index, trace) in snapshot.traces.iter().enumerate() {
            let have = &json["traces"][index];
            let frames: Vec<u32> = trace.frames.iter().map(|frame| frame.0).collect();
            assert_eq!(have["frames"], serde_json::json!(frames));
            assert_eq!(have["type"], serde_json::json!(trace.type_id));
            assert_eq!(have["path"], serde_json::json!(trace.path));
            assert_eq!(have["size_high_bytes"], trace.size_class.high());
            assert_eq!(have["live_bytes"], trace.counts.allocated_bytes - trace.counts.freed_bytes);
            assert_eq!(have["live_blocks"], trace.counts.allocations - trace.counts.frees);
            assert_eq!(have["temporary_blocks"], trace.counts.temporary);
            assert_eq!(have["live_variance_bytes2"], trace.counts.variance);
        }
    }
}

/// What frames of a picture are called and their values, and which kinds of elements it has.
fn picture(svg: &[u8]) -> (BTreeMap<String, u64>, Vec<String>) {
    let text = std::str::from_utf8(svg).unwrap();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(text, options).expect("XML");
    let mut frames = BTreeMap::new();
    for title in document.descendants().filter(|node| node.has_tag_name("title")) {
        let text = title.text().unwrap_or_default();
        no_unseen(text);
        // `name (1,234 bytes, 5.6%)`, of differences with more behind it.
        if let Some((name, amount)) = text.rsplit_once(" (")
            && let Some((number, unit)) = amount.split_once(' ')
            && (unit.starts_with("bytes") || unit.starts_with("blocks"))
        {
            *frames.entry(name.to_owned()).or_default() += number.replace(',', "").parse::<u64>().unwrap();
        }
    }
    let mut kinds: Vec<String> = (document.descendants().filter(|node| node.is_element()))
        .map(|node| {
            let names: Vec<&str> = node.attributes().map(|attribute| attribute.name()).collect();
            format!("{} {}", node.tag_name().name(), names.join(" "))
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    (frames, kinds)
}

#[test]
fn pictures_show_bytes_and_no_markup_from_names() {
    let look = FlamegraphOptions { min_percent: 0.0, ..FlamegraphOptions::default() };
    let draw = |snapshot: &Snapshot, measure| {
        let mut svg = Vec::new();
        snapshot.write_flamegraph(&mut svg, StackOptions { measure, with_types: true }, &look).unwrap();
        picture(&svg)
    };
    let (frames, plain) = draw(&snapshots::service(), Measure::Live);
    assert_eq!(frames["app::cache::remember (src/cache.rs:41)"], 300 * 640 * 1024);
    assert_eq!(frames["[HashMap<u64, app::cache::Entry>]"], 300 * 640 * 1024);
    assert_eq!(frames["all"], value(Measure::Live, &snapshots::service()));
    let (frames, _) = draw(&snapshots::service(), Measure::Peak);
    assert_eq!(frames["app::input::read_whole (src/input.rs:88)"], (3 * 48) << 20);
    let (frames, _) = draw(&snapshots::service(), Measure::Temporary);
    assert_eq!(frames["all"], 89_500);
    for (name, snapshot) in snapshots::all() {
        for measure in MEASURES {
            let total = value(measure, &snapshot);
            let (frames, kinds) = draw(&snapshot, measure);
            if total > 0 {
                assert_eq!(frames["all"], total, "{name} {measure:?}");
                assert!(kinds.iter().all(|kind| plain.contains(kind)), "{name}: {kinds:?}");
            }
        }
    }
}

#[test]
fn a_difference_is_red_where_it_grew_and_blue_where_it_shrank() {
    let look = FlamegraphOptions { min_percent: 0.0, ..FlamegraphOptions::default() };
    let mut svg = Vec::new();
    let (before, after) = (snapshots::earlier(), snapshots::service());
    after.write_diff_flamegraph(&before, &mut svg, StackOptions::default(), &look).unwrap();
    let text = String::from_utf8(svg.clone()).unwrap();
    let colour = |frame: &str| -> (u32, u32) {
        let (_, rest) = text.split_once(&format!("<title>{frame}")).expect(frame);
        let (_, rest) = rest.split_once("rgb(").expect("a colour");
        let mut parts = rest.split([',', ')']).map(|part| part.parse::<u32>().unwrap_or(0));
        let (red, _, blue) = (parts.next(), parts.next(), parts.next());
        (red.unwrap(), blue.unwrap())
    };
    let (red, blue) = colour("app::cache::remember");
    assert!(red > blue, "the cache grew");
    let (red, blue) = colour("ZSTD_createCCtx");
    assert!(red < blue, "the contexts shrank");
    assert!(text.contains("1 stack gone"), "the line that is gone is counted");
    let (frames, _) = picture(&svg);
    assert_eq!(frames["all"], value(Measure::Live, &after));
}

#[test]
fn the_same_snapshot_gives_the_same_bytes() {
    for (_, snapshot) in snapshots::all() {
        for format in ["json", "folded", "svg", "pprof", "dhat"] {
            let Ok(format) = format.parse::<Format>() else { continue };
            let write = || {
                let mut bytes = Vec::new();
                snapshot.write(format, &mut bytes).unwrap();
                bytes
            };
            assert_eq!(write(), write(), "{format:?}");
        }
    }
}
