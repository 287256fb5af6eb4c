//! The endpoints over calls: reports, files, captures, and the recording that requests switch.
#![cfg(feature = "flamegraph")]

mod asking;
mod judges;
mod readers;
mod service;

use std::process::Command;
use std::time::{Duration, Instant};

use asking::{alone, endpoints, get, get_json, header, post, post_json, refused, reply, text};
use profile_cost_runtime::http::{Endpoints, Options, Reply};
use profile_cost_runtime::testing::HOSTILE_NAMES;
use profile_cost_runtime::{Recording, SortKey, Stats, disable, enable, is_enabled, reset, snapshot};
use serde_json::Value;
use service::{call, call_async, site};

/// A few calls of known numbers: `serve` 5, `load` 10 by `serve` and 3 by itself, `wait` 2 that are async.
fn work() {
    let [serve, load, wait] = ["serve", "load", "wait"].map(|name| site(name, "src/shop/orders.rs"));
    for _ in 0..5 {
        call(serve, || {
            call(load, || ());
            call(load, || ());
        });
    }
    for _ in 0..3 {
        call(load, || ());
    }
    (0..2).for_each(|_| call_async(wait));
}

fn recorded(work: impl FnOnce()) {
    reset();
    enable();
    work();
    disable();
}

/// Calls of a function in a table.
fn calls(table: &Value, name: &str) -> Option<u64> {
    let functions = table["functions"].as_array().expect("rows");
    functions.iter().find(|row| row["name"] == name).and_then(|row| row["calls"].as_u64())
}

#[test]
fn reports_are_those_of_the_profile() {
    let _alone = alone();
    recorded(work);
    let endpoints = endpoints();
    let printed = |print: &dyn Fn(&mut Stats, &mut Vec<u8>)| {
        let mut stats = Stats::new(snapshot());
        stats.strip_dirs().sort_stats([SortKey::Cumulative]);
        let mut out = Vec::new();
        print(&mut stats, &mut out);
        // The time since the reset goes on.
        let out = String::from_utf8(out).unwrap();
        out.lines().skip(1).collect::<Vec<_>>().join("\n")
    };
    let asked = |target: &str| {
        let response = get(&endpoints, target);
        assert_eq!(header(&response, "content-type"), Some("text/plain; charset=utf-8"));
        text(&response).lines().skip(1).collect::<Vec<_>>().join("\n")
    };
    let expected = printed(&|stats, out| _ = stats.print_stats(out, 30).unwrap());
    assert_eq!(asked("/debug/profile-cost/stats"), expected);
    assert_eq!(asked("/profile-cost/stats?limit=0&restrict="), expected);
    let expected = printed(&|stats, out| _ = stats.print_callers(out, ("load", 1)).unwrap());
    assert_eq!(asked("/debug/profile-cost/callers?restrict=load&limit=1"), expected);
    let expected = printed(&|stats, out| _ = stats.print_callees(out, (0.5, "s..ve")).unwrap());
    assert_eq!(asked("/debug/profile-cost/callees?restrict=0.5,s..ve&limit=0"), expected);
    let expected = printed(&|stats, out| {
        let _ = stats.sort_stats([SortKey::Name]).reverse_order().print_stats(out, ()).unwrap();
    });
    assert_eq!(asked("/debug/profile-cost/stats?sort=name&reverse=1"), expected);
    assert!(asked("/debug/profile-cost/stats").contains("orders.rs:7"));
    assert!(!asked("/debug/profile-cost/stats").contains("src/shop"));
    assert!(asked("/debug/profile-cost/stats?strip=0").contains("src/shop/orders.rs:7"));
}

