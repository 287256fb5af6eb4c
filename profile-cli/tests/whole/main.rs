//! Whole programs, by the built tool: a workspace that holds what builds of Rust programs can hold (`tests/whole/torture`)
//! is profiled and judged by what it counts itself, by plain cargo, and by what is left in its folder.

#![cfg(unix)]

mod copy;
mod counts;
mod refused;
mod said;
mod shown;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use copy::{Copy, assert_untouched};
use counts::Counts;
use said::Said;

/// All that runs is measured, small as it may be.
const TEST: &str = "test --offline --no-fail-fast --min-size 0";
const BUILD: &str = "test --offline --no-run --verbose --min-size 0";

/// The steps share one workspace: each begins where the one before ended.
#[test]
fn torture() {
    let copy = Copy::of_torture("torture");
    let plain = tests_run(&copy, "plain", |copy| copy.cargo_command("test --offline --no-fail-fast"));
    assert_eq!(plain.said.code, Some(101), "{:?}", plain.said);
    // What is counted by hand is worth something.
    assert!(
        plain.counts.len() > 100 && plain.said.tests().len() > 50,
        "{}: {:?}",
        plain.counts.len(),
        plain.said
    );
    let program = fs::read(copy.path("target/debug/forms")).expect("a program");
    let before = copy.entries();

    same_results_and_every_call(&copy, &plain);
    assert_untouched(&before, &copy.entries());
    nothing_is_compiled_again(&copy);
    assert!(fs::read(copy.path("target/debug/forms")).expect("a program") == program, "the user's program");
    assert_untouched(&before, &copy.entries());

    programs_end_as_they_would(&copy);
    other_sizes_are_other_builds(&copy);
    what_is_edited_is_compiled(&copy);
    removed_and_renamed(&copy);
    errors_are_the_users(&copy);
}

struct Run {
    said: Said,
    counts: Counts,
}

/// With a test that fails, so that its message can be compared.
fn tests_run(copy: &Copy, name: &str, command: impl Fn(&Copy) -> std::process::Command) -> Run {
    let folder = copy.counts(name);
    let said = Said::by(command(copy).env("TORTURE_COUNTS", &folder).env("TORTURE_FAIL", "1"));
    Run { said, counts: counts::by_hand(&folder) }
}

fn same_results_and_every_call(copy: &Copy, plain: &Run) {
    let profiled =
        tests_run(copy, "profiled", |copy| copy.tool_command(&format!("{TEST} --show-skipped --top 0")));
    assert_eq!(profiled.said.code, plain.said.code, "{}", profiled.said.stderr);
    assert_eq!(profiled.said.tests(), plain.said.tests(), "{}", profiled.said.stderr);
    assert_eq!(profiled.said.panics(), plain.said.panics());
    assert_eq!(profiled.said.panics().len(), 1, "the test that fails");
    let profile = counts::profile(&copy.profile());
    // What allocators are asked is not the same in two runs, let alone with a profiler.
    let is_steady = |(file, _): &(String, String)| file != "allocator/src/main.rs";
    let by_hand = profiled.counts.iter().filter(|(key, _)| is_steady(key));
    assert!(
        by_hand.clone().eq(plain.counts.iter().filter(|(key, _)| is_steady(key))),
        "other calls than plain"
    );
    // Left out, since it does not compile with a call in it.
    let left_out = ("refusing/src/lib.rs".to_owned(), "inspected".to_owned());
    let profiled_counts = counts::of_profile(&profile);
    let mut wrong = Vec::new();
    for (key, calls) in by_hand.filter(|(key, _)| **key != left_out) {
        if profiled_counts.get(key) != Some(calls) {
            wrong.push((key, *calls, profiled_counts.get(key)));
        }
    }
    assert!(wrong.is_empty(), "(function, by hand, profiled): {wrong:?}");
    assert_eq!(profiled_counts.get(&left_out), None);
    counts::assert_lines(&profile, &copy.folder);
    // Written by the build script; its folder's name is another in each build.
    let is_written = |(file, name): &(String, String)| file.ends_with("/out/module.rs") && name == "number_2";
    assert_eq!(
        profiled_counts.iter().filter(|(key, _)| is_written(key)).map(|(_, calls)| *calls).sum::<u64>(),
        1
    );
    let report = &profiled.said.stderr;
    for line in
        ["refusing/src/lib.rs:4: inspected: left out", "old/src/keywords.rs: ", "Counter::constant: const fn"]
    {
        assert!(report.contains(line), "{line}: {report}");
    }
    // Macros run in the compiler, and are as they were; tests of them are programs.
    let of_macros = profiled_counts.iter().filter(|((file, _), _)| file == "macros/src/lib.rs");
    let of_macros: Vec<_> = of_macros.map(|((_, name), calls)| (name.as_str(), *calls)).collect();
    assert_eq!(of_macros, [("macros_have_tests", 1)]);
    let built = fs::read_dir(copy.path("target/debug/deps")).expect("a folder").flatten();
    let is_macros = |name: &str| name.starts_with("libmacros-") && !name.ends_with(".d");
    let macros = built.filter(|entry| is_macros(&entry.file_name().to_string_lossy()));
    let macros: Vec<Vec<u8>> = macros.map(|entry| fs::read(entry.path()).expect("a library")).collect();
    let is_measured = |library: &Vec<u8>| library.windows(20).any(|name| name == b"profile_cost_runtime");
    assert!(!macros.is_empty() && !macros.iter().any(is_measured));
    // As many as there are in the files; a folder that is linked is there under two names.
    assert!(report.contains("functions in the sources: 132 measured, 17 not"), "{report}");
    assert!(!report.contains("is not measured"), "a whole crate was given up: {report}");
}

