//! Snapshots named elsewhere than in the process: from the file before it was stripped, from the file that debug
//! information was moved to; other builds are refused.
#![cfg(all(feature = "symbols", target_os = "linux", target_arch = "x86_64"))]

mod judges;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard};

use judges::available;
use profile_cost_runtime::heap::{self, Snapshot, Tracker};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A directory of its own, gone at the end of the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("heap-offline-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        Self(dir)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Order([u64; 5]);

#[inline(never)]
fn take_orders() -> Vec<Order> {
    let mut orders = Vec::new();
    (0..1000).for_each(|i| orders.push(Order([i; 5])));
    orders
}

fn orders() -> Snapshot {
    heap::start(25).expect("it can be recorded here");
    let orders = take_orders();
    let snapshot = heap::take_snapshot();
    heap::stop();
    assert_eq!(orders[10].0[4], 10);
    snapshot
}

fn this_program() -> PathBuf {
    std::env::current_exe().expect("a path")
}

/// Whether the orders have their function, file, line and type.
fn is_named(snapshot: &Snapshot) -> bool {
    let sources = || snapshot.frames.iter().flat_map(|frame| &frame.sources);
    let has_function = sources().any(|source| {
        source.function == "take_orders" && source.file.ends_with("tests/heap_offline.rs") && source.line > 0
    });
    has_function && snapshot.types.iter().any(|name| name == "Vec<heap_offline::Order>")
}

fn objcopy(arguments: &[&str], from: &Path, to: &Path) {
    let status = Command::new("objcopy").args(arguments).arg(from).arg(to).status().expect("it starts");
    assert!(status.success(), "{arguments:?}");
}

/// The snapshot as it is read where the program is that file.
fn read_back(snapshot: &Snapshot, program: &Path) -> Snapshot {
    let mut dump = Vec::new();
    snapshot.write_dump(&mut dump).expect("written");
    let mut read = Snapshot::read_dump(&mut &*dump).expect("read back");
    let this = this_program();
    for module in read.modules.iter_mut().filter(|module| Path::new(&module.path) == this) {
        module.path = program.to_str().expect("UTF-8").to_owned();
    }
    read
}

#[test]
fn offline_a_snapshot_gets_the_names_that_it_gets_alive() {
    let _alone = alone();
    if !available("objcopy", Command::new("objcopy").arg("--version")) {
        return;
    }
    let dir = Dir::new("names");
    let stripped = dir.0.join("service");
    let debug = dir.0.join("service.debug");
    objcopy(&["--strip-all"], &this_program(), &stripped);
    objcopy(&["--only-keep-debug"], &this_program(), &debug);
    let raw = orders();
    let mut alive = read_back(&raw, &stripped);
    alive.modules.clone_from(&raw.modules);
    alive.name_here().expect("named");
    alive.modules.clone_from(&read_back(&raw, &stripped).modules);
    assert!(is_named(&alive), "{alive:?}");

    let mut without = read_back(&raw, &stripped);
    let error = without.name_from(&[]).expect_err("nothing to name it from").to_string();
    let whose = format!("{}, ", stripped.display());
    assert!(error.starts_with(&whose) && error.contains("before it was stripped"), "{error}");
    assert_eq!(without, read_back(&raw, &stripped));
    for file in [this_program(), debug.clone()] {
        let mut offline = read_back(&raw, &stripped);
        assert_eq!(offline.name_from(std::slice::from_ref(&file)).expect("named"), [], "{}", file.display());
        assert_eq!(offline, alive, "{}", file.display());
    }
    // Where debuggers look for it.
    let link = format!("--add-gnu-debuglink={}", debug.display());
    let status = Command::new("objcopy").arg(link).arg(&stripped).status().expect("it starts");
    assert!(status.success());
    let mut offline = read_back(&raw, &stripped);
    assert_eq!(offline.name_from(&[]).expect("named"), []);
    assert_eq!(offline, alive);
}

#[test]
fn a_stripped_service_writes_a_raw_snapshot() {
    let _alone = alone();
    if !available("objcopy", Command::new("objcopy").arg("--version")) {
        return;
    }
    let dir = Dir::new("stripped");
    let service = dir.0.join("service");
    objcopy(&["--strip-all"], &this_program(), &service);
    run(&service, "the_stripped_service", &dir);
    let mut snapshot = Snapshot::load(dir.0.join("raw.heap")).expect("read");
    assert!(!snapshot.named && snapshot.frames.iter().all(|frame| frame.sources.is_empty()));
    snapshot.name_from(&[this_program()]).expect("named");
    assert!(is_named(&snapshot), "{:?}", snapshot.frames);
}

/// Runs one of the tests below in a copy of this program.
fn run(service: &Path, test: &str, dir: &Dir) {
    let output = Command::new(service)
        .args(["--exact", test, "--ignored"])
        .env("HEAP_OFFLINE", &dir.0)
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}

fn dir_of_service() -> PathBuf {
    std::env::var_os("HEAP_OFFLINE").expect("a directory").into()
}

#[test]
#[ignore = "is run by the test above"]
fn the_stripped_service() {
    let snapshot = orders();
    let mut named = snapshot.clone();
    let error = named.name().expect_err("nothing to name it from").to_string();
    assert!(error.contains("before it was stripped") && !error.contains('\n'), "{error}");
    assert_eq!(named, snapshot);
    snapshot.save(dir_of_service().join("raw.heap")).expect("saved");
}

#[test]
fn a_service_whose_file_was_replaced_is_named_from_its_own() {
    let _alone = alone();
    let dir = Dir::new("replaced");
    let service = dir.0.join("service");
    fs::copy(this_program(), &service).expect("copied");
    run(&service, "the_replaced_service", &dir);
}

#[test]
#[ignore = "is run by the test above"]
fn the_replaced_service() {
    let service = this_program();
    let mut before = orders();
    fs::remove_file(&service).expect("removed");
    fs::copy("/bin/sh", &service).expect("replaced");
    let mut after = orders();
    for snapshot in [&mut before, &mut after] {
        let mut here = snapshot.clone();
        snapshot.name().expect("named");
        here.name_here().expect("named");
        assert!(is_named(snapshot) && here == *snapshot, "{:?}", snapshot.modules);
    }
}

#[test]
fn another_build_is_refused() {
    let _alone = alone();
    let dir = Dir::new("builds");
    let mut snapshot = orders();
    let unnamed = snapshot.clone();
    let id = snapshot.modules.iter().find(|module| Path::new(&module.path) == this_program());
    let id = id.expect("the program").build_id.clone();
    assert!(!id.is_empty(), "the linker gives ids");
    // The same program, of another build.
    let mut bytes = fs::read(this_program()).expect("read");
    let wanted: Vec<u8> =
        (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).expect("a byte")).collect();
    let at = bytes.windows(wanted.len()).position(|window| window == wanted).expect("the id");
    bytes[at] ^= 1;
    let other = dir.0.join(this_program().file_name().expect("a name"));
    fs::write(&other, bytes).expect("written");
    let other_id = format!("{:02x}{}", wanted[0] ^ 1, &id[2..]);
    let error = snapshot.name_from(std::slice::from_ref(&other)).expect_err("another build").to_string();
    assert!(error.contains(&other_id) && error.contains(&id) && !error.contains('\n'), "{error}");
    assert!(error.ends_with("give the very build that was recorded"), "{error}");
    assert_eq!(snapshot, unnamed);
    // In the place of the one that was recorded it is not believed either.
    let mut moved = read_back(&snapshot, &other);
    let error = moved.name_from(&[]).expect_err("another build").to_string();
    assert!(error.contains(&other_id), "{error}");
    assert_eq!(moved, read_back(&snapshot, &other));
}

#[test]
fn what_is_no_program_is_refused() {
    let _alone = alone();
    let dir = Dir::new("others");
    let mut snapshot = orders();
    let unnamed = snapshot.clone();
    let text = dir.0.join("text");
    fs::write(&text, "not a program").expect("written");
    let cut = dir.0.join("cut");
    fs::write(&cut, &fs::read(this_program()).expect("read")[..5000]).expect("written");
    fs::write(dir.0.join("empty"), "").expect("written");
    for (file, remedy) in [
        (dir.0.join("none"), "no such file; check the name"),
        (text, "not an ELF file"),
        (cut, "/cut: "),
        (dir.0.join("empty"), "/empty: "),
        (dir.0.clone(), "not a file"),
        ("/dev/zero".into(), "not a file"),
        ("/bin/sh".into(), "give the very build that was recorded"),
    ] {
        let error = snapshot.name_from(std::slice::from_ref(&file)).expect_err("refused").to_string();
        assert!(error.contains(remedy) && !error.contains('\n'), "{}: {error}", file.display());
        assert_eq!(snapshot, unnamed);
    }
}
