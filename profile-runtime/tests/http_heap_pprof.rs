//! `pprof/heap` and `pprof/allocs`: what `go tool pprof` reads, what Parca would store, and what was counted in a while.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod asking;
mod judges;
#[path = "asking/pprof_rules.rs"]
mod pprof_rules;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use asking::{alone, ask, endpoints, get, get_json, header, post, refused, reply, retry_after, text};
use judges::{available, run, scratch};
use pprof_rules::{Checked, check};
use profile_cost_runtime::heap::{self, Mode, Tracker};
use profile_cost_runtime::http::{Endpoints, Reply, Response};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

const GO: [&str; 4] =
    ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"];

#[inline(never)]
#[allow(clippy::vec_box, reason = "blocks of their own are counted")]
fn kept_blocks(n: usize) -> Vec<Box<[u8; 100]>> {
    let blocks = (0..n).map(|i| Box::new([i as u8; 100])).collect();
    black_box(blocks)
}

#[inline(never)]
fn passing_blocks(n: usize) {
    for i in 0..n {
        black_box(Box::new([i as u8; 300]));
    }
    black_box(n);
}

#[inline(never)]
#[allow(clippy::vec_box, reason = "blocks of their own are counted")]
fn older_blocks(n: usize) -> Vec<Box<[u8; 500]>> {
    let mut blocks = Vec::with_capacity(n);
    (0..n).for_each(|i| blocks.push(Box::new([i as u8; 500])));
    black_box(blocks)
}

/// What a list of boxes takes.
fn list(n: usize) -> i64 {
    8 * n as i64
}

fn start(mode: Mode) {
    heap::stop();
    heap::set_mode(mode).expect("it can be recorded here");
}

const EXACT: Mode = Mode::Exact { frames: 25 };

fn file(endpoints: &Endpoints, target: &str) -> Checked {
    let response = get(endpoints, target);
    assert_eq!(header(&response, "content-type"), Some("application/octet-stream"));
    assert_eq!(header(&response, "x-profile-cost-unnamed"), None);
    check(&response.body)
}

#[test]
fn heap_and_allocs_are_gos_to_the_byte() {
    let _alone = alone();
    let endpoints = endpoints();
    start(EXACT);
    let kept = kept_blocks(70);
    passing_blocks(40);
    for (target, default_type) in [
        ("/debug/pprof/heap", "inuse_space"),
        ("/debug/pprof/allocs", "alloc_space"),
        ("/debug/pprof/heap?gc=1", "inuse_space"),
        ("/pprof/heap?debug=0", "inuse_space"),
    ] {
        let file = file(&endpoints, target);
        assert_eq!(file.types, GO);
        assert_eq!((file.default_type.as_str(), file.period), (default_type, 1));
        let ours = 7000 + list(70);
        assert_eq!(file.through("kept_blocks"), [71, ours, 71, ours]);
        assert_eq!(file.through("passing_blocks"), [40, 40 * 300, 0, 0]);
        let typed = |sample: &&pprof_rules::Sample| sample.labels.contains_key("type");
        assert!(file.samples.iter().filter(typed).count() > 0, "types are labels");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
        assert!(now - file.time_ns < 60_000_000_000, "{} of {now}", file.time_ns);
    }
    let disposition = get(&endpoints, "/debug/pprof/allocs");
    assert_eq!(header(&disposition, "content-disposition"), Some("attachment; filename=\"allocs\""));
    let report = get(&endpoints, "/debug/pprof/heap?debug=1");
    assert_eq!(header(&report, "content-type"), Some("text/plain; charset=utf-8"));
    assert!(text(&report).contains("kept_blocks") || text(&report).contains("tests/http_heap_pprof.rs"));
    drop(kept);
    heap::stop();
}

