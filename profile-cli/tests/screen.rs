//! Width and colour.

mod common;

use common::{Dir, command, run, run_with, shop};

#[test]
fn no_line_is_wider_than_asked() {
    let dir = Dir::new();
    let a = dir.save("a.json", &shop(100, 50_000));
    let b = dir.save("b.json", &shop(150, 70_000));
    for width in [30usize, 40, 60, 80, 100, 160] {
        let columns = width.to_string();
        for args in [vec!["report", &a], vec!["callers", &a], vec!["tree", &a], vec!["diff", &a, &b]] {
            let text = run(args.iter().copied().chain(["--width", &columns])).fine();
            for line in text.lines() {
                assert!(line.chars().count() <= width, "{width} {args:?}: {line}");
            }
            assert!(width < 60 || text.contains("query"), "{width} {args:?}: {text}");
        }
    }
    // Pipes are not narrowed, whatever COLUMNS says.
    let wide = run(["report", &a]).fine();
    assert_eq!(run_with(command().args(["report", &a]).env("COLUMNS", "30"), b"").fine(), wide);
}

#[test]
fn colours_are_where_they_are_asked_for() {
    let dir = Dir::new();
    let a = dir.save("a.json", &shop(100, 50_000));
    let has_colour = |args: &[&str], env: &[(&str, &str)]| {
        let mut command = command();
        command.args(["report", &a]).args(args).envs(env.iter().copied());
        run_with(&mut command, b"").fine().contains('\u{1b}')
    };
    assert!(!has_colour(&[], &[]));
    assert!(has_colour(&["--color", "always"], &[]));
    assert!(has_colour(&[], &[("CARGO_TERM_COLOR", "always")]));
    assert!(!has_colour(&[], &[("CARGO_TERM_COLOR", "always"), ("NO_COLOR", "1")]));
    assert!(has_colour(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(!has_colour(&["--color", "never"], &[("CARGO_TERM_COLOR", "always")]));
}

/// As cargo's own: a line for each flag, with what it is for.
#[test]
fn help_of_programs_is_a_line_for_each_flag() {
    for command in ["run", "test", "bench"] {
        let help = run([command, "--help"]).fine();
        let (own, of_cargo) = help.split_once("\nFlags of cargo:\n").expect("two lists");
        let (_, own) = own.split_once("\nOptions:\n").expect("a list");
        let (of_cargo, _) = of_cargo.split_once("\n\n").expect("an end");
        assert!(own.contains("--deps  ") && of_cargo.contains("--release  "), "{help}");
        for line in own.trim_end().lines().chain(of_cargo.lines()) {
            let is_flag = line.trim_start().starts_with('-');
            assert!(is_flag && line.trim_start().contains("  "), "{command}: {line:?}");
        }
    }
}
