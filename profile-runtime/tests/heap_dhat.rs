//! Heap snapshots as valgrind's `dh_view.html` shows them, in headless Chromium.
#![cfg(feature = "heap")]

mod judges;
mod readers;
#[path = "snapshots/mod.rs"]
mod snapshots;

use std::path::PathBuf;
use std::process::Command;

use judges::{available, run, scratch};
use profile_cost_runtime::heap::{Snapshot, TraceCounts};
use serde_json::Value;

fn dhat(snapshot: &Snapshot) -> Value {
    let mut bytes = Vec::new();
    snapshot.write_dhat(&mut bytes).unwrap();
    let text = std::str::from_utf8(&bytes).unwrap();
    assert!(!text.contains(['<', '>', '&']), "may stand inside <script>");
    serde_json::from_str(text).unwrap()
}

#[test]
fn stacks_are_there_once_and_add_up() {
    for (case, snapshot) in snapshots::all() {
        let json = dhat(&snapshot);
        assert_eq!((&json["dhatFileVersion"], &json["mode"]), (&2.into(), &"rust-heap".into()));
        // What is not known is not claimed.
        assert_eq!(json["bkacc"], false);
        let points = json["pps"].as_array().unwrap();
        assert!(points.iter().all(|point| point.get("tl").is_none()), "{case}");
        let mut stacks: Vec<&Value> = points.iter().map(|point| &point["fs"]).collect();
        stacks.sort_by_key(|stack| stack.to_string());
        stacks.dedup();
        assert_eq!(stacks.len(), points.len(), "{case}: a stack twice, which the viewer refuses");
        let frames = json["ftbl"].as_array().unwrap();
        assert_eq!(frames[0], "[root]");
        let sum = |key: &str| points.iter().map(|point| point[key].as_u64().unwrap()).sum::<u64>();
        let totals = snapshot.traces.iter().fold(TraceCounts::default(), |mut sum, trace| {
            sum.add(&trace.counts);
            sum
        });
        assert_eq!([sum("tb"), sum("tbk")], [totals.allocated_bytes, totals.allocations], "{case}");
        assert_eq!([sum("gb"), sum("gbk")], [totals.peak_bytes, totals.peak_blocks], "{case}");
        let live = [totals.allocated_bytes - totals.freed_bytes, totals.allocations - totals.frees];
        assert_eq!([sum("eb"), sum("ebk")], live, "{case}");
        for point in points {
            let of = |key: &str| point[key].as_u64().unwrap();
            assert!(of("mb") >= of("gb").max(of("eb")) && of("mbk") >= of("gbk").max(of("ebk")), "{case}");
            let stack = point["fs"].as_array().unwrap();
            assert!(!stack.is_empty(), "{case}");
            assert!(
                stack.iter().all(|frame| (1..frames.len() as u64).contains(&frame.as_u64().unwrap())),
                "{case}"
            );
        }
    }
}

/// valgrind's viewer: PROFILE_COST_DH_VIEW, or where distributions put it.
fn viewer() -> Option<PathBuf> {
    let places = ["/usr/libexec/valgrind/dh_view.html", "/usr/lib/valgrind/dh_view.html"].map(PathBuf::from);
    let named = std::env::var_os("PROFILE_COST_DH_VIEW").map(PathBuf::from);
    let found = named.into_iter().chain(places).find(|path| path.is_file());
    if found.is_none() {
        readers::skipped("dh_view.html (Debian's valgrind)");
    }
    found
}

#[test]
fn the_viewer_shows_the_totals() {
    let Some(viewer) = viewer() else { return };
    let chromium = std::env::var_os("PROFILE_COST_CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
    let modules = std::env::var_os("PROFILE_COST_NODE_MODULES")
        .map_or_else(|| readers::script("node_modules"), PathBuf::from);
    if !available("node", Command::new("node").arg("--version"))
        || !available("chromium", Command::new(chromium).arg("--version"))
    {
        return;
    }
    if !modules.join("playwright-core").is_dir() {
        readers::skipped("playwright-core (npm install --prefix tests/readers)");
        return;
    }
    let cases: Vec<_> =
        snapshots::all().into_iter().take(16).filter(|(_, snapshot)| !snapshot.traces.is_empty()).collect();
    let mut command = Command::new("node");
    command.arg(readers::script("dhat.mjs")).arg(&viewer);
    for (case, snapshot) in &cases {
        let file = scratch(&format!("heap-{}.dhat.json", case.replace(' ', "-")));
        snapshot.save(&file).unwrap();
        command.arg(file);
    }
    let shown: Vec<Value> = serde_json::from_str(&run(&mut command)).unwrap();
    assert_eq!(shown.len(), cases.len());
    for ((case, snapshot), shown) in cases.iter().zip(&shown) {
        assert_eq!(shown["errors"], Value::Array(vec![]), "{case}");
        assert!(!shown["title"].as_str().unwrap().contains("owned"), "{case}");
        let text = shown["text"].as_str().unwrap();
        let totals = snapshot.totals();
        for (what, bytes, blocks) in [
            ("Total:", totals.allocated_bytes, totals.allocations),
            ("At t-gmax:", totals.peak_bytes, totals.peak_blocks),
            ("At t-end:", totals.live_bytes(), totals.live_blocks()),
        ] {
            let (bytes, blocks) = (thousands(bytes), thousands(blocks));
            // The first is that of the root.
            let line = text
                .lines()
                .find(|line| line.trim_start().starts_with(what))
                .unwrap_or_else(|| panic!("{case}: {text}"));
            assert!(line.contains(&format!("{bytes} bytes")), "{case}: {bytes} bytes in {line:?}");
            assert!(line.contains(&format!(" in {blocks} blocks")), "{case}: {blocks} blocks in {line:?}");
        }
        assert!(!text.contains("Reads:") && !text.contains("Writes:"), "{case}: {text}");
    }
    let service = shown[0]["text"].as_str().unwrap();
    assert!(service.contains("app::orders::parse (src/orders.rs:17)"), "{service}");
    assert!(service.contains("/srv/bin/app (recorded by profile-cost as exact:25"), "{service}");
}

fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
