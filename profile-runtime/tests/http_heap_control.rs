//! The heap's recording switched over HTTP: modes, conflicts, and recordings that end by themselves.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod asking;

use std::hint::black_box;
use std::time::{Duration, Instant};

use asking::{alone, endpoints, get_json, post, post_json, refused, text};
use profile_cost_runtime::heap::{self, Mode, Tracker};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

const START: &str = "/debug/profile-cost/control/heap/start";
const STOP: &str = "/debug/profile-cost/control/heap/stop";
const RESET: &str = "/debug/profile-cost/control/heap/reset";
const STATUS: &str = "/debug/profile-cost/control";

#[inline(never)]
fn keep(n: usize) -> Vec<Vec<u8>> {
    let kept = (0..n).map(|i| vec![7; 1000 + i]).collect();
    black_box(kept)
}

#[test]
fn every_mode_is_begun_as_asked() {
    let _alone = alone();
    let endpoints = endpoints();
    post(&endpoints, STOP);
    for (query, mode, name) in [
        ("", Mode::Sample { rate: 512 * 1024 }, "sample:512KiB"),
        ("?mode=sample&rate=64KiB", Mode::Sample { rate: 64 * 1024 }, "sample:64KiB"),
        ("?mode=exact", Mode::Exact { frames: 25 }, "exact:25"),
        ("?mode=exact&frames=7&limit=64MiB", Mode::Exact { frames: 7 }, "exact:7"),
        ("?mode=paths", Mode::Paths, "paths"),
        ("?mode=counters", Mode::Counters, "counters"),
    ] {
        let state = post_json(&endpoints, &format!("{START}{query}"));
        assert_eq!(heap::mode(), mode);
        assert_eq!(
            (&state["mode"], &state["is_recording"], &state["is_installed"]),
            (&json!(name), &json!(true), &json!(true))
        );
        assert_eq!(state["until_unix_ns"], Value::Null);
        assert_eq!(get_json(&endpoints, STATUS)["heap"]["mode"], json!(name));
        // Asked for twice it is the same one.
        assert!(post_json(&endpoints, &format!("{START}{query}"))["since_unix_ns"].is_u64());
        assert_eq!(
            text(&post(&endpoints, &format!("{STOP}?format=text"))),
            "the heap is not being recorded\n"
        );
        assert_eq!(heap::mode(), Mode::Off);
    }
    assert_eq!(get_json(&endpoints, STATUS)["heap"]["memory_limit_bytes"], json!(64 << 20));
    heap::set_memory_limit(256 << 20);
}

#[test]
fn what_makes_no_sense_begins_nothing() {
    let _alone = alone();
    let endpoints = endpoints();
    heap::stop();
    for (query, remedy) in [
        ("mode=all", "exact"),
        ("mode=exact&frames=0", "from 1 to 128"),
        ("mode=exact&frames=129", "from 1 to 128"),
        ("mode=paths&frames=3", "mode=exact"),
        ("mode=exact&rate=1KiB", "mode=sample"),
        ("rate=0", "512KiB"),
        ("rate=1parsec", "512KiB"),
        ("rate=1024GiB", "1023 GiB"),
        ("duration=0", "from 1"),
        ("duration=86401", "86400"),
        ("limit=much", "64MiB"),
        ("limit=0", "64MiB"),
    ] {
        let message = refused(&endpoints, "POST", &format!("{START}?{query}"), 400);
        assert!(message.contains(remedy), "{query}: {message}");
        assert_eq!(heap::mode(), Mode::Off, "{query}");
    }
    refused(&endpoints, "GET", START, 405);
    refused(&endpoints, "POST", RESET, 409);
    // No room at all.
    let message = refused(&endpoints, "POST", &format!("{START}?mode=exact&limit=1"), 507);
    assert!(message.contains("PROFILE_COST_HEAP_MEMORY"), "{message}");
    heap::set_memory_limit(256 << 20);
    assert_eq!(heap::mode(), Mode::Off);
}