fn nothing_is_compiled_again(copy: &Copy) {
    for said in [copy.tool(BUILD), copy.cargo("test --offline --no-run --verbose")] {
        let said = said.fine();
        assert_eq!(said.compiled(), BTreeSet::new());
        assert_eq!(said.fresh().len(), 13, "{}", said.stderr);
    }
}

fn programs_end_as_they_would(copy: &Copy) {
    for (flags, code, out) in [
        ("-p ends --bin exits", 3, "before exit\n"),
        ("-p ends --bin code", 3, "before code\n"),
        ("-p ends --bin errs", 1, "before error\n"),
        ("-p ends --bin panics", 101, "before panic\n"),
        ("-p allocator", 0, "2495\n"),
        ("-p spaced --bin script", 0, "7\n"),
        ("-p forms --example shown", 0, "shown 196\n"),
    ] {
        let folder = copy.counts("program");
        let mut tool = copy.tool_command(&format!("run --offline --min-size 0 {flags}"));
        let said = Said::by(tool.env("TORTURE_COUNTS", &folder)).ends_with(code);
        assert_eq!(said.stdout, out, "{flags}");
        assert!(!said.stderr.contains("wrote no profile"), "{flags}: {}", said.stderr);
        let profiled = counts::of_profile(&counts::profile(&copy.profile()));
        let mut by_hand = counts::by_hand(&folder);
        if flags == "-p allocator" {
            // It goes on being called while the profile is written.
            by_hand.retain(|(_, name), _| !["add", "subtract"].contains(&name.as_str()));
            assert!(profiled.keys().any(|(_, name)| name == "add"), "{profiled:?}");
        }
        assert!(!by_hand.is_empty());
        // As many functions as there are in the program, whatever else this plan was for.
        if flags == "-p spaced --bin script" {
            assert!(said.stderr.contains("functions in the sources: 6 measured, 1 not"), "{}", said.stderr);
        }
        for (key, calls) in by_hand {
            assert_eq!(profiled.get(&key), Some(&calls), "{flags}: {key:?}");
        }
    }
    // Without unwinding nothing is left to write a profile, which is said; the end is the same.
    let said = copy.tool("run --offline --min-size 0 --profile aborting -p ends --bin panics");
    assert_eq!((said.code, said.stdout.as_str()), (Some(134), "before panic\n"), "{}", said.stderr);
    assert!(said.stderr.contains("panicked at ends/src/bin/panics.rs:4:"), "{}", said.stderr);
    assert!(said.stderr.contains("\nnote: a process wrote no profile: aborted"), "{}", said.stderr);

    let said = copy.tool("bench --offline --min-size 0 -p forms --bench plain").fine();
    assert_eq!(said.stdout, "benched 19600\n");
    let profiled = counts::of_profile(&counts::profile(&copy.profile()));
    assert_eq!(profiled.get(&("forms/benches/plain.rs".into(), "round".into())), Some(&100));
}

