//! The report of a heap snapshot for people: golden files, what every line must keep to, and figures against the
//! snapshot. `BLESS=1` rewrites the golden files.
#![cfg(feature = "heap")]

#[path = "snapshots/mod.rs"]
mod snapshots;

use profile_cost_runtime::heap::{Mode, ReportOptions, Snapshot};

fn report(snapshot: &Snapshot, options: &ReportOptions) -> String {
    let mut text = Vec::new();
    snapshot.write_report(&mut text, options).unwrap();
    String::from_utf8(text).unwrap()
}

fn growth(before: &Snapshot, after: &Snapshot) -> String {
    let mut text = Vec::new();
    after.write_growth(before, &mut text, &ReportOptions::default()).unwrap();
    String::from_utf8(text).unwrap()
}

/// As if the source were there.
fn line_of_source(file: &str, line: u32) -> Option<String> {
    (file == "src/cache.rs").then(|| format!("    self.entries.insert(key, entry); // line {line}\n"))
}

const WITH_SOURCE: ReportOptions =
    ReportOptions { top: 10, source_line: Some(line_of_source), at_exit: false };

#[test]
fn the_report_of_a_service() {
    snapshots::assert_golden("heap.report.txt", &report(&snapshots::service(), &WITH_SOURCE));
    snapshots::assert_golden(
        "heap.sampled.txt",
        &report(&snapshots::sampled(), &ReportOptions { top: 2, ..WITH_SOURCE }),
    );
    snapshots::assert_golden("heap.unnamed.txt", &report(&snapshots::unnamed(), &WITH_SOURCE));
    snapshots::assert_golden("heap.growth.txt", &growth(&snapshots::earlier(), &snapshots::service()));
}

#[test]
fn a_snapshot_without_traces_says_what_to_do() {
    let of = |mode| report(&Snapshot { mode, ..Snapshot::new() }, &ReportOptions::default());
    assert!(of(Mode::Off).contains("PROFILE_COST_HEAP=exact:25"), "{}", of(Mode::Off));
    assert!(of(Mode::Counters).contains("keeps no places"), "{}", of(Mode::Counters));
    assert!(of(Mode::Paths).contains("No block was recorded yet"), "{}", of(Mode::Paths));
}

/// Characters that are not seen, or change how others are.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[test]
fn no_name_becomes_a_line_or_a_command_to_the_terminal() {
    for (case, snapshot) in snapshots::all() {
        for text in [
            report(&snapshot, &ReportOptions { top: 1000, ..ReportOptions::default() }),
            growth(&snapshots::service(), &snapshot),
        ] {
            let found = text.chars().find(|&c| c != '\n' && (c.is_control() || is_unseen(c)));
            assert_eq!(found, None, "{case}");
            for line in text.lines() {
                assert!(line.chars().filter(|c| *c != '\u{301}').count() <= 120, "{case}: {line:?}");
                let starts = [
                    "  ",
                    "Heap",
                    "Note",
                    "Live",
                    "At the",
                    "Allocated",
                    "Temporary",
                    "Copied",
                    "Sizes",
                    "Stacks",
                ];
                let starts = starts.iter().chain(&["      ", "Growth", "No", "Mode"]);
                assert!(
                    line.is_empty() || starts.into_iter().any(|start| line.starts_with(start)),
                    "{case}: {line:?}"
                );
            }
        }
    }
}

/// The rows below a title, without its heads.
fn rows<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    let below = text.lines().skip_while(|line| !line.starts_with(title)).skip(2);
    below.take_while(|line| !line.is_empty()).collect()
}

#[test]
fn every_block_is_in_each_table_once() {
    for (case, snapshot) in snapshots::all() {
        let text =
            report(&snapshot, &ReportOptions { top: usize::MAX, source_line: None, ..Default::default() });
        let live: u64 = snapshot.traces.iter().map(|trace| trace.counts.live_blocks()).sum();
        let live_bytes: u64 = snapshot.traces.iter().map(|trace| trace.counts.live_bytes()).sum();
        for title in ["Live by line", "Live by type", "Live by call path"] {
            let rows = rows(&text, title);
            let blocks: u64 = (rows.iter())
                .map(|row| {
                    // `live % blocks`: the percent sign is where to count from.
                    let (_, rest) = row.split_once('%').expect(row);
                    rest.split_whitespace().next().unwrap().replace(',', "").parse::<u64>().unwrap()
                })
                .sum();
            let there = live_bytes > 0
                && match title {
                    "Live by type" => !snapshot.types.is_empty(),
                    "Live by call path" => !snapshot.paths.is_empty(),
                    _ => true,
                };
            // Blocks of no bytes are in no table of bytes.
            let empty: u64 =
                snapshot.traces.iter().filter(|t| t.first_size == 0).map(|t| t.counts.live_blocks()).sum();
            assert!(!there || (live - empty..=live).contains(&blocks), "{case}, {title}: {blocks} of {live}");
            assert!(there || rows.is_empty(), "{case}, {title}");
        }
        let temporary: u64 = snapshot.traces.iter().map(|trace| trace.counts.temporary).sum();
        let shown: u64 = (rows(&text, "Temporary").iter())
            .map(|row| row.split_whitespace().next().unwrap().replace(',', "").parse::<u64>().unwrap())
            .sum();
        assert_eq!(shown, temporary, "{case}");
    }
}

#[test]
fn the_culprit_comes_first() {
    let text = report(&snapshots::service(), &WITH_SOURCE);
    let lines = rows(&text, "Live by line");
    assert!(lines[0].contains("src/cache.rs:41 app::cache::remember"), "{text}");
    assert!(lines[1].contains("self.entries.insert(key, entry); // line 41"), "{text}");
    assert!(rows(&text, "Live by type")[0].contains("HashMap<u64, app::cache::Entry>"), "{text}");
    assert!(rows(&text, "Live by call path")[0].contains("handle > Cache::remember"), "{text}");
    assert!(rows(&text, "Copied")[0].contains("src/input.rs:88"), "{text}");
    assert!(rows(&text, "Temporary")[0].contains("src/orders.rs:17"), "{text}");
    assert!(rows(&text, "At the peak")[1].contains("src/input.rs:88"), "{text}");
    // Not much higher than now: no table.
    let mut flat = snapshots::service();
    flat.traces[1].counts.peak_bytes = 48 << 20;
    assert!(!report(&flat, &WITH_SOURCE).contains("At the peak"));
    let grown = growth(&snapshots::earlier(), &snapshots::service());
    assert!(rows(&grown, "Growth by line")[0].contains("src/cache.rs:41"), "{grown}");
    assert!(!grown.contains("src/main.rs:99"), "what is gone did not grow: {grown}");
    let none = growth(&snapshots::service(), &snapshots::service());
    assert!(none.contains("Growth by line: none grew."), "{none}");
}

#[test]
fn estimates_say_how_far_they_may_be_off() {
    let text = report(&snapshots::sampled(), &ReportOptions::default());
    // A tenth of 187.5 MiB is the standard deviation; upwards the interval is a little more than 1.96 of them.
    assert!(text.contains("188 MiB ±42 MiB"), "{text}");
    assert!(text.contains("estimated from 840 samples"), "{text}");
    assert!(text.contains("reached its cap of 256 MiB"), "{text}");
    assert!(!report(&snapshots::service(), &ReportOptions::default()).contains('±'));
}
