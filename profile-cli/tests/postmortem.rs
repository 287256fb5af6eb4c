//! Files of flight recorders: `postmortem`, and every command that takes a profile.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Dir, run};
use profile_cost_runtime::private::{Site, enter};
use profile_cost_runtime::recorder;

const CHILD: &str = "PROFILE_COST_TEST_CHILD";

/// Handles orders, and is killed in the middle of the last.
fn child(folder: &Path) {
    static HANDLE: Site = Site::new("handle", "src/orders.rs", 10, true);
    static LOAD: Site = Site::new("load", "src/orders.rs", 20, true);
    recorder::start(folder, &recorder::Options::default()).expect("it records");
    for n in 0..100 {
        let _call = enter(&HANDLE, || {});
        (0..3).for_each(|_| drop(enter(&LOAD, || {})));
        if n == 99 {
            // SAFETY: a signal to this process.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
    }
}

fn flight(dir: &Dir, test: &str) -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(CHILD) {
        child(Path::new(&folder));
        return None;
    }
    let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, dir.path(""));
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().expect("the child runs");
    assert_eq!(status.signal(), Some(libc::SIGKILL));
    Some(recorder::newest(dir.path("")).expect("the folder").expect("a file"))
}

#[test]
fn a_process_that_was_killed_still_says_what_it_was_doing() {
    let dir = Dir::new();
    let Some(file) = flight(&dir, "a_process_that_was_killed_still_says_what_it_was_doing") else { return };
    let file = file.to_str().expect("UTF-8").to_owned();
    let text = run(["postmortem", &dir.arg("")]).fine();
    for part in ["without a word", "WHAT WAS RUNNING", "handle  src/orders.rs:10", "resident", "load"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(run(["postmortem", &file]).fine(), text);
    let json = run(["postmortem", &file, "--json"]).fine();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["ending"], &json["running"][0]["calls"][0]["name"]),
        (&"silent".into(), &"handle".into())
    );
    let page = run(["postmortem", &file, "--html"]).fine();
    for part in ["<html", "without a word", "WHAT WAS RUNNING", "orders.rs"] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn every_command_takes_its_file_as_a_profile() {
    let dir = Dir::new();
    let Some(file) = flight(&dir, "every_command_takes_its_file_as_a_profile") else { return };
    let file = file.to_str().expect("UTF-8").to_owned();
    let table = run(["report", &file, "--json"]).fine();
    let table: serde_json::Value = serde_json::from_str(&table).expect("JSON");
    let load = table["functions"].as_array().and_then(|all| all.iter().find(|row| row["name"] == "load"));
    assert_eq!(load.map(|load| &load["calls"]), Some(&300.into()), "{table}");
    assert!(run(["callers", &file, "load"]).fine().contains("handle"));
    assert!(run(["tree", &file]).fine().contains("load"));
    assert!(run(["flamegraph", &file]).fine().contains("<svg"));
    assert!(run(["diff", &file, &file]).fine().contains("load"));
    let converted = dir.arg("converted.json");
    run(["convert", &file, &converted]).fine();
    assert!(run(["report", &converted]).fine().contains("load"));
    assert!(run(["heap", &file]).error().contains("holds no snapshot of the heap"));
}

#[test]
fn what_is_no_such_file_is_said_in_a_line() {
    let dir = Dir::new();
    assert!(run(["postmortem", &dir.arg("none.flight")]).error().contains("no such file"));
    assert!(run(["postmortem", &dir.arg("")]).error().contains("no file of a flight recorder"));
    fs::write(dir.path("a.flight"), "{}").expect("a file");
    assert!(run(["postmortem", &dir.arg("a.flight")]).error().contains("not a flight recorder's file"));
    fs::write(dir.path("b.flight"), "profile-cost flight\n and no more").expect("a file");
    assert!(run(["report", &dir.arg("b.flight")]).error().contains("cut off after"));
}
