//! A program without a `heap::Tracker` that is asked to record its heap: it is told what is missing.
#![allow(missing_docs, reason = "a test")]

mod common;

use common::{again, is_child, text};
use profile_cost::heap;

#[test]
fn the_environment_asks_in_vain_and_says_what_to_add() {
    if is_child() {
        assert!(!heap::is_tracing());
        let error = heap::start(25).expect_err("nothing can be recorded");
        assert!(error.to_string().contains("#[global_allocator] static"), "{error}");
        std::process::exit(7);
    }
    let mut command = again("the_environment_asks_in_vain_and_says_what_to_add");
    let output = command.env("PROFILE_COST_HEAP", "exact").output().expect("the child runs");
    assert_eq!(output.status.code(), Some(7), "{}", text(&output));
    let error = String::from_utf8_lossy(&output.stderr);
    let line = "profile-cost: PROFILE_COST_HEAP=exact:25: no heap::Tracker is the global allocator: add `#[global_allocator]";
    assert_eq!(error.matches(line).count(), 1, "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}
