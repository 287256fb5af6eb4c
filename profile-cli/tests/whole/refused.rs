//! What cannot be profiled, and is said in one line; and what can although it looks odd.

use std::path::Path;

use crate::copy::{Copy, copy_all};
use crate::counts;
use crate::said::Said;

const HELLO: &str = "fn main() {\n    println!(\"hello\");\n}\n";

#[test]
fn without_cargo() {
    let copy = Copy::of_package("without-cargo", "", HELLO);
    let said = Said::by(copy.tool_command("run --offline").env("CARGO", "/nonexistent/cargo"));
    assert!(said.refusal().contains("/nonexistent/cargo cannot be run"), "{said:?}");
    assert!(!copy.path("target").exists());
}

#[test]
fn without_rustc() {
    let copy = Copy::of_package("without-rustc", "", HELLO);
    let said = Said::by(copy.tool_command("run --offline").env("RUSTC", "/nonexistent/rustc"));
    assert!(said.refusal().contains("/nonexistent/rustc cannot be run"), "{said:?}");
}

#[test]
fn without_a_manifest() {
    let copy = Copy::of_package("without-manifest", "", HELLO);
    let said = copy.tool("run --offline --manifest-path nowhere/Cargo.toml");
    assert!(said.refusal().contains("nowhere/Cargo.toml"), "{said:?}");
}

#[test]
fn for_a_target_without_a_library() {
    let copy = Copy::of_package("without-std", "", HELLO);
    let said = copy.tool("run --offline --target thumbv7em-none-eabi");
    assert!(said.refusal().contains("thumbv7em-none-eabi"), "{said:?}");
}

/// As without the profiler: on a stable compiler they are errors.
#[test]
fn unstable_features_are_the_compilers_to_refuse() {
    if Said::by(std::process::Command::new("rustc").arg("-V")).stdout.contains("nightly") {
        return;
    }
    let copy = Copy::of_package("unstable", "", &format!("#![feature(never_type)]\n{HELLO}"));
    let (plain, profiled) = (copy.cargo("run --offline"), copy.tool("run --offline"));
    assert!(plain.errors().iter().any(|line| line.contains("E0554")), "{plain:?}");
    assert_eq!((profiled.code, profiled.errors()), (plain.code, plain.errors()));
}

#[test]
fn another_wrapper_is_not_used_and_that_is_said() {
    let copy = Copy::of_package("wrapped", "", HELLO);
    let mut tool = copy.tool_command("run --offline --quiet");
    let said = Said::by(tool.env("RUSTC_WORKSPACE_WRAPPER", "/nonexistent/sccache")).fine();
    assert_eq!(said.stdout, "hello\n");
    let notes = said.stderr.lines().filter(|line| line.contains("/nonexistent/sccache"));
    assert_eq!(
        notes.collect::<Vec<_>>(),
        ["note: RUSTC_WORKSPACE_WRAPPER=/nonexistent/sccache is not used for this build"]
    );
}

/// Flags of the user's reach rustdoc and rustc as ever, with the profiler's, whose paths hold spaces.
#[test]
fn flags_of_the_users_stay() {
    let copy = Copy::of_package("flagged", "", "fn main() {}\n");
    copy.write("src/lib.rs", "/// ```\n/// assert!(flagged::is_flagged() && cfg!(of_the_doc));\n/// ```\npub fn is_flagged() -> bool {\n    cfg!(of_the_user)\n}\n");
    let mut tool = copy.tool_command("test --offline --doc --min-size 0");
    tool.env("RUSTFLAGS", "--cfg of_the_user").env("RUSTDOCFLAGS", "--cfg of_the_user --cfg of_the_doc");
    tool.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", "env RUN_BY=env");
    let said = Said::by(&mut tool).fine();
    assert!(said.stdout.contains("1 passed"), "{said:?}");
    assert!(said.stderr.contains("is_flagged"), "{said:?}");
}

/// The one for the target before those for conditions, a path to it from where the configuration is.
#[test]
fn runners_of_the_users_stay() {
    let copy = Copy::of_package(
        "runners",
        "",
        "fn main() {\n    println!(\"{:?}\", std::env::var(\"RUN_BY\"));\n}\n",
    );
    let run = |configuration: &str| {
        copy.write(".cargo/config.toml", configuration);
        copy.tool("run --offline --quiet").fine().stdout
    };
    let others = "[target.'cfg(windows)']\nrunner = '/nonexistent/wine'\n";
    let unix = "[target.'cfg(all(unix, not(windows)))']\nrunner = ['env', 'RUN_BY=unix']\n";
    assert_eq!(run(&format!("{others}{unix}")), "Ok(\"unix\")\n");
    assert_eq!(run(others), "Err(NotPresent)\n");
    copy.write("by path", "#!/bin/sh\nRUN_BY=path exec \"$@\"\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(copy.path("by path"), executable).expect("a script");
    let version = Said::by(std::process::Command::new("rustc").arg("-vV")).stdout;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a triple");
    let host = format!("[target.{host}]\nrunner = ['./by path']\n");
    assert_eq!(run(&format!("{unix}{host}")), "Ok(\"path\")\n");
    let mut given = copy.tool_command("run --offline --quiet");
    let said = Said::by(given.args(["--config", "target.'cfg(unix)'.runner='env'"]));
    assert!(
        said.code == Some(2) && said.stderr.contains("name it in CARGO_TARGET_<TRIPLE>_RUNNER"),
        "{said:?}"
    );
}

/// One runtime in the process, whose calls are counted once each.
#[test]
fn a_program_that_uses_the_profiler_itself() {
    counts_once("marked", Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")));
}

/// Then it is this version that does.
#[test]
fn a_program_that_uses_another_version_of_the_profiler() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let other = Copy::of_package("other-version", "", "");
    for folder in ["src", "profile-macros/src", "profile-runtime/src"] {
        let _ = std::fs::remove_dir_all(other.path(folder));
        std::fs::create_dir_all(other.path(folder)).expect("a folder");
        copy_all(&repository.join(folder), &other.path(folder));
    }
    for package in ["profile-macros", "profile-runtime"] {
        let manifest = format!("{package}/Cargo.toml");
        other.write(&manifest, &std::fs::read_to_string(repository.join(&manifest)).expect("a manifest"));
    }
    let manifest = std::fs::read_to_string(repository.join("Cargo.toml")).expect("a manifest");
    let members = manifest.find("members = [").expect("members");
    let after = manifest.find("[workspace.package]").expect("a package");
    let manifest = format!(
        "{}members = [\"profile-macros\", \"profile-runtime\"]\n\n{}",
        &manifest[..members],
        manifest[after..].replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"0.0.1\"")
    );
    other.write("Cargo.toml", &manifest);
    let said = counts_once("marked-by-another", &other.folder);
    assert!(said.stderr.contains("uses profile-cost 0.0.1: "), "{said:?}");
}

