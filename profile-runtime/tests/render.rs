//! Renderers against golden files, against an XML parser, and against names and trees made to break them.
//! `BLESS=1 cargo test -p profile-cost-runtime --test render` writes the golden files anew.
#![cfg(all(feature = "flamegraph", feature = "pprof"))]

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use profile_cost_runtime::{Counts, DiffOptions, FlamegraphOptions, Format, Label, Metric, PathId, Profile};

/// File, line, name, index of the parent, and `[starts, self_busy, self_await]`.
type Row<'a> = (&'a str, u32, &'a str, Option<u32>, [u64; 3]);

fn profile(paths: &[Row<'_>]) -> Profile {
    let mut profile = Profile::new();
    for &(file, line, name, parent, [starts, self_busy, self_await]) in paths {
        let function = profile.add_function(Label::new(file, line, name));
        let counts = Counts { starts, returned: starts, self_busy, self_await, ..Counts::default() };
        profile.add_path(parent.map(PathId), function, &counts);
    }
    profile.threads = 2;
    profile
}

fn shop() -> Profile {
    profile(&[
        ("src/main.rs", 3, "serve", None, [1, 2_000_000, 90_000_000]),
        ("src/orders.rs", 8, "Orders", Some(0), [10, 1_000_000, 0]),
        ("src/orders.rs", 20, "Orders::load", Some(0), [10, 5_000_000, 7_000_000]),
        ("src/db.rs", 5, "query", Some(2), [30, 30_000_000, 12_000_000]),
        ("src/cache.rs", 5, "query", Some(2), [30, 400_000, 0]),
        ("src/db.rs", 5, "query", Some(1), [1, 2_500_000, 0]),
        ("src/db.rs", 50, "phase 2", Some(3), [30, 9_000_000, 0]),
        ("src/db.rs", 60, "Vec<[u8; 4]>::sum", Some(3), [30, 600_000, 0]),
        ("src/log.rs", 1, "flush", None, [2, 3, 0]),
    ])
}

fn shop_after() -> Profile {
    profile(&[
        ("src/main.rs", 9, "serve", None, [1, 2_000_000, 90_000_000]),
        ("src/orders.rs", 28, "Orders::load", Some(0), [10, 25_000_000, 7_000_000]),
        ("src/db.rs", 5, "query", Some(1), [30, 10_000_000, 12_000_000]),
        ("src/cache.rs", 5, "query", Some(1), [30, 400_000, 0]),
        ("src/new.rs", 1, "retry", Some(2), [3, 5_000_000, 0]),
    ])
}

fn folded(profile: &Profile, metric: Metric) -> String {
    let mut out = Vec::new();
    profile.write_folded(&mut out, metric).unwrap();
    String::from_utf8(out).unwrap()
}

fn svg(profile: &Profile, options: &FlamegraphOptions) -> String {
    let mut out = Vec::new();
    profile.write_flamegraph(&mut out, options).unwrap();
    String::from_utf8(out).unwrap()
}

fn diff(before: &Profile, after: &Profile, normalize: bool) -> String {
    let mut out = Vec::new();
    let options = DiffOptions { normalize, ..DiffOptions::default() };
    after.write_diff_flamegraph(before, &mut out, &options).unwrap();
    String::from_utf8(out).unwrap()
}

/// A picture as text: its captions, then `x width fill title` for each frame, by the XML parser's reading.
fn frames(svg: &str) -> String {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(svg, options).expect("well-formed XML");
    let mut rows = Vec::new();
    for node in document.descendants() {
        if node.has_tag_name((node.tag_name().namespace().unwrap_or(""), "g")) {
            let find = |name: &str| node.children().find(|c| c.tag_name().name() == name).unwrap();
            let rect = find("rect");
            rows.push(format!(
                "{:>9} {:>9} y={:<4} {:<17} {}",
                rect.attribute("x").unwrap(),
                rect.attribute("width").unwrap(),
                rect.attribute("y").unwrap(),
                rect.attribute("fill").unwrap(),
                find("title").text().unwrap()
            ));
        } else if node.tag_name().name() == "text" && node.parent().unwrap().tag_name().name() == "svg" {
            rows.insert(0, node.text().unwrap_or("").to_owned());
        }
    }
    rows.join("\n") + "\n"
}

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(expected, text, "{name} differs; if it is meant to, run the test with BLESS=1");
}

#[test]
fn folded_golden() {
    let mut text = String::new();
    for metric in [Metric::Busy, Metric::Await, Metric::Task, Metric::Calls] {
        text += &format!("## {}\n{}", metric.name(), folded(&shop(), metric));
    }
    golden("shop.folded.txt", &text);
}