#[test]
fn what_is_served_keeps_to_the_rules_in_every_mode() {
    let _alone = alone();
    let endpoints = endpoints();
    for mode in [Mode::Exact { frames: 1 }, EXACT, Mode::Sample { rate: 4096 }, Mode::Paths] {
        start(mode);
        let _kept = (kept_blocks(700), older_blocks(50));
        passing_blocks(400);
        let period = if let Mode::Sample { rate } = mode { rate } else { 1 };
        for target in ["/debug/pprof/heap", "/debug/pprof/allocs"] {
            let file = file(&endpoints, target);
            assert_eq!((file.types, file.period), (GO.map(str::to_owned).to_vec(), period));
            assert!(!file.samples.is_empty());
        }
        // Without names as well.
        let nameless = self::endpoints().with_naming_child("die", Duration::from_secs(5));
        let response = get(&nameless, "/debug/pprof/heap");
        let file = check(&response.body);
        let is_unnamed = header(&response, "x-profile-cost-unnamed").is_some();
        assert_eq!(is_unnamed, mode != Mode::Paths, "{mode}");
        assert!(!file.samples.is_empty());
    }
    heap::stop();
}

/// Asks, does it, and asks for the rest of the answer: no time has to pass for what is counted in a while.
fn during(endpoints: &Endpoints, target: &str, deed: impl FnOnce()) -> Response {
    let Reply::Later(work) = reply(endpoints, target) else { panic!("{target} is to be waited for") };
    deed();
    work.finish()
}

#[test]
fn a_while_has_exactly_what_was_allocated_in_it() {
    let _alone = alone();
    let endpoints = endpoints();
    start(EXACT);
    let before = kept_blocks(1000);
    let mut older = older_blocks(10);
    let mut after = None;
    let response = during(&endpoints, "/debug/pprof/heap?seconds=1", || {
        after = Some(kept_blocks(21));
        passing_blocks(6);
        older.truncate(3);
    });
    assert_eq!(response.status, 200, "{}", text(&response));
    let file = check(&response.body);
    assert_eq!(file.types, GO);
    let ours = 2100 + list(21);
    assert_eq!(file.through("kept_blocks"), [22, ours, 22, ours]);
    assert_eq!(file.through("passing_blocks"), [6, 1800, 0, 0]);
    // Freed, and not allocated in that while: as in Go's, live figures of a while have a sign.
    assert_eq!(file.through("older_blocks"), [0, 0, -7, -3500]);
    // Nothing happened.
    let quiet = check(&during(&endpoints, "/debug/pprof/allocs?seconds=1", || {}).body);
    assert_eq!(quiet.default_type, "alloc_space");
    for function in ["kept_blocks", "passing_blocks", "older_blocks"] {
        assert_eq!(quiet.through(function), [0; 4]);
    }
    drop((before, older, after));
    heap::stop();
}

#[test]
fn a_while_is_waited_for_and_only_one_at_a_time() {
    let _alone = alone();
    let endpoints = endpoints();
    start(EXACT);
    let _kept = kept_blocks(3);
    let Reply::Later(work) = reply(&endpoints, "/debug/pprof/heap?seconds=2") else { panic!("a wait") };
    assert_eq!(work.wait(), Duration::from_secs(2));
    refused(&endpoints, "GET", "/debug/pprof/allocs?seconds=2", 429);
    // Who goes away leaves the place to others.
    drop(work);
    // What is left of it is said, be it of calls or of the heap; a test that takes half a minute from here to there is no test.
    for under_way in ["heap?seconds=60", "wall?seconds=60"] {
        let Reply::Later(work) = reply(&endpoints, &format!("/debug/pprof/{under_way}")) else {
            panic!("a wait")
        };
        for other in ["allocs?seconds=1", "profile?seconds=2"] {
            let response = ask(&endpoints, "GET", &format!("/debug/pprof/{other}"));
            let left = retry_after(&response);
            assert!(response.status == 429 && (30..=60).contains(&left), "{under_way}, {other}: {left}");
        }
        drop(work);
    }
    let begun = std::time::Instant::now();
    let response = get(&endpoints, "/debug/pprof/heap?seconds=1");
    let (took, duration) = (begun.elapsed(), check(&response.body).duration_ns);
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(duration >= 1_000_000_000 && u128::from(duration) <= took.as_nanos(), "{duration}: {took:?}");
    for target in ["seconds=0", "seconds=61", "seconds=x", "seconds=1&debug=1", "debug=x"] {
        refused(&endpoints, "GET", &format!("/debug/pprof/heap?{target}"), 400);
    }
    let response = during(&endpoints, "/debug/pprof/heap?seconds=1", || {
        post(&endpoints, "/debug/profile-cost/control/heap/reset");
    });
    assert_eq!(response.status, 409, "{}", text(&response));
    let response = during(&endpoints, "/debug/pprof/heap?seconds=1", heap::stop);
    assert_eq!(response.status, 409, "{}", text(&response));
}

