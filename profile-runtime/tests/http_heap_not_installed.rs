//! A program without a `Tracker`: every endpoint over the heap says how to get one.

mod asking;

use asking::{endpoints, get_json, refused};
use serde_json::json;

#[test]
fn the_way_to_a_tracker_is_told() {
    let endpoints = endpoints();
    for (method, target) in [
        ("GET", "/debug/profile-cost/tracemalloc"),
        ("POST", "/debug/profile-cost/snapshots"),
        ("GET", "/debug/profile-cost/snapshots/get"),
        ("GET", "/debug/pprof/heap"),
        ("GET", "/debug/pprof/allocs?seconds=1"),
        ("POST", "/debug/profile-cost/control/heap/start"),
        ("POST", "/debug/profile-cost/control/heap/start?mode=exact&duration=5"),
    ] {
        let message = refused(&endpoints, method, target, 501);
        assert!(message.contains("#[global_allocator]"), "{target}: {message}");
    }
    let status = get_json(&endpoints, "/debug/profile-cost/control");
    assert_eq!(
        (&status["heap"]["is_installed"], &status["heap"]["until_unix_ns"]),
        (&json!(false), &json!(null))
    );
    assert_eq!(get_json(&endpoints, "/debug/profile-cost/memory")["mode"], json!("off"));
}
