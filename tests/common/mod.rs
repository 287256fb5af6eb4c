//! What the end-to-end tests share.
#![allow(dead_code, missing_docs, reason = "each test uses its part")]

use std::process::{Command, Output};

use profile_cost::{Counts, Profile};
#[allow(unused_imports, reason = "each test uses its part")]
pub use profile_cost_runtime::private::{Site, enter, instrument};

/// Set in the child processes of tests.
pub const CHILD: &str = "PROFILE_COST_TEST_CHILD";

/// A future measured as one call. Stands in for the attribute.
#[macro_export]
macro_rules! measured {
    ($name:expr, $future:expr) => {{
        static SITE: $crate::common::Site = $crate::common::Site::new($name, file!(), line!(), true);
        $crate::common::instrument(&SITE, || {}, $future)
    }};
}

/// Functions made at run time.
pub fn sites(prefix: &str, count: u32) -> Vec<&'static Site> {
    (0..count)
        .map(|i| {
            let name: &'static str = Box::leak(format!("{prefix}{i}").into_boxed_str());
            &*Box::leak(Box::new(Site::new(name, "made.rs", i + 1, true)))
        })
        .collect()
}

pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// This test again, in a process of its own.
pub fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
    command.args([test, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"]).env(CHILD, "1");
    command.env_remove("PROFILE_COST").env_remove("PROFILE_COST_OUT").env_remove("PROFILE_COST_SIGTERM");
    command
}

/// Runs `body` in a process of its own, where the profiler has recorded nothing else.
pub fn isolated(test: &str, body: impl FnOnce()) {
    if is_child() {
        return body();
    }
    let output = again(test).output().expect("the child runs");
    assert!(output.status.success(), "{test}: {}\n{}", output.status, text(&output));
    print(&output);
}

/// Runs `body` in processes of its own until it succeeds: for what depends on time on a machine that
/// does other things as well.
pub fn isolated_tries(test: &str, tries: u32, body: impl FnOnce()) {
    if is_child() {
        return body();
    }
    let mut last = None;
    for _ in 0..tries {
        let output = again(test).output().expect("the child runs");
        if output.status.success() {
            return print(&output);
        }
        last = Some(output);
    }
    let last = last.expect("at least one try");
    panic!("{test}, {tries} times: {}\n{}", last.status, text(&last));
}

/// What the child says for people, and nothing of the test harness.
#[allow(clippy::print_stdout, reason = "figures for whoever asks with --nocapture")]
fn print(output: &Output) {
    // With one test thread the harness has begun the line already.
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some(at) = line.find("# ") {
            println!("{}", &line[at..]);
        }
    }
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The counts of a function, summed over its paths.
pub fn counts(profile: &Profile, name: &str) -> Counts {
    let mut sum = Counts::default();
    for path in profile.paths().iter().filter(|path| profile.function(path.function).label.name == name) {
        sum.add(&path.counts);
    }
    sum
}

/// Inclusive busy and await time of a function's outermost paths, ns.
pub fn cumulative(profile: &Profile, name: &str) -> (u64, u64) {
    let inclusive = profile.inclusive();
    let is = |at: usize| profile.function(profile.paths()[at].function).label.name == name;
    (0..profile.paths().len())
        .filter(|&at| {
            let above = std::iter::successors(profile.paths()[at].parent, |p| profile.path(*p).parent);
            is(at) && !above.into_iter().any(|p| is(p.0 as usize))
        })
        .fold((0, 0), |sum, at| (sum.0 + inclusive[at].0, sum.1 + inclusive[at].1))
}

pub fn total(profile: &Profile) -> Counts {
    let mut sum = Counts::default();
    for path in profile.paths() {
        sum.add(&path.counts);
    }
    sum
}
