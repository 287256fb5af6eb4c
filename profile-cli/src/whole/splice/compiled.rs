//! Spliced programs through the real compiler: they do what they did before, on the same lines, and every function
//! that ran is counted under its name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use profile_cost_runtime::{Profile, Recording};

use super::{Options, Spliced, splice};

/// Where cargo put the runtime, and where what it needs lies.
struct Runtime {
    library: PathBuf,
    dependencies: PathBuf,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profile-runtime/Cargo.toml");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--lib", "--features", "enabled", "--message-format=json", "--manifest-path"]);
        let output = succeed(cargo.arg(manifest).arg("--target-dir").arg(folder().join("runtime")));
        let is_library = |line: &serde_json::Value| line["target"]["name"] == "profile_cost_runtime";
        let messages = output.lines().filter_map(|line| serde_json::from_str(line).ok());
        let message = messages.into_iter().rfind(is_library).expect("cargo says what it built");
        let files = message["filenames"].as_array().unwrap().iter().filter_map(|file| file.as_str());
        let library = files.map(PathBuf::from).find(|file| file.extension().is_some_and(|e| e == "rlib"));
        let library = library.expect("a library is an rlib");
        Runtime { dependencies: library.with_file_name("deps"), library }
    })
}

fn folder() -> PathBuf {
    let folder = std::env::current_exe().unwrap().with_file_name("splice");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Compiles a program called `program.rs`, plain or with the runtime at hand.
fn compile(folder: &Path, source: &str, edition: &str, runtime: Option<&Runtime>) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("program.rs"), source).unwrap();
    let mut rustc = rustc();
    rustc.args(["program.rs", "--edition", edition, "-C", "debuginfo=0"]).current_dir(folder);
    if let Some(Runtime { library, dependencies }) = runtime {
        rustc.arg("--extern").arg(format!("__profile_cost={}", library.display()));
        rustc.arg("-L").arg(format!("dependency={}", dependencies.display()));
    }
    succeed(&mut rustc);
    folder.join("program")
}

struct Ran {
    plain: String,
    profiled: String,
    spliced: Spliced,
    profile: Profile,
}

fn run(name: &str, source: &str, edition: &str) -> Ran {
    let folder = folder().join(format!("{name}-{edition}-{}", std::process::id()));
    let options = Options {
        edition_2015: edition == "2015",
        file: None,
        min_size: 0,
        wanted: &|_| true,
        left_out: &BTreeSet::new(),
        is_root: true,
    };
    let spliced = splice(source, &options).unwrap();
    let plain = succeed(&mut Command::new(compile(&folder.join("plain"), source, edition, None)));
    let program = compile(&folder.join("spliced"), &spliced.text, edition, Some(runtime()));
    let dump = folder.join("profile.json");
    let profiled = succeed(Command::new(program).env("PROFILE_COST_OUT", &dump));
    let recording = Recording::read(&std::fs::read(&dump).unwrap()).unwrap();
    let Recording::Profile(profile) = recording else { panic!("a profile was written") };
    std::fs::remove_dir_all(&folder).unwrap();
    Ran { plain, profiled, spliced, profile }
}

/// `Shape<_>::by_ref` without the generic arguments, which a text does not tell.
fn without_arguments(label: &str) -> String {
    let mut bare = String::new();
    let mut depth = 0;
    for c in label.chars() {
        let opens = c == '<' && (depth > 0 || bare.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
        depth += usize::from(opens);
        if depth == 0 {
            bare.push(c);
        }
        if c == '>' && depth > 0 {
            depth -= 1;
        }
    }
    bare
}

fn check(ran: &Ran, not_run: &[&str]) {
    assert_eq!(ran.profiled, ran.plain);
    let counted: BTreeSet<_> = ran
        .profile
        .functions()
        .iter()
        .map(|f| {
            assert_eq!(f.label.file, "program.rs");
            (f.label.line as usize, without_arguments(&f.label.name))
        })
        .collect();
    let is_run = |name: &str| !not_run.contains(&name);
    let expected: BTreeSet<_> =
        ran.spliced.functions.iter().filter(|f| is_run(&f.name)).map(|f| (f.line, f.name.clone())).collect();
    assert_eq!(counted, expected);
}

fn sync(edition: &str) {
    let source = include_str!("../../../tests/splice/sync.rs");
    let ran = run("sync", source, edition);
    check(&ran, &[]);
    assert_eq!(ran.spliced.in_macros, 2, "`passed`, and the one in `thread_local!`");
    let skipped: Vec<_> = ran.spliced.skipped.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(skipped, ["Shape::in_const"]);
}

#[test]
fn sync_functions_of_edition_2015() {
    sync("2015");
}

#[test]
fn sync_functions_of_edition_2018() {
    sync("2018");
}

#[test]
fn sync_functions_of_edition_2021() {
    sync("2021");
}

#[test]
fn sync_functions_of_edition_2024() {
    sync("2024");
}

fn futures(edition: &str) {
    let source = include_str!("../../../tests/splice/futures.rs");
    check(&run("futures", source, edition), &[]);
}

#[test]
fn async_functions_of_edition_2018() {
    futures("2018");
}

#[test]
fn async_functions_of_edition_2021() {
    futures("2021");
}

#[test]
fn async_functions_of_edition_2024() {
    futures("2024");
}

/// The program has its own of all that spliced text might name.
fn hostile(edition: &str) {
    let mut source = include_str!("../../../tests/splice/hostile.rs").to_owned();
    if edition == "2015" {
        // NOTE: without its prelude an edition 2015 module sees no crate but by `extern crate`.
        source = source.replace("#![no_implicit_prelude]\n", "\n").replace("core", "kore");
    }
    check(&run("hostile", &source, edition), &[]);
}

#[test]
fn hostile_names_of_edition_2015() {
    hostile("2015");
}

#[test]
fn hostile_names_of_edition_2018() {
    hostile("2018");
}

#[test]
fn hostile_names_of_edition_2021() {
    hostile("2021");
}

#[test]
fn hostile_names_of_edition_2024() {
    hostile("2024");
}