#[test]
fn nobodys_recording_changes_under_them() {
    let _alone = alone();
    let endpoints = endpoints();
    heap::stop();
    // As the program or the environment begins it.
    heap::start(5).expect("it can be recorded here");
    let kept = keep(10);
    let live = heap::get_traced_memory().0;
    assert!(refused(&endpoints, "POST", &format!("{START}?mode=sample"), 409).contains("exact:5"));
    assert!(
        refused(&endpoints, "POST", &format!("{START}?mode=exact&frames=6"), 409)
            .contains("control/heap/stop")
    );
    assert!(
        refused(&endpoints, "POST", &format!("{START}?mode=exact&frames=5&duration=1"), 409)
            .contains("without an end")
    );
    // The same is no conflict, and forgets nothing.
    let state = post_json(&endpoints, &format!("{START}?mode=exact&frames=5"));
    assert_eq!(state["until_unix_ns"], Value::Null);
    assert!(state["live_bytes"].as_u64().is_some_and(|bytes| bytes >= live), "{state}");
    // Reset forgets, and goes on.
    let state = post_json(&endpoints, RESET);
    assert_eq!(
        (&state["mode"], state["live_bytes"].as_u64().is_some_and(|bytes| bytes < 10_000)),
        (&json!("exact:5"), true)
    );
    drop(kept);
    assert_eq!(post_json(&endpoints, STOP)["is_recording"], json!(false));
    // Stopped twice is stopped.
    post(&endpoints, STOP);
}

/// Waits, with patience, until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Instant {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "not within half a minute: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
    Instant::now()
}

#[test]
fn a_recording_ends_by_itself_and_gives_its_memory_back() {
    let _alone = alone();
    let endpoints = endpoints();
    heap::stop();
    // What the walker has read of the program stays, once it has.
    heap::start(25).expect("it can be recorded here");
    heap::stop();
    let before = heap::get_tracemalloc_memory();
    let begun = Instant::now();
    let state = post_json(&endpoints, &format!("{START}?mode=exact&duration=1"));
    let left = state["ends_in_ns"].as_u64().expect("an end");
    assert!(left > 0 && left <= 1_000_000_000, "{state}");
    assert!(state["until_unix_ns"].as_u64() > state["since_unix_ns"].as_u64());
    let kept = keep(20_000);
    let during = heap::get_tracemalloc_memory();
    assert!(during > before);
    let ended = until("it ends", || !heap::is_tracing());
    assert!(ended - begun >= Duration::from_secs(1), "{:?}", ended - begun);
    // But for the state of the thread that ended it, which the next thread takes over.
    assert!(during > before + (384 << 10), "{before}, then {during}");
    until("its memory is free", || heap::get_tracemalloc_memory() < before + (256 << 10));
    let status = get_json(&endpoints, STATUS);
    assert_eq!((&status["heap"]["mode"], &status["heap"]["until_unix_ns"]), (&json!("off"), &Value::Null));
    drop(kept);
}

#[test]
fn an_end_is_put_off_and_outlives_a_reset_but_ends_nothing_else() {
    let _alone = alone();
    let endpoints = endpoints();
    heap::stop();
    post(&endpoints, &format!("{START}?mode=paths&duration=1"));
    let state = post_json(&endpoints, &format!("{START}?mode=paths&duration=3600"));
    assert!(state["ends_in_ns"].as_u64().is_some_and(|left| left > 3_000_000_000_000), "{state}");
    let put_off = Instant::now();
    let state = post_json(&endpoints, RESET);
    assert!(state["ends_in_ns"].as_u64().is_some_and(|left| left > 3_000_000_000_000), "{state}");
    assert!(
        text(&post(&endpoints, &format!("{START}?mode=paths&format=text")))
            .starts_with("recording the heap as paths, for another")
    );
    // Past what the first one had, it goes on.
    until("the first end is past", || put_off.elapsed() > Duration::from_millis(1200));
    assert_eq!(heap::mode(), Mode::Paths);
    // One that ends soon, stopped; what is begun afterwards is not ended in its place.
    post(&endpoints, &format!("{START}?mode=paths&duration=1"));
    post(&endpoints, STOP);
    heap::set_mode(Mode::Paths).expect("it can be recorded here");
    // One that ends soon, ended by the program, which begins another.
    let stopped = Instant::now();
    until("its end is past", || stopped.elapsed() > Duration::from_millis(1200));
    assert_eq!(heap::mode(), Mode::Paths);
    heap::stop();
    post(&endpoints, &format!("{START}?mode=paths&duration=1"));
    let begun = Instant::now();
    heap::stop();
    heap::set_mode(Mode::Paths).expect("it can be recorded here");
    until("its end is past", || begun.elapsed() > Duration::from_millis(1500));
    assert_eq!(heap::mode(), Mode::Paths);
    assert_eq!(get_json(&endpoints, STATUS)["heap"]["until_unix_ns"], Value::Null);
    heap::stop();
    // After a reset the end is still the recording's.
    post(&endpoints, &format!("{START}?mode=paths&duration=1"));
    post(&endpoints, RESET);
    until("it ends", || !heap::is_tracing());
}
