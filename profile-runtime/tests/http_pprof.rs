//! `pprof/profile` and `pprof/wall`: what Go's client reads over HTTP, and what Parca would store.
#![cfg(feature = "pprof")]

mod asking;
mod judges;
#[path = "asking/pprof_rules.rs"]
mod pprof_rules;
mod service;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use asking::{alone, endpoints, get, header, refused, reply, text};
use judges::{available, run, scratch};
use profile_cost_runtime::http::{Endpoints, Options, Reply, Response};
use profile_cost_runtime::testing::HOSTILE_NAMES;
use profile_cost_runtime::{disable, is_enabled, reset};
use service::{call, call_async, serve, site};

/// Asks, runs that meanwhile, and takes the answer without waiting.
fn captured(endpoints: &Endpoints, target: &str, meanwhile: impl FnOnce()) -> Response {
    let Reply::Later(capture) = reply(endpoints, target) else { panic!("{target} is to be waited for") };
    meanwhile();
    let response = capture.finish();
    assert_eq!(response.status, 200, "{}", text(&response));
    response
}

fn work() {
    let [serve, load, wait] = ["serve", "load", "wait"].map(|name| site(name, "src/orders.rs"));
    for _ in 0..50 {
        call(serve, || call(load, || std::hint::black_box(vec![0; 1000])));
        call_async(wait);
    }
}

#[test]
fn what_is_served_is_what_parca_takes() {
    let _alone = alone();
    disable();
    reset();
    work();
    let endpoints = endpoints();
    let hostile = || {
        work();
        for name in HOSTILE_NAMES {
            call(site(name, "</script>.rs"), || call(site("load", name), || ()));
        }
    };
    for (name, types, default) in [
        ("profile", &["calls/count", "busy/nanoseconds"][..], "busy"),
        ("wall", &["calls/count", "wall/nanoseconds", "busy/nanoseconds", "await/nanoseconds"][..], "wall"),
    ] {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
        let response = captured(&endpoints, &format!("/debug/pprof/{name}?seconds=2"), hostile);
        assert!(!is_enabled());
        assert_eq!(header(&response, "content-type"), Some("application/octet-stream"));
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(header(&response, "content-disposition"), Some(disposition.as_str()));
        let file = pprof_rules::check(&response.body);
        assert_eq!(
            (&file.types[..], file.default_type.as_str()),
            (types.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>().as_slice(), default)
        );
        assert!(file.time_ns >= now && file.time_ns < now + 60_000_000_000, "{} {now}", file.time_ns);
        assert!((1..2_000_000_000).contains(&file.duration_ns), "{}", file.duration_ns);
        assert_eq!(file.period, 1);
        assert!(file.samples.iter().flat_map(|sample| &sample.values).all(|&value| value >= 0));
        let calls = |name: &str| -> i64 {
            let own = file.samples.iter().filter(|sample| sample.functions[0].contains(name));
            own.map(|sample| sample.values[0]).sum()
        };
        assert_eq!(["serve", "wait"].map(calls), [50, 50]);
        let awaited = file.through("wait");
        match name {
            "profile" => assert!(file.samples.iter().all(|sample| sample.labels.is_empty())),
            _ => assert!(awaited[3] > 0 && awaited[1] == awaited[2] + awaited[3], "{awaited:?}"),
        }
    }
    // A service that does nothing.
    pprof_rules::check(&captured(&endpoints, "/debug/pprof/profile?seconds=1", || ()).body);
}

#[test]
fn how_long_and_as_text() {
    let _alone = alone();
    let wait = |endpoints: &Endpoints, query: &str| match reply(endpoints, &format!("/debug/pprof/{query}")) {
        Reply::Later(work) => work.wait().as_secs(),
        Reply::Now(response) => panic!("{query}: {}", text(&response)),
    };
    let endpoints = endpoints();
    // As Go.
    assert_eq!(["profile", "wall", "profile?seconds=0"].map(|query| wait(&endpoints, query)), [30; 3]);
    assert_eq!(wait(&endpoints, "profile?seconds=60"), 60);
    refused(&endpoints, "GET", "/debug/pprof/profile?seconds=61", 400);
    refused(&endpoints, "GET", "/debug/pprof/profile?seconds=-1", 400);
    refused(&endpoints, "GET", "/debug/pprof/goroutine", 404);
    let mut options = Options::default();
    options.longest_capture = Duration::from_secs(9);
    assert_eq!(wait(&Endpoints::new(options), "profile"), 9);
    let report = captured(&endpoints, "/debug/pprof/profile?seconds=1&debug=1", work);
    assert!(text(&report).contains("serve"), "{}", text(&report));
    assert_eq!(header(&report, "content-disposition"), None);
    assert_eq!(get(&endpoints, "/debug/pprof/").status, 200);
}

/// As a user would, of a service that records nothing otherwise.
#[test]
fn go_asks_over_http() {
    let probe = &mut Command::new("go");
    if !available("go tool pprof (Debian's golang-go)", probe.args(["tool", "-n", "pprof"])) {
        return;
    }
    let _alone = alone();
    disable();
    reset();
    let address = serve(endpoints());
    let (done, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let busy = thread::spawn({
        let (done, calls) = (done.clone(), calls.clone());
        let [serve, load] = ["serve", "load"].map(|name| site(name, "src/orders.rs"));
        move || {
            while !done.load(Ordering::Relaxed) {
                call(serve, || call(load, || thread::sleep(Duration::from_millis(1))));
                calls.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let url = format!("http://{address}/debug/pprof/");
    let pprof = |arguments: &[&str], what: &str| {
        let mut go = Command::new("go");
        go.args(["tool", "pprof"]).args(arguments).arg(format!("{url}{what}"));
        run(go.env("PPROF_TMPDIR", scratch("")).env("HOME", scratch("")))
    };
    let top = pprof(&["-top", "-cum", "-trim=false", "-unit=ms"], "profile?seconds=2");
    let row = |name: &str| -> Vec<f64> {
        let row = top
            .lines()
            .find(|line| line.trim_end().ends_with(name))
            .unwrap_or_else(|| panic!("{name}: {top}"));
        row.split_whitespace()
            .map_while(|word| word.trim_end_matches("ms").trim_end_matches('%').parse().ok())
            .collect()
    };
    // One thread, nearly always in there, for two seconds.
    let cumulative = row("serve")[3];
    assert!((1000.0..=2500.0).contains(&cumulative), "{top}");
    assert!(row("load")[0] > 0.9 * cumulative, "{top}");
    let raw = pprof(&["-raw"], "wall?seconds=1");
    assert!(raw.contains("calls/count wall/nanoseconds[dflt] busy/nanoseconds await/nanoseconds"), "{raw}");
    done.store(true, Ordering::Relaxed);
    busy.join().unwrap();
    assert!(!is_enabled());
    assert!(calls.load(Ordering::Relaxed) > 0);
}
