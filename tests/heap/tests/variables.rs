//! `PROFILE_COST_HEAP` and `PROFILE_COST_HEAP_MEMORY`: read before the first block is recorded, in a process of their own.

use std::hint::black_box;
use std::process::{Command, Output};

use profile_cost_runtime::heap::{self, Mode, Tracker};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

const CHILD: &str = "HEAP_VARIABLES_CHILD";
const LIMIT: u64 = 2 << 20;

/// Allocates more than there is room for records.
fn child() {
    profile_cost_runtime::scope!("first");
    let blocks: Vec<Box<u64>> = (0..400_000).map(|number| black_box(Box::new(number))).collect();
    assert!(heap::get_tracemalloc_memory() <= LIMIT, "{} bytes", heap::get_tracemalloc_memory());
    assert!(matches!(heap::mode(), Mode::Sample { .. }), "{}", heap::mode());
    assert_eq!(heap::take_snapshot().notes.cap_reached, LIMIT);
    drop(blocks);
}

fn run(memory: &str) -> Output {
    let program = std::env::current_exe().expect("this one");
    let mut command = Command::new(program);
    command.env(CHILD, "1").env("PROFILE_COST_HEAP", "exact:25").env("PROFILE_COST_HEAP_MEMORY", memory);
    command.output().expect("it starts")
}

fn main() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    for memory in ["2MiB", "2048k", "2097152"] {
        let output = run(memory);
        assert!(output.status.success(), "{memory}: {}", String::from_utf8_lossy(&output.stderr));
    }
    // Nonsense is said to be that, and 256 MiB are enough.
    let output = run("plenty");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("PROFILE_COST_HEAP_MEMORY=plenty: use bytes from 1, as in 64MiB"), "{said}");
    assert!(!output.status.success(), "the child finds no cap");
    // Not even the first record fits.
    let output = run("4096");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("raise PROFILE_COST_HEAP_MEMORY"), "{said}");
}