#[test]
fn reports_as_data() {
    let _alone = alone();
    recorded(work);
    let endpoints = endpoints();
    let table = get_json(&endpoints, "/debug/profile-cost/stats?format=json&sort=calls");
    assert_eq!(["load", "serve", "wait"].map(|name| calls(&table, name)), [Some(13), Some(5), Some(2)]);
    assert_eq!(table["calls"], 20);
    assert_eq!(table["functions"][0]["name"], "load");
    let callers = get_json(&endpoints, "/debug/profile-cost/callers?format=json&restrict=load");
    assert_eq!(callers["functions"][0]["callers"][0]["name"], "serve");
    assert_eq!(callers["functions"][0]["callers"][0]["calls"], 10);
    let callees = get_json(&endpoints, "/debug/profile-cost/callees?format=json&restrict=serve");
    assert_eq!(callees["functions"][0]["callees"][0]["name"], "load");
    let tree = get_json(&endpoints, "/debug/profile-cost/tree?format=json&metric=calls");
    assert_eq!(tree["whole_calls"], 20);
    let below: Vec<u64> =
        tree["paths"].as_array().unwrap().iter().map(|row| row["depth"].as_u64().unwrap()).collect();
    assert_eq!(below.iter().max(), Some(&1));
    assert_eq!(tree["paths"][0]["file"], "orders.rs");
    let text = get(&endpoints, "/debug/profile-cost/tree");
    assert!(asking::text(&text).starts_with("call tree of task time"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let endpoints = endpoints();
    for query in [
        "sort=speed",
        "sort=c",
        "limit=-1",
        "limit=100001",
        "restrict=(",
        "restrict=1.5",
        "restrict=(a)\\1",
        "reverse=2",
        "strip=maybe",
        "style=cobol",
        "format=xml",
        "format=json&style=pstats",
        "seconds=61",
        "seconds=-1",
        "seconds=1.5",
        "seconds=x",
        "unknown=1",
    ] {
        refused(&endpoints, "GET", &format!("/debug/profile-cost/stats?{query}"), 400);
    }
    let too_long = refused(&endpoints, "GET", "/debug/profile-cost/json?seconds=61", 400);
    assert!(too_long.contains("0 to 60"), "{too_long}");
    refused(&endpoints, "GET", "/debug/profile-cost/folded?metric=money", 400);
    refused(&endpoints, "GET", "/debug/profile-cost/tree?depth=0", 400);
    refused(&endpoints, "GET", "/debug/profile-cost/control/time/start", 405);
    refused(&endpoints, "POST", "/debug/profile-cost/control/time/start?duration=0", 400);
    refused(&endpoints, "POST", "/debug/profile-cost/control/time/start?duration=86401", 400);
    refused(&endpoints, "POST", "/debug/profile-cost/stats", 405);
}

/// Python's pstats prints the dump that is served, and what is served as its text: the same bytes.
#[test]
fn python_prints_the_same() {
    let Some(python) = readers::python() else { return readers::skipped("python3") };
    let _alone = alone();
    recorded(work);
    let endpoints = endpoints();
    let dump = get(&endpoints, "/debug/profile-cost/pstats");
    assert_eq!(header(&dump, "content-disposition"), Some(r#"attachment; filename="profile.pstats""#));
    let file = judges::scratch("http-time.pstats");
    std::fs::write(&file, &dump.body).unwrap();
    for (path, print) in
        [("stats", "print_stats(2)"), ("callers", "print_callers('load')"), ("callees", "print_callees()")]
    {
        let script = format!(
            "import pstats, sys\npstats.Stats(sys.argv[1]).strip_dirs().sort_stats('cumulative').{print}"
        );
        let printed = judges::run(Command::new(&python).args(["-c", &script]).arg(&file));
        let query = match path {
            "stats" => "limit=2",
            "callers" => "restrict=load",
            _ => "limit=0",
        };
        let served = get(&endpoints, &format!("/debug/profile-cost/{path}?style=pstats&{query}"));
        // Python begins with the file's name and date where it prints the functions.
        let printed = match path {
            "stats" => printed.split_once("\n\n").expect("a head").1,
            _ => &printed,
        };
        assert_eq!(text(&served).trim_start_matches('\n'), printed.trim_start_matches('\n'), "{path}");
    }
}

#[test]
fn a_capture_holds_what_happened_in_it() {
    let _alone = alone();
    recorded(work);
    let endpoints = endpoints();
    assert!(!is_enabled());
    for format in ["stats?format=json&", "json?"] {
        let Reply::Later(capture) = reply(&endpoints, &format!("/debug/profile-cost/{format}seconds=7"))
        else {
            panic!("to be waited for");
        };
        assert_eq!(capture.wait(), Duration::from_secs(7));
        assert!(is_enabled());
        // One at a time.
        let refusal = refused(&endpoints, "GET", "/debug/profile-cost/folded?seconds=1", 429);
        assert!(refusal.contains("one is made at a time"), "{refusal}");
        work();
        work();
        let response = capture.finish();
        assert!(!is_enabled());
        assert_eq!(response.status, 200, "{}", text(&response));
        if format.starts_with("json") {
            let Ok(Recording::Profile(profile)) = Recording::read(&response.body[..]) else {
                panic!("a native profile")
            };
            let starts: u64 = profile.paths().iter().map(|path| path.counts.starts).sum();
            assert_eq!(starts, 40);
            assert!(profile.duration < Duration::from_secs(7), "{:?}", profile.duration);
        } else {
            let table = asking::json(&response);
            assert_eq!(["load", "serve", "wait"].map(|n| calls(&table, n)), [Some(26), Some(10), Some(4)]);
        }
    }
    // What nobody waits for any more lets the next one begin, and recording is off again.
    drop(reply(&endpoints, "/debug/profile-cost/json?seconds=7"));
    assert!(!is_enabled());
    // Not more than is read: all so far.
    assert_eq!(
        calls(&get_json(&endpoints, "/debug/profile-cost/stats?format=json&seconds=0"), "load"),
        Some(65)
    );
}

#[test]
fn a_reset_within_a_capture() {
    let _alone = alone();
    recorded(work);
    let endpoints = endpoints();
    let Reply::Later(capture) = reply(&endpoints, "/debug/profile-cost/stats?format=json&seconds=1") else {
        panic!("to be waited for");
    };
    (0..9).for_each(|_| work());
    post(&endpoints, "/debug/profile-cost/control/time/reset");
    (0..3).for_each(|_| work());
    assert_eq!(calls(&asking::json(&capture.finish()), "load"), Some(39));
}

#[test]
fn an_empty_report_says_how_to_begin() {
    let _alone = alone();
    disable();
    reset();
    let endpoints = endpoints();
    let stats = || text(&get(&endpoints, "/debug/profile-cost/stats")).to_owned();
    assert!(stats().contains("control/time/start"), "{}", stats());
    post(&endpoints, "/debug/profile-cost/control/time/start");
    assert!(!stats().contains("control/time/start"), "{}", stats());
    post(&endpoints, "/debug/profile-cost/control/time/stop");
}

#[test]
fn the_cap_on_captures_is_the_options() {
    let mut options = Options::default();
    options.longest_capture = Duration::from_secs(3);
    let endpoints = Endpoints::new(options);
    refused(&endpoints, "GET", "/debug/profile-cost/json?seconds=4", 400);
    assert!(matches!(reply(&endpoints, "/debug/profile-cost/json?seconds=3"), Reply::Later(_)));
}

#[test]
fn files_are_what_their_readers_take() {
    let _alone = alone();
    recorded(|| {
        let mut bodies: Vec<Box<dyn FnOnce()>> = Vec::new();
        for name in HOSTILE_NAMES {
            let of = site(name, "</script>\"\u{202e}.rs");
            bodies.push(Box::new(move || call(of, || call(site("load", name), || ()))));
        }
        bodies.into_iter().for_each(|body| body());
        work();
    });
    let endpoints = endpoints();
    let is_clean = |text: &str, what: &str| {
        let hidden = |c: char| {
            c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!text.contains(hidden), "{what}: {text}");
    };
    for metric in ["time", "busy", "await", "calls", "live"] {
        let svg = get(&endpoints, &format!("/debug/profile-cost/flamegraph.svg?metric={metric}"));
        assert_eq!(header(&svg, "content-type"), Some("image/svg+xml"));
        assert!(header(&svg, "content-security-policy").unwrap().starts_with("default-src 'none'"));
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let document = roxmltree::Document::parse_with_options(text(&svg), options).expect("XML");
        let scripts = document.descendants().filter(|node| node.has_tag_name((roxmltree_svg(), "script")));
        assert!(scripts.count() <= 1, "{metric}");
        let folded = get(&endpoints, &format!("/debug/profile-cost/folded?metric={metric}"));
        is_clean(text(&folded), metric);
        if metric == "calls" {
            let sum: u64 = text(&folded)
                .lines()
                .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap())
                .sum();
            assert_eq!(sum, 20 + 2 * HOSTILE_NAMES.len() as u64);
        }
    }
    for path in [
        "stats",
        "callers",
        "callees",
        "tree",
        "stats?format=json",
        "tree?format=json&strip=0",
        "json",
        "metrics",
    ] {
        let response = get(&endpoints, &format!("/debug/profile-cost/{path}"));
        if header(&response, "content-type") == Some("application/json") {
            let value = asking::json(&response);
            assert!(!text(&response).contains("</script>"));
            if path.starts_with("stats") {
                // All that was not cut off.
                assert_eq!(value["functions"].as_array().unwrap().len(), 30);
            }
        } else {
            // In JSON names are as they are: they are data.
            is_clean(text(&response), path);
        }
    }
    let all = get_json(&endpoints, "/debug/profile-cost/stats?format=json&limit=0&strip=0");
    for name in HOSTILE_NAMES {
        assert!(calls(&all, name).is_some(), "{name:?}");
    }
    let page = get(&endpoints, "/debug/profile-cost/html");
    assert_eq!(header(&page, "content-type"), Some("text/html; charset=utf-8"));
    assert!(!text(&page).contains("<img src=x"));
    assert!(!text(&page).contains("<script>document.title"));
}

fn roxmltree_svg() -> &'static str {
    "http://www.w3.org/2000/svg"
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn recordings_are_switched() {
    let _alone = alone();
    recorded(work);
    let endpoints = endpoints();
    let status = |target: &str| {
        let status = post_json(&endpoints, &format!("/debug/profile-cost/control/time/{target}"));
        let [recording, program, request] =
            ["is_recording", "by_program", "by_request"].map(|key| status[key].as_bool().unwrap());
        ([recording, program, request], status["ends_in_ns"].as_u64())
    };
    assert_eq!(status("stop"), ([false; 3], None));
    assert_eq!(status("start"), ([true, false, true], None));
    work();
    // The last start holds, and what was to end an earlier one ends nothing.
    let (on, left) = status("start?duration=3600");
    assert_eq!(on, [true, false, true]);
    assert!((3500 * 1_000_000_000..=3600 * 1_000_000_000).contains(&left.unwrap()), "{left:?}");
    assert_eq!(status("start"), ([true, false, true], None));
    assert_eq!(status("reset"), ([true, false, true], None));
    work();
    assert_eq!(status("stop"), ([false; 3], None));
    work();
    assert_eq!(calls(&get_json(&endpoints, "/debug/profile-cost/stats?format=json"), "load"), Some(13));

    // Nobody asks again: it ends all the same.
    let begun = Instant::now();
    assert_eq!(status("start?duration=1").0, [true, false, true]);
    until("the end", || !is_enabled());
    assert!(begun.elapsed() >= Duration::from_secs(1));

    // What the program began goes on; a stop ends it; the program may begin again.
    enable();
    assert_eq!(status("start?duration=1").0, [true, true, true]);
    until("the end", || {
        let text = get(&endpoints, "/debug/profile-cost/metrics");
        assert!(asking::text(&text).contains("profile_cost_recording{kind=\"time\"} 1\n"));
        status("reset") == ([true, true, false], None)
    });
    assert!(is_enabled());
    assert_eq!(status("stop"), ([false; 3], None));
    assert!(!is_enabled());
    enable();
    assert!(is_enabled());
    disable();
    let sentence = post(&endpoints, "/debug/profile-cost/control/time/start?format=text&duration=60");
    assert!(text(&sentence).starts_with("recording calls, for another"), "{}", text(&sentence));
    // The program's own switch is not the request's.
    disable();
    assert!(is_enabled());
    post(&endpoints, "/debug/profile-cost/control/time/stop");
    assert!(!is_enabled());
}

#[test]
fn the_indexes_name_what_there_is() {
    let _alone = alone();
    let endpoints = endpoints();
    let index = get(&endpoints, "/debug/profile-cost/index");
    let mut seen = 0;
    for line in text(&index).lines().filter(|line| line.contains(" /debug/")) {
        let (method, target) = line.split_once(' ').unwrap();
        let path = target.trim().split('?').next().unwrap();
        seen += 1;
        if method == "GET" {
            match endpoints.answer(&profile_cost_runtime::http::Request::new("GET", path, |name| {
                (name == "host").then_some("127.0.0.1")
            })) {
                Reply::Now(response) => assert!(![404, 405].contains(&response.status), "{path}"),
                Reply::Later(_) => {}
            }
        }
    }
    assert!(seen >= 16, "{}", text(&index));
    let page = get(&endpoints, "/debug/pprof/");
    assert!(text(&page).contains("<a href=\"profile\">"), "{}", text(&page));
    assert!(text(&get(&endpoints, "/debug/pprof/?debug=1")).contains("/debug/pprof/wall?seconds=&debug="));
    let moved = asking::ask(&endpoints, "GET", "/debug/pprof");
    assert_eq!((moved.status, header(&moved, "location")), (301, Some("pprof/")));
}
