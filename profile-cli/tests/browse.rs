//! A session with the browser, typed into Python's as well.

mod common;

use std::process::Command;

use common::{Dir, command, dump, run_with, shop};

const SESSION: &str = "help
help sort
help nothing
?stats
frob 1
sort
sort cumulative name
stats 5

stats 0.3
stats 2 1.5
reverse
stats 4
strip
sort nfl
stats work
callers fib
callees fib 1
add /no/such/file
read /no/such/file
sort bogus
help EOF
read
stats 1
quit
";

/// Python's reports begin with the files' dates, which ours have not; the prompt is on the same line.
fn without_dates(text: &str, file: &str) -> String {
    let prompt = format!("{file}% ");
    let mut out = String::new();
    let mut skip_blank = false;
    for line in text.split_inclusive('\n') {
        if std::mem::take(&mut skip_blank) && line == "\n" {
            continue;
        }
        match line.find(&format!("    {file}\n")) {
            Some(_) => {
                out.extend(std::iter::repeat_n(prompt.as_str(), line.matches(&prompt).count()));
                skip_blank = true;
            }
            None => out.push_str(line),
        }
    }
    out
}

#[test]
fn a_session_goes_as_with_pythons() {
    let file = dump("3.13/cProfile.prof");
    let python = ["python3.13", "python3.12", "python3.11", "python3"].into_iter().find(|python| {
        let version = Command::new(python).args(["-c", "import pstats"]).output();
        version.is_ok_and(|output| output.status.success())
    });
    let Some(python) = python else {
        assert!(std::env::var_os("PROFILE_COST_REQUIRE_READERS").is_none(), "python3 is not installed");
        println!("skipped: no python3");
        return;
    };
    let theirs = run_with(Command::new(python).args(["-m", "pstats", &file]), SESSION.as_bytes()).fine();
    let ours = run_with(command().args(["browse", &file, "--style", "pstats"]), SESSION.as_bytes()).fine();
    // Without an errno in it, as in the message of `read`.
    let theirs =
        theirs.replace("[Errno 2] No such file or directory: '/no/such/file'", "No such file or directory");
    assert_eq!(ours, without_dates(&theirs, &file));
}

#[test]
fn a_session_without_a_profile_and_one_with_two() {
    let session =
        |args: &[&str], text: &str| run_with(command().arg("browse").args(args), text.as_bytes()).fine();
    let text = session(&[], "stats\nadd x\nsort\nreverse\nstrip\nread\n");
    assert_eq!(text.matches("No statistics object is loaded.").count(), 5);
    assert!(text.contains("No statistics object is current -- cannot reload."), "{text}");
    assert!(text.ends_with("% \nGoodbye.\n"), "{text}");
    let dir = Dir::new();
    let a = dir.save("a.json", &shop(100, 50_000));
    let b = dir.save("b.json", &shop(50, 50_000));
    let text = session(&[&a, &b], "sort time\nstats query\n");
    assert!(text.contains("2 profiles added up"), "{text}");
    assert!(text.contains("156"), "{text}");
}
