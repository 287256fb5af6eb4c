//! A million live blocks on ten thousand stacks: what it costs a service to have them named, and to have its child say
//! what holds them. `--nocapture` prints how long it took, in milliseconds.
#![cfg(all(feature = "symbols", target_os = "linux", target_arch = "x86_64"))]
#![allow(clippy::print_stdout, reason = "times are told, and not asserted")]

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use profile_cost_runtime::heap::{self, Snapshot, Tracker};

#[global_allocator]
static ALLOCATOR: Tracker = Tracker::system();

/// A block each.
#[allow(clippy::vec_box, reason = "blocks are what is wanted")]
type Blocks = Vec<Box<[u64; 4]>>;

/// One allocating function a number, so that stacks differ in functions and not only in lines.
#[inline(never)]
fn allocate<const N: u64>(blocks: &mut Blocks, count: u64) {
    (0..count).for_each(|i| blocks.push(Box::new(black_box([N, i, 0, 0]))));
}

#[inline(never)]
fn call<const N: u64>(blocks: &mut Blocks, count: u64, inner: u64) {
    ALLOCATING[inner as usize](blocks, count);
    black_box(N);
}

type Allocating = fn(&mut Blocks, u64);
type Calling = fn(&mut Blocks, u64, u64);

macro_rules! hundred {
    ($function:ident: $($tens:literal)*) => {
        [$($function::<{ $tens }>, $function::<{ $tens + 1 }>, $function::<{ $tens + 2 }>, $function::<{ $tens + 3 }>,
           $function::<{ $tens + 4 }>, $function::<{ $tens + 5 }>, $function::<{ $tens + 6 }>, $function::<{ $tens + 7 }>,
           $function::<{ $tens + 8 }>, $function::<{ $tens + 9 }>),*]
    };
}

static ALLOCATING: [Allocating; 100] = hundred!(allocate: 0 10 20 30 40 50 60 70 80 90);
static CALLING: [Calling; 100] = hundred!(call: 0 10 20 30 40 50 60 70 80 90);

fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    1024 * line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
}

/// How far the resident memory rose above what it was, at most, bytes; and how long it took, milliseconds.
fn grown<T>(what: &str, work: impl FnOnce() -> T) -> (T, u64) {
    let before = status("VmRSS");
    fs::write("/proc/self/clear_refs", "5").expect("the highest mark is set back");
    let begun = Instant::now();
    let result = work();
    let elapsed = begun.elapsed().as_millis();
    let grown = status("VmHWM").saturating_sub(before);
    println!("{what}: {elapsed} ms, {} KiB more", grown >> 10);
    (result, grown)
}

#[test]
fn the_service_hardly_grows_while_its_child_works() {
    const MOST: u64 = 16 << 20;
    let mut blocks = Vec::with_capacity(1_100_000);
    heap::start(25).expect("it can be recorded here");
    let old = {
        CALLING.iter().for_each(|call| call(&mut blocks, 100, 0));
        heap::take_snapshot()
    };
    for call in CALLING {
        (0..100).for_each(|inner| call(&mut blocks, 100, inner));
    }
    let (snapshot, taking) = grown("taken", heap::take_snapshot);
    heap::stop();
    let stacks: std::collections::HashSet<_> = snapshot.traces.iter().map(|trace| &trace.frames).collect();
    assert!(stacks.len() >= 10_000 && blocks.len() >= 1_000_000, "{} stacks", stacks.len());
    println!("{} stacks, {} frames, {} blocks", stacks.len(), snapshot.frames.len(), blocks.len());

    let (dumped, dumping) = grown("written", || {
        let mut bytes = 0;
        snapshot.write_dump(&mut Count(&mut bytes)).map(|()| bytes)
    });
    println!("{} bytes of dump", dumped.expect("written"));
    let ask = |request: &str| {
        let mut answer = Vec::new();
        let (asked, grown) = grown(request, || snapshot.in_child(request, &mut answer));
        asked.expect(request);
        (String::from_utf8_lossy(&answer).into_owned(), grown)
    };
    let (text, by_text) = ask("text");
    let (rows, by_rows) = ask("lineno 0");
    let (types, by_types) = ask("type");
    let (stacks, by_stacks) = ask("traceback 10");
    let mut change = Vec::new();
    let (compared, by_comparing) =
        grown("compared", || snapshot.compare_in_child(&old, "lineno", &mut change));
    compared.expect("compared");
    let mut named: Snapshot = snapshot.clone();
    let (result, by_naming) = grown("named", || named.name());
    result.expect("named");
    assert!(text.contains("Box<[u64; 4]>") && text.contains("tests/heap_large.rs:"), "{text}");
    assert!(rows.contains("heap_large.rs:") && stacks.contains("heap_large.rs"), "{rows}{stacks}");
    assert!(types.starts_with("Box<[u64; 4]>: "), "{types}");
    assert!(String::from_utf8_lossy(&change).contains("(+"), "{}", String::from_utf8_lossy(&change));
    for grown in [taking, dumping, by_text, by_rows, by_types, by_stacks, by_comparing, by_naming] {
        assert!(grown < MOST, "{grown} bytes");
    }
}

/// How many bytes were written.
struct Count<'a>(&'a mut u64);

impl std::io::Write for Count<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        *self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
