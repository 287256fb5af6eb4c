//! What a walk costs, beside the crate `backtrace`: `cargo test --release -p profile-cost-walker --test cost -- --ignored
//! --nocapture`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use profile_cost_runtime::testing::walker;

const FRAMES: usize = 25;
const WALKS: u32 = 200_000;

static WALKS_ALL: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Walking;

#[inline(never)]
fn allocated() {
    ALLOCATIONS.fetch_add(1, Relaxed);
    if WALKS_ALL.load(Relaxed) {
        black_box(ours());
    }
}

// SAFETY: all of it is the system's allocator.
unsafe impl GlobalAlloc for Walking {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocated();
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        allocated();
        // SAFETY: as the caller promised.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Walking = Walking;

/// Calls `work` with `depth` frames of several sizes below it.
#[inline(never)]
fn at_depth(depth: usize, work: &mut dyn FnMut()) -> usize {
    match depth {
        0 => work(),
        _ if depth.is_multiple_of(3) => return at_depth(depth - 1, work) + 1,
        _ => return at_depth_wide(depth - 1, work) + 2,
    }
    black_box(depth)
}

#[inline(never)]
fn at_depth_wide(depth: usize, work: &mut dyn FnMut()) -> usize {
    let local = black_box([depth; 11]);
    if depth == 0 {
        work();
        return local[3];
    }
    at_depth(depth - 1, work) + local[7]
}

/// Shortest of ten runs, nanoseconds each.
fn nanoseconds(times: u32, mut work: impl FnMut()) -> f64 {
    let runs = (0..10).map(|_| {
        let start = Instant::now();
        (0..times).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(times)
    });
    runs.fold(f64::INFINITY, f64::min)
}

fn ours() -> usize {
    let mut stack = [0; FRAMES];
    walker::walk(black_box(&mut stack))
}

fn theirs() -> usize {
    let mut stack = [0; FRAMES];
    let mut found = 0;
    // SAFETY: no other thread traces meanwhile.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            stack[found] = frame.ip().addr();
            found += 1;
            found < FRAMES
        });
    }
    black_box(&mut stack);
    found
}

fn report(text: &str) {
    std::io::stdout().write_all(text.as_bytes()).expect("there is somewhere to write");
}

#[test]
#[ignore = "measures"]
fn of_25_frames() {
    let start = Instant::now();
    assert!(walker::prepare());
    report(&format!("prepare: {:.1} ms\n", start.elapsed().as_secs_f64() * 1e3));
    at_depth(60, &mut || {
        assert_eq!(ours(), FRAMES);
        assert_eq!(theirs(), FRAMES);
        let ours = nanoseconds(WALKS, || {
            black_box(ours());
        });
        let theirs = nanoseconds(WALKS / 50, || {
            black_box(theirs());
        });
        report(&format!("one place: ours {ours:.1} ns, backtrace {theirs:.0} ns\n"));
    });
}

/// A walk for whatever is allocated as documents are parsed.
#[test]
#[ignore = "measures"]
fn of_json() {
    assert!(walker::prepare());
    let item = r#"{"id":17,"name":"a name","tags":["red","green",{"nested":[1,2,3,{"deep":"text","no":null}]}],"price":1.25}"#;
    let text = format!("{{\"items\":[{}]}}", [item; 400].join(","));
    at_depth(20, &mut || {
        let parse = || drop(black_box(serde_json::from_str::<serde_json::Value>(&text).expect("valid")));
        let before = ALLOCATIONS.load(Relaxed);
        parse();
        let allocations = (ALLOCATIONS.load(Relaxed) - before) as f64;
        let without = nanoseconds(20, parse);
        WALKS_ALL.store(true, Relaxed);
        let with = nanoseconds(20, parse);
        WALKS_ALL.store(false, Relaxed);
        let each = (with - without) / allocations;
        report(&format!("json: ours {each:.1} ns, {:.2} times as long in all\n", with / without));
    });
}

/// A walk in each node of a tree of calls: the stacks are hardly ever the same twice running.
#[test]
#[ignore = "measures"]
fn of_stacks_that_alternate() {
    #[inline(never)]
    fn visit(depth: usize, padding: &mut [usize; 4], walks: &mut usize, walk: bool) {
        if walk {
            black_box(ours());
        }
        *walks += 1;
        padding[depth % 4] += 1;
        if depth > 0 {
            visit_other(depth - 1, black_box(&mut [depth; 4]), walks, walk);
            visit(depth - 1, padding, walks, walk);
            visit_other(depth - 1, padding, walks, walk);
        }
    }
    #[inline(never)]
    fn visit_other(depth: usize, padding: &mut [usize; 4], walks: &mut usize, walk: bool) {
        let local = black_box([depth; 6]);
        if depth > 0 {
            visit(depth - 1, padding, walks, walk);
        }
        padding[depth % 4] += local[depth % 6];
    }
    assert!(walker::prepare());
    at_depth(40, &mut || {
        let mut walks = 0;
        let mut tree = |walk| {
            nanoseconds(1, || {
                walks = 0;
                visit(11, &mut [0; 4], &mut walks, walk);
            })
        };
        let (with, without) = (tree(true), tree(false));
        report(&format!("{walks} places: ours {:.1} ns\n", (with - without) / walks as f64));
    });
}
