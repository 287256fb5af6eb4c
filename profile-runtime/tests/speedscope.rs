//! speedscope files against the profile they were made from, as speedscope's own page reads them in a browser.
#![cfg(feature = "read")]

mod judges;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use judges::{available, cases, run, scratch};
use profile_cost_runtime::{Counts, Profile};
use serde_json::Value;

/// What a profile of speedscope's adds up to: by stack of frame indices, the time with that stack open.
fn by_stack(profile: &Value) -> BTreeMap<Vec<usize>, u64> {
    let mut sums = BTreeMap::new();
    let (mut stack, mut last) = (Vec::new(), profile["startValue"].as_u64().unwrap());
    for event in profile["events"].as_array().unwrap() {
        let (frame, at) = (event["frame"].as_u64().unwrap() as usize, event["at"].as_u64().unwrap());
        if at > last {
            *sums.entry(stack.clone()).or_default() += at - last;
        }
        last = at;
        if event["type"] == "O" {
            stack.push(frame);
        } else {
            assert_eq!(stack.pop(), Some(frame));
        }
    }
    assert!(stack.is_empty());
    assert_eq!(profile["endValue"].as_u64(), Some(last));
    sums
}

/// The same from the profile's paths. The last level of what is too deep is one frame for all below it.
fn expected(profile: &Profile, value: impl Fn(usize, &Counts) -> u64) -> BTreeMap<Vec<usize>, u64> {
    let mut sums = BTreeMap::new();
    for (i, path) in profile.paths().iter().enumerate() {
        let value = value(i, &path.counts);
        if value > 0 {
            let mut stack = judges::stack(profile, i);
            stack.reverse();
            if stack.len() > 1000 {
                stack.truncate(1000);
                stack.push(profile.functions().len());
            }
            *sums.entry(stack).or_default() += value;
        }
    }
    sums
}

/// A profile's name there and its values here.
type Column = (&'static str, fn(&Counts) -> u64);

/// Holds a file's profiles, whoever read them, against the profile. `frame` turns their frames into ours.
fn compare(profile: &Profile, views: &[Value], frame: &dyn Fn(usize) -> usize, case: &str) {
    let of_all: [Column; 6] = [
        ("await time", |counts| counts.self_await),
        ("calls", |counts| counts.starts),
        ("allocated bytes", |counts| counts.heap.allocated_bytes),
        ("allocations", |counts| counts.heap.allocations),
        ("live bytes", |counts| counts.heap.live_bytes()),
        ("live blocks", |counts| counts.heap.live_blocks()),
    ];
    let read = |view: &Value| -> BTreeMap<Vec<usize>, u64> {
        let sums = by_stack(view).into_iter();
        sums.map(|(stack, value)| (stack.into_iter().map(frame).collect(), value)).collect()
    };
    for (name, value) in of_all {
        let found = views.iter().find(|view| view["name"] == name).map(read).unwrap_or_default();
        assert!(found == expected(profile, |_, counts| value(counts)), "{case}: {name}");
    }
    // Busy time: each thread's own in its order, and all of them together the whole.
    let busy: Vec<&Value> =
        views.iter().filter(|view| view["name"].as_str().unwrap().starts_with("busy time")).collect();
    let mut all = BTreeMap::new();
    for view in &busy {
        for (stack, value) in read(view) {
            *all.entry(stack).or_default() += value;
        }
    }
    assert!(all == expected(profile, |_, counts| counts.self_busy), "{case}: busy time");
    let threads = profile.by_thread().iter().map(|thread| {
        let part: BTreeMap<_, _> =
            thread.counts.iter().map(|(path, counts)| (path.0 as usize, counts)).collect();
        expected(profile, |path, _| part.get(&path).map_or(0, |counts| counts.self_busy))
    });
    let threads: Vec<_> = threads.filter(|part| !part.is_empty()).collect();
    assert!(busy.len() >= threads.len(), "{case}");
    for (view, part) in busy.iter().zip(threads) {
        assert!(read(view) == part, "{case}: {}", view["name"]);
    }
}

fn json(profile: &Profile) -> Value {
    let mut out = Vec::new();
    profile.write_speedscope(&mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn the_file_holds_the_profile() {
    for (case, profile) in cases(120) {
        let file = json(&profile);
        compare(&profile, file["profiles"].as_array().unwrap(), &|frame| frame, &case);
        let frames = file["shared"]["frames"].as_array().unwrap();
        assert_eq!(frames.len(), profile.functions().len() + usize::from(case == "deep"), "{case}");
    }
    assert_eq!(json(&Profile::new())["profiles"][0]["endValue"], 0);
}

#[test]
fn speedscope_reads_what_is_in_the_profile() {
    let readers = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/readers");
    let modules =
        std::env::var_os("PROFILE_COST_NODE_MODULES").map_or(readers.join("node_modules"), PathBuf::from);
    let page = modules.join("speedscope/dist/release/index.html");
    if !available("node", Command::new("node").arg("--version"))
        || !available("chromium", Command::new("chromium").arg("--version"))
        || !available("speedscope (npm install in tests/readers)", Command::new("test").arg("-f").arg(page))
    {
        return;
    }
    let cases = cases(10);
    let files: Vec<Value> = (cases.iter())
        .map(|(case, profile)| {
            let file = scratch(&format!("{}.speedscope.json", case.replace(' ', "-")));
            profile.save(&file).unwrap();
            let screenshot = scratch(&format!("speedscope-{}.png", case.replace(' ', "-")));
            serde_json::json!({ "file": file, "screenshot": screenshot })
        })
        .collect();
    let list = scratch("speedscope-cases.json");
    std::fs::write(&list, Value::from(files).to_string()).unwrap();
    let printed = run(Command::new("node").arg(readers.join("speedscope.mjs")).arg(list));
    let results: Vec<Value> = serde_json::from_str(&printed).unwrap();
    assert_eq!(results.len(), cases.len());
    for ((case, profile), result) in cases.iter().zip(results) {
        assert_eq!(result["wrong"], serde_json::json!([]), "{case}");
        assert!(result["title"].as_str().unwrap().contains("speedscope"), "{case}: {}", result["title"]);
        // speedscope numbers frames anew; names are unique.
        let ours = json(profile)["shared"]["frames"].clone();
        let ours: BTreeMap<&str, (usize, &Value)> = (ours.as_array().unwrap().iter().enumerate())
            .map(|(i, frame)| (frame["name"].as_str().unwrap(), (i, frame)))
            .collect();
        let theirs = result["frames"].as_array().unwrap();
        for frame in theirs {
            assert_eq!(ours[frame["name"].as_str().unwrap()].1, frame, "{case}");
        }
        let frame = |index: usize| ours[theirs[index]["name"].as_str().unwrap()].0;
        compare(profile, result["profiles"].as_array().unwrap(), &frame, case);

        if case == "shop" {
            // What a person sees.
            let seen = result["tables"].to_string();
            for name in ["serve", "Orders::load", "query", "Vec<[u8; 4]>::sum(x)"] {
                assert!(seen.contains(name), "{name} is not in {seen}");
            }
        }
    }
}