fn other_sizes_are_other_builds(copy: &Copy) {
    let of_size =
        |size| copy.tool(&format!("test --offline --no-run --verbose -p ends --min-size {size}")).fine();
    assert_eq!(of_size(30).compiled(), BTreeSet::from(["tally", "ends"]));
    assert_eq!(of_size(0).compiled(), BTreeSet::new());
    assert_eq!(of_size(30).compiled(), BTreeSet::new());
}

fn what_is_edited_is_compiled(copy: &Copy) {
    let file = "paths/src/outer/plain.rs";
    copy.write(file, &format!("// Moved down a line.\n{}", copy.read(file)));
    let said = copy.tool(BUILD).fine();
    // And its dependants: `old` tests with it.
    assert_eq!(said.compiled(), BTreeSet::from(["paths", "old"]), "{}", said.stderr);
    let said = copy.tool("test --offline --min-size 0 --lib -p paths everything_is_there").fine();
    assert!(said.stderr.contains("paths/src/outer/plain.rs:2\n"), "{}", said.stderr);
    // A plain build sees the edit too.
    let said = copy.cargo("test --offline --no-run --verbose").fine();
    assert_eq!(said.compiled(), BTreeSet::from(["paths", "old"]), "{}", said.stderr);
}

fn removed_and_renamed(copy: &Copy) {
    fs::rename(copy.path("paths/src/outer/plain.rs"), copy.path("paths/src/outer/renamed.rs"))
        .expect("renamed");
    fs::remove_file(copy.path("paths/src/linked.rs")).expect("removed");
    let root = copy.read("paths/src/lib.rs");
    let root = root.replace("pub mod plain;", "#[path = \"renamed.rs\"] pub mod plain;");
    copy.write(
        "paths/src/lib.rs",
        &root.replace("mod linked;", "mod linked { pub fn by_a_link() -> u64 { 2 } }"),
    );
    let before = copy.entries();
    let said = copy.tool("test --offline --min-size 0 --lib -p paths everything_is_there").fine();
    assert!(said.stderr.contains("paths/src/outer/renamed.rs:2\n"), "{}", said.stderr);
    // What is gone is gone from the build: the module is not found any more.
    copy.write("paths/src/lib.rs", &root);
    let said = copy.tool("test --offline --min-size 0 --lib -p paths everything_is_there");
    let plain = copy.cargo("test --offline --lib -p paths everything_is_there");
    assert_eq!((said.code, said.errors()), (plain.code, plain.errors()));
    copy.write(
        "paths/src/lib.rs",
        &root.replace("mod linked;", "mod linked { pub fn by_a_link() -> u64 { 2 } }"),
    );
    let names = |entries: &std::collections::BTreeMap<_, _>| entries.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&before), names(&copy.entries()));
}

fn errors_are_the_users(copy: &Copy) {
    let file = "strict/src/kinds.rs";
    let good = copy.read(file);
    for (from, to) in [
        ("Self::Small => Self::Large", "Self::Small => 1_u8"),
        ("pub fn larger(self) -> Self {", "pub fn larger(self) -> Self {{"),
        ("match self {", "let unused = 1; match self {"),
    ] {
        copy.write(file, &good.replace(from, to));
        let plain = copy.cargo("test --offline --lib -p strict");
        let profiled = copy.tool("test --offline --lib --min-size 0 -p strict");
        assert!(plain.errors().iter().any(|line| line.contains(file)), "{plain:?}");
        assert_eq!((profiled.code, profiled.errors()), (plain.code, plain.errors()));
    }
    copy.write(file, &good);
    copy.tool("test --offline --lib --min-size 0 -p strict").fine();
}

/// Files of the mirror are never links to be written through.
#[test]
fn the_folder_of_the_torture_is_not_of_this_workspace() {
    let torture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/whole/torture");
    assert!(!torture.join("target").exists(), "built where it lies");
}