/// Also with dependencies measured, of which one uses what the runtime is made of.
fn counts_once(name: &str, repository: &Path) -> Said {
    let helper = Copy::of_package(&format!("{name}-helper"), "[dependencies]\nlog = \"0.4\"\n", "");
    helper.write(
        "src/lib.rs",
        "pub fn helped(n: u64) -> u64 {\n    log::set_max_level(log::LevelFilter::Off);\n    n + 1\n}\n",
    );
    let profiler = "default-features = false, features = [\"enabled\"]";
    let manifest = format!(
        "[dependencies]\nprofile-cost = {{ path = {repository:?}, {profiler} }}\n{name}-helper = {{ path = {:?} }}\n",
        helper.folder
    );
    let copy = Copy::of_package(
        name,
        &manifest,
        &"use profile_cost::profile_cost;

#[profile_cost]
fn marked(n: u64) -> u64 {
    if n == 0 { 0 } else { unmarked(n - 1) }
}

fn unmarked(n: u64) -> u64 {
    HELPER::helped(marked(n))
}

fn main() {
    println!(\"{}\", marked(10));
}

#[test]
fn tested() {
    assert_eq!(marked(3), 3);
}
"
        .replace("HELPER", &format!("{name}-helper").replace('-', "_")),
    );
    let of_helper = (format!("{name}-helper/src/lib.rs"), "helped".to_owned());
    let counted = |copy: &Copy, first: &str| {
        let counts = counts::of_profile(&counts::profile(&copy.profile()));
        let calls = |name: &str| counts.get(&("src/main.rs".to_owned(), name.to_owned())).copied();
        let all = [calls("marked"), calls("unmarked"), calls(first), counts.get(&of_helper).copied()];
        assert_eq!(counts.len(), all.iter().flatten().count(), "{counts:?}");
        all
    };
    let said = copy.tool("run --offline --min-size 0").fine();
    assert_eq!(said.stdout, "10\n");
    assert_eq!(counted(&copy, "main"), [Some(11), Some(10), Some(1), None]);

    // Errors of what waits for the runtime are nobody's.
    let all = copy.tool("run --offline --min-size 0 --deps").fine();
    assert_eq!(all.stdout, "10\n");
    assert_eq!(counted(&copy, "main"), [Some(11), Some(10), Some(1), Some(10)]);
    assert_eq!(all.errors(), [""; 0]);
    let notes = all.stderr.lines().filter(|line| line.contains("is made of them: "));
    assert!(notes.collect::<String>().contains("log"), "{all:?}");
    let again = copy.tool("run --offline --min-size 0 --deps --verbose").fine();
    assert_eq!(again.compiled(), std::collections::BTreeSet::new());

    let tested = copy.tool(&format!("test --offline --min-size 0 --crate {name}-helper")).fine();
    assert!(tested.stdout.contains("1 passed"), "{tested:?}");
    assert_eq!(counted(&copy, "tested"), [Some(4), Some(3), Some(1), Some(3)]);
    let refused = copy.tool("run --offline --crate log").ends_with(2);
    assert!(
        refused.stderr.contains("error: --crate log: profile-cost, which the program uses"),
        "{refused:?}"
    );
    said
}

/// A program that runs cargo itself builds as it would: not by our wrapper, nor into our folders.
#[test]
fn what_cargo_is_told_for_the_build_is_not_told_to_the_program() {
    let copy = Copy::of_package(
        "environment",
        "",
        "fn main() {
    for (name, value) in std::env::vars() {
        if [\"CARGO_TARGET_DIR\", \"CARGO_BUILD_BUILD_DIR\"].contains(&&*name) || name.contains(\"RUSTC\") || name.ends_with(\"_RUNNER\") {
            println!(\"{name}={value}\");
        }
    }
}
",
    );
    let mut tool = copy.tool_command("run --offline");
    let said = Said::by(tool.env_remove("RUSTC").env_remove("RUSTC_WRAPPER")).fine();
    assert_eq!(said.stdout, "");
    let elsewhere = copy.path("elsewhere");
    let said =
        Said::by(copy.tool_command("run --offline").env_remove("RUSTC").env("CARGO_TARGET_DIR", &elsewhere));
    assert_eq!(said.fine().stdout, format!("CARGO_TARGET_DIR={}\n", elsewhere.display()));
}