#[test]
fn folded_is_sorted_by_bytes_and_loses_nothing() {
    let text = folded(&shop(), Metric::Busy);
    let lines: Vec<&str> = text.lines().collect();
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    assert_eq!(lines, sorted);
    let total: u64 = lines.iter().map(|l| l.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(total, shop().paths().iter().map(|p| p.counts.self_busy).sum::<u64>());
}

#[test]
fn flamegraph_golden() {
    let mut text = String::new();
    for metric in [Metric::Busy, Metric::Await, Metric::Calls] {
        text += &frames(&svg(&shop(), &FlamegraphOptions::new(metric)));
    }
    golden("shop.flamegraph.txt", &text);
}

#[test]
fn difference_golden() {
    let text = frames(&diff(&shop(), &shop_after(), false)) + &frames(&diff(&shop(), &shop_after(), true));
    golden("shop.diff.txt", &text);
}

#[test]
fn no_difference_has_no_colour() {
    let rows = frames(&diff(&shop(), &shop(), false));
    assert!(
        rows.lines().filter(|row| row.contains("rgb")).all(|row| row.contains("rgb(250,250,250)")),
        "{rows}"
    );
}

/// Every format of the same profile, one after the other.
fn everything() -> Vec<u8> {
    let mut all = Vec::new();
    for format in [
        Format::Callgrind,
        Format::Flamegraph,
        Format::Folded,
        Format::Html,
        Format::Json,
        Format::Pprof,
        Format::Pstats,
        Format::Speedscope,
        Format::Text,
    ] {
        shop().write(format, &mut all).unwrap();
    }
    all.extend(diff(&shop(), &shop_after(), true).into_bytes());
    all
}

/// In processes of their own, since hash maps are in another order in each; and in one of them twice, since what
/// is drawn may depend on what was drawn before.
#[test]
fn the_same_profile_gives_the_same_bytes() {
    let (times, file) = ("PROFILE_COST_TEST_TIMES", "PROFILE_COST_TEST_FILE");
    if let (Ok(times), Some(file)) = (std::env::var(times), std::env::var_os(file)) {
        let times: usize = times.parse().unwrap();
        let all: Vec<_> = (0..times).map(|_| everything()).collect();
        return std::fs::write(file, &all[times - 1]).unwrap();
    }
    let written = [1, 2].map(|often| {
        let name = format!("profile-cost-{}-same-{often}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["the_same_profile_gives_the_same_bytes", "--exact"])
            .env(times, often.to_string())
            .env(file, &path)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{status}");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        bytes
    });
    let [first, second] = &written;
    assert!(first.len() > 10_000);
    let at = first.iter().zip(second).position(|(first, second)| first != second);
    let excerpt = |bytes: &[u8], at: usize| {
        String::from_utf8_lossy(&bytes[at.saturating_sub(100)..bytes.len().min(at + 100)]).into_owned()
    };
    assert_eq!(at.map(|at| (excerpt(first, at), excerpt(second, at))), None);
    assert_eq!(first.len(), second.len());
}

#[test]
fn search_and_zoom_are_in_the_picture() {
    let text = svg(&shop(), &FlamegraphOptions::default());
    for part in [r#"id="search""#, r#"id="unzoom""#, "function zoom(", "function search("] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn an_empty_profile_says_what_to_do() {
    let text = svg(&Profile::new(), &FlamegraphOptions { title: "a <b> & c".into(), ..Default::default() });
    assert!(frames(&text).contains("profile_cost::enable()"), "{text}");
    assert!(frames(&text).contains("a <b> & c"));
    let no_await = profile(&[("a.rs", 1, "f", None, [1, 5, 0])]);
    assert!(frames(&svg(&no_await, &FlamegraphOptions::new(Metric::Await))).contains("Metric::Calls"));
    assert!(frames(&diff(&shop(), &Profile::new(), true)).contains("No calls"));
    assert!(frames(&diff(&Profile::new(), &shop(), true)).contains("Orders::load"));
    assert_eq!(folded(&Profile::new(), Metric::Busy), "");
}

const HOSTILE: &[&str] = &[
    "</script><script>alert(1)</script>",
    "]]>",
    "<![CDATA[",
    "\"'&<>`",
    "a;b",
    "line\nfeed\r\ttab",
    "\u{0}\u{1}\u{7f}\u{9b}\u{1b}[31m",
    "\u{202e}evil\u{2066}",
    "\u{fffe}\u{ffff}\u{feff}",
    "# comment",
    "",
    " ",
    "phase 2",
    "phase 2.5",
    "12",
    "-",
    "--",
    "&#0;",
    "x_[k]",
    "拼音 7",
    "--><!--",
];

#[test]
fn hostile_names_are_frames_like_any_other() {
    let mut profile = Profile::new();
    let mut parent = None;
    for (i, name) in HOSTILE.iter().enumerate() {
        let function = profile.add_function(Label::new("s;r\nc.rs", i as u32, *name));
        let counts = Counts { starts: 1, self_busy: 1000, ..Counts::default() };
        profile.add_path(None, function, &counts);
        parent = Some(profile.add_path(parent, function, &counts));
    }
    let options = FlamegraphOptions {
        title: "]]></script>\u{0}\u{202e}".into(),
        subtitle: "\n--> \"".into(),
        ..Default::default()
    };
    let text = svg(&profile, &options);
    let rows = frames(&text);
    // A chain and, but for the chain's own root, a root for every name, and `all`.
    assert_eq!(rows.lines().filter(|r| r.contains("rgb")).count(), HOSTILE.len() * 2, "{rows}");
    assert!(!text.contains("<script>"), "a second script element");
    assert_eq!(text.matches("</script>").count(), 1);
    assert!(rows.contains(" phase 2 ("), "{rows}");
    for text in [text.as_str(), &folded(&profile, Metric::Busy)] {
        let bad = |c: char| {
            (c.is_control() && c != '\n' && c != '\r' && c != '\t') || ('\u{202a}'..='\u{2069}').contains(&c)
        };
        assert_eq!(text.chars().find(|c| bad(*c)), None);
    }
    for line in folded(&profile, Metric::Busy).lines() {
        let (stack, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<u64>().is_ok() && !stack.is_empty(), "{line}");
        let tail = stack.rsplit_once(' ').map_or("", |(_, tail)| tail);
        assert!(tail.parse::<f64>().is_err(), "{line} would be read as two values");
    }
}

#[test]
fn a_million_levels_end_in_one_frame() {
    let start = Instant::now();
    let mut profile = Profile::new();
    let function = profile.add_function(Label::new("a.rs", 1, "recurse"));
    let mut parent = None;
    for _ in 0..1_000_000 {
        parent = Some(profile.add_path(
            parent,
            function,
            &Counts { starts: 1, self_busy: 7, ..Counts::default() },
        ));
    }
    let rows = frames(&svg(&profile, &FlamegraphOptions::default()));
    assert!(rows.contains("[deeper]") && rows.contains("all (7,000,000 ns, 100%)"), "{}", &rows[..200]);
    let text = folded(&profile, Metric::Calls);
    assert_eq!(text.lines().count(), 1001);
    let total: u64 = text.lines().map(|l| l.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum();
    assert_eq!(total, 1_000_000);
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_wide_tree_is_cut_to_what_can_be_seen_and_keeps_its_total() {
    let mut profile = Profile::new();
    let main = profile.add_function(Label::new("a.rs", 1, "main"));
    let root = profile.add_path(None, main, &Counts::default());
    let mut total = 0;
    for i in 0..200_000u64 {
        let function = profile.add_function(Label::new("b.rs", i as u32, format!("f{i}")));
        profile.add_path(Some(root), function, &Counts { starts: i, self_busy: i, ..Counts::default() });
        profile.add_path(None, function, &Counts { starts: i, self_busy: 1, ..Counts::default() });
        total += i + 1;
    }
    let options = FlamegraphOptions { min_percent: 0.0, max_frames: 500, ..Default::default() };
    let rows = frames(&svg(&profile, &options));
    let drawn: HashMap<&str, usize> =
        HashMap::from([("frames", rows.lines().filter(|r| r.contains("rgb")).count())]);
    assert!((400..=502).contains(&drawn["frames"]), "{drawn:?}");
    assert!(rows.contains("[narrower]") && rows.contains("narrow paths drawn as part"));
    let all = rows.lines().find(|r| r.contains(" all (")).unwrap().replace(',', "");
    assert!(
        all.contains(&format!("{} µs", total / 1000)) || all.contains(&format!("{}", (total + 500) / 1000)),
        "{all}"
    );
}

#[test]
fn huge_values_stay_within_the_numbers_of_a_browser() {
    let huge = u64::MAX / 2;
    let draw = |of_g| {
        let paths = [("a.rs", 1, "f", None, [1, huge, huge]), ("a.rs", 2, "g", Some(0), of_g)];
        frames(&svg(&profile(&paths), &FlamegraphOptions::new(Metric::Task)))
    };
    let rows = draw([1, huge, 5]);
    assert!(rows.contains(" g ("), "{rows}");
    // Together one more than there are numbers.
    let rows = draw([1, 2, 0]);
    assert!(rows.contains(" f ("), "{rows}");
}

#[test]
fn ticks_become_nanoseconds() {
    let mut profile = profile(&[("a.rs", 1, "f", None, [3, 1000, 500])]);
    profile.seconds_per_tick = 0.5e-9;
    assert_eq!(folded(&profile, Metric::Busy), "f 500\n");
    assert_eq!(folded(&profile, Metric::Task), "f 750\n");
    assert_eq!(folded(&profile, Metric::Calls), "f 3\n");
}
