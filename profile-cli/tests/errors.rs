//! One line with the remedy, exit status 2, and no output file half written.

mod common;

use std::fs;
use std::process::Stdio;

use common::{Dir, command, dump, run, run_with, shop};

#[test]
fn errors_are_one_line() {
    let dir = Dir::new();
    let profile = dir.save("a.json", &shop(1, 1));
    fs::write(dir.path("cut.json"), &fs::read(&profile).expect("a file")[..40]).expect("written");
    let dumped = fs::read(dump("3.13/cProfile.prof")).expect("a file");
    fs::write(dir.path("cut.prof"), &dumped[..100]).expect("written");
    fs::write(dir.path("empty.json"), "").expect("written");
    let at = |name: &str| dir.arg(name);
    for (args, part) in [
        (vec!["report".to_owned(), at("none.json")], "none.json: no such file"),
        (vec!["report".into(), at("")], "is a directory"),
        (vec!["report".into(), at("cut.json")], "cut.json: byte 40: "),
        (vec!["report".into(), at("cut.prof")], "cut.prof: byte 86: "),
        (vec!["report".into(), at("empty.json")], "empty.json: byte 0: "),
        (vec!["report".into(), profile.clone(), at("other.json")], "give it after -r"),
        (vec!["report".into(), profile.clone(), "-s".into(), "c".into()], "ambiguous sort key"),
        (vec!["report".into(), profile.clone(), "1.5".into()], "from 0 to 1"),
        (vec!["report".into()], "required"),
        (vec!["reprot".into()], "report"),
        (vec!["merge".into(), at("*.nothing")], "no file matches"),
        (vec!["diff".into(), "-".into(), "-".into()], "stdin can be read only once"),
        (
            vec!["diff".into(), profile.clone(), profile.clone(), "--fail-over".into(), "x".into()],
            "write 10%",
        ),
        (vec!["convert".into(), profile.clone(), at("x.docx")], ".svg"),
        (vec!["convert".into(), profile.clone()], "--to"),
        (vec!["convert".into(), dump("3.13/cProfile.prof"), at("x.json")], "no call paths"),
        (vec!["merge".into(), profile.clone(), dump("3.13/cProfile.prof")], "write .prof or .txt"),
        (vec!["browse".into(), "-".into()], "give the profile as a file"),
    ] {
        let error = run(&args).error();
        assert!(error.contains(part), "{args:?}: {error}");
    }
    assert_eq!(dir.names(), ["a.json", "cut.json", "cut.prof", "empty.json"], "nothing was written");
}

#[test]
fn a_file_that_cannot_be_written_is_left_as_it_was() {
    let dir = Dir::new();
    let profile = dir.save("a.json", &shop(1, 1));
    if fs::metadata("/dev/full").is_ok() {
        let error = run(["convert", &profile, "/dev/full", "--to", "json"]).error();
        assert!(error.contains("/dev/full: no space left"), "{error}");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("opened");
        let output = command().args(["report", &profile]).stdout(full).output().expect("runs");
        assert_eq!(output.status.code(), Some(2));
    }
    let missing = dir.arg("no/such/dir.json");
    run(["convert", &profile, &missing]).error();
    // The input is damaged: what was there stays.
    fs::write(dir.path("out.svg"), "before").expect("written");
    fs::write(dir.path("bad.json"), "{\"profile_cost\": 1").expect("written");
    run(["flamegraph", &dir.arg("bad.json"), "-o", &dir.arg("out.svg")]).error();
    assert_eq!(fs::read_to_string(dir.path("out.svg")).expect("a file"), "before");
    assert_eq!(dir.names(), ["a.json", "bad.json", "out.svg"]);
}

/// A file system that is full when half is written, as a limit on file sizes makes it.
#[cfg(unix)]
#[test]
fn what_was_there_stays_when_the_disk_is_full() {
    let dir = Dir::new();
    let profile = dir.save("a.json", &shop(1, 1));
    fs::write(dir.path("out.html"), "before").expect("written");
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let output = std::process::Command::new("sh")
        .args([
            "-c",
            script,
            env!("CARGO_BIN_EXE_cargo-profile-cost"),
            "html",
            &profile,
            "-o",
            &dir.arg("out.html"),
        ])
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(fs::read_to_string(dir.path("out.html")).expect("a file"), "before");
    assert_eq!(dir.names(), ["a.json", "out.html"]);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    let dir = Dir::new();
    let profile = dir.save("a.json", &profile_cost_runtime::testing::large_profile(1, 20_000, 2_000));
    let mut child = command()
        .args(["report", &profile])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(output.stderr, b"");
}

#[test]
fn input_without_an_end_is_refused_at_its_beginning() {
    if fs::metadata("/dev/zero").is_ok() {
        run(["report", "/dev/zero"]).error();
    }
    let error = run_with(command().args(["report", "-"]), b"no profile at all").error();
    assert!(error.contains("-: byte 0: "), "{error}");
}

#[test]
fn help_and_version_are_no_errors() {
    assert!(run(["--version"]).fine().starts_with("cargo-profile-cost "));
    for command in
        ["report", "callers", "callees", "tree", "flamegraph", "diff", "merge", "convert", "html", "browse"]
    {
        assert!(run([command, "--help"]).fine().contains("Examples:"), "{command}");
    }
}