#[test]
fn several_wait_for_their_turn_and_the_rest_is_sent_away() {
    let _alone = alone();
    let endpoints = endpoints();
    start(EXACT);
    let _kept = kept_blocks(3);
    let (mut works, mut refused) = (Vec::new(), 0);
    for _ in 0..1000 {
        match reply(&endpoints, "/debug/profile-cost/snapshots") {
            Reply::Later(work) => works.push(work),
            Reply::Now(response) => {
                assert_eq!(response.status, 429);
                refused += 1;
            }
        }
    }
    assert_eq!((works.len(), refused), (4, 996));
    let threads: Vec<_> = works.into_iter().map(|work| std::thread::spawn(|| work.finish().status)).collect();
    assert!(threads.into_iter().all(|thread| thread.join().is_ok_and(|status| status == 200)));
    get_json(&endpoints, "/debug/profile-cost/snapshots");
    heap::stop();
}

/// Bytes or blocks that `-top` lists: cumulative of each name.
fn top(file: &std::path::Path, index: &str) -> BTreeMap<String, i64> {
    let mut command = Command::new("go");
    let index = format!("-sample_index={index}");
    command.args(["tool", "pprof", "-top", "-trim=false", "-unit=B", &index]).arg(file);
    let folder = file.parent().expect("a folder");
    let text = run(command.env("PPROF_TMPDIR", folder).env("PPROF_BINARY_PATH", folder));
    let rows = text.lines().skip_while(|line| !line.trim_start().starts_with("flat")).skip(1);
    rows.map(|row| {
        let tokens: Vec<&str> = row.split_whitespace().collect();
        (tokens[5..].join(" "), tokens[3].trim_end_matches('B').parse().expect("a number"))
    })
    .collect()
}

#[test]
fn go_reads_the_same() {
    let _alone = alone();
    if !available("go tool pprof (Debian's golang-go)", Command::new("go").args(["tool", "-n", "pprof"])) {
        return;
    }
    let endpoints = endpoints();
    start(EXACT);
    let mut older = older_blocks(10);
    let kept = kept_blocks(70);
    passing_blocks(40);
    let saved = |name: &str, response: &Response| {
        let file = scratch(name);
        std::fs::write(&file, &response.body).expect("a file");
        file
    };
    let of = |rows: &BTreeMap<String, i64>, function: &str| {
        rows.iter().filter(|(name, _)| name.contains(function)).map(|(_, bytes)| *bytes).max()
    };
    let heap = saved("http-heap.pb.gz", &get(&endpoints, "/debug/pprof/heap"));
    let live = top(&heap, "inuse_space");
    assert_eq!(of(&live, "kept_blocks"), Some(7000 + list(70)), "{live:#?}");
    let allocs = saved("http-allocs.pb.gz", &get(&endpoints, "/debug/pprof/allocs"));
    assert_eq!(of(&top(&allocs, "alloc_space"), "passing_blocks"), Some(12_000));
    assert_eq!(of(&top(&allocs, "alloc_objects"), "passing_blocks"), Some(40));
    let mut raw = Command::new("go");
    let raw = run(raw.args(["tool", "pprof", "-raw", "-symbolize=none"]).arg(&allocs));
    assert!(
        raw.contains("alloc_objects/count alloc_space/bytes[dflt] inuse_objects/count inuse_space/bytes")
    );
    let response = during(&endpoints, "/debug/pprof/heap?seconds=1", || {
        older.truncate(4);
        passing_blocks(5);
    });
    let delta = saved("http-delta.pb.gz", &response);
    assert_eq!(of(&top(&delta, "alloc_space"), "passing_blocks"), Some(1500));
    assert_eq!(of(&top(&delta, "inuse_space"), "older_blocks"), Some(-3000));
    drop((kept, older));
    heap::stop();
}
