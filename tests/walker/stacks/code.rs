//! Code of many kinds that allocates: what compilers make frames of.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ffi::{c_int, c_void};
use std::fmt::Write;
use std::future::Future;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::judge::{compare, comparing};

/// A kind of code, and a function that runs some of it; `seed` changes what it does.
pub type Kind = (&'static str, fn(u64));

pub const KINDS: [Kind; 15] = [
    ("recursion", recursion),
    ("generics", generics),
    ("closures", closures),
    ("trait objects", trait_objects),
    ("sorts", sorts),
    ("qsort of libc", c_callbacks),
    ("large frames", large_frames),
    ("aligned frames", aligned_frames),
    ("json", json),
    ("collections", collections),
    ("formatting", formatting),
    ("panics", panics),
    ("async", asynchronous),
    ("code without unwind tables", bare_code),
    ("threads", threads),
];

struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }
}

#[inline(never)]
fn countdown(depth: usize, text: &mut Vec<String>) -> usize {
    let local = black_box([depth; 3]);
    text.push(format!("{depth}"));
    match depth {
        0 => local[0],
        _ if depth % 5 == 2 => countdown(depth - 1, text) + countdown_boxed(depth / 2),
        _ => countdown(depth - 1, text) + 1,
    }
}

#[inline(never)]
fn countdown_boxed(depth: usize) -> usize {
    let on_heap = Box::new(black_box([depth as u64; 9]));
    if depth < 2 { on_heap[1] as usize } else { countdown_boxed(depth - 2) + on_heap[3] as usize }
}

fn recursion(seed: u64) {
    let mut text = Vec::new();
    black_box(countdown(20 + seed as usize % 7, &mut text));
    deep(500);
}

/// Deeper than what is compared of each stack.
#[inline(never)]
fn deep(depth: usize) -> Box<usize> {
    if depth == 0 {
        return Box::new(black_box(1));
    }
    let inner = deep(depth - 1);
    if depth.is_multiple_of(25) { black_box(Box::new(*inner + 1)) } else { inner }
}

/// A frame of another size for each `N`.
#[inline(never)]
fn sized<const N: usize, T: Copy + Into<u64>>(value: T, depth: usize) -> u64 {
    let local = black_box([value; N]);
    let copy: Vec<T> = black_box(local.to_vec());
    let inner = if depth == 0 { 0 } else { sized::<N, T>(value, depth - 1) };
    copy.iter().map(|value| (*value).into()).sum::<u64>() + inner
}

fn generics(seed: u64) {
    let depth = seed as usize % 5;
    black_box(sized::<1, u8>(1, depth) + sized::<3, u16>(2, depth) + sized::<7, u32>(3, depth));
    black_box(sized::<15, u64>(4, depth) + sized::<31, u8>(5, depth) + sized::<63, u32>(6, depth));
    black_box(sized::<200, u64>(7, depth) + sized::<1_000, u16>(8, depth));
}

#[inline(never)]
fn apply<R>(times: usize, work: &mut dyn FnMut(usize) -> R) -> Vec<R> {
    (0..times).map(work).collect()
}

fn closures(seed: u64) {
    let mut kept = Vec::new();
    apply(9, &mut |number| {
        apply(3, &mut |inner| kept.push(Box::new(number * inner + seed as usize)));
        vec![number; number + 1]
    });
    let composed: Box<dyn Fn(usize) -> String> = (0..6)
        .fold(Box::new(|number| number.to_string()), |inner, at| {
            Box::new(move |number| format!("{}{at}", inner(number)))
        });
    black_box((kept, composed(7)));
}

trait Shape {
    fn describe(&self, depth: usize) -> String;
}
struct Dot(u8);
struct Pair(Box<dyn Shape>, Box<dyn Shape>);
struct Wide([f64; 20], Box<dyn Shape>);

impl Shape for Dot {
    fn describe(&self, depth: usize) -> String {
        ".".repeat(usize::from(self.0) + depth)
    }
}
impl Shape for Pair {
    fn describe(&self, depth: usize) -> String {
        self.0.describe(depth + 1) + &self.1.describe(depth + 1)
    }
}
impl Shape for Wide {
    fn describe(&self, depth: usize) -> String {
        let copy = black_box(self.0);
        format!("{:.1}{}", copy[depth % 20], self.1.describe(depth + 1))
    }
}

fn shape(random: &mut Random, depth: usize) -> Box<dyn Shape> {
    match random.next(3) {
        0 if depth > 0 => Box::new(Pair(shape(random, depth - 1), shape(random, depth - 1))),
        1 if depth > 0 => Box::new(Wide([1.5; 20], shape(random, depth - 1))),
        _ => Box::new(Dot(random.next(9) as u8)),
    }
}

fn trait_objects(seed: u64) {
    let mut random = Random(seed);
    for _ in 0..4 {
        black_box(shape(&mut random, 7).describe(0));
    }
}

fn numbers(seed: u64, len: usize) -> Vec<i32> {
    let mut random = Random(seed);
    (0..len).map(|_| random.next(1_000) as i32).collect()
}

fn sorts(seed: u64) {
    // Long enough for the sorts' recursion, and few comparisons that allocate.
    let mut values = numbers(seed, 90);
    values.sort_by_key(|value| value.to_string());
    values.sort_unstable_by(|a, b| {
        let text = if a % 4 == 0 { Some(b.to_string()) } else { None };
        black_box(text);
        b.cmp(a)
    });
    values.sort_by_cached_key(|value| vec![*value; 2]);
    black_box(values.binary_search_by(|value| Box::new(*value).as_ref().cmp(&5)).is_ok());
}

extern "C" fn by_value(a: *const c_void, b: *const c_void) -> c_int {
    // SAFETY: qsort and bsearch give pointers to elements.
    let (a, b) = unsafe { (*a.cast::<i32>(), *b.cast::<i32>()) };
    if a % 3 == 0 {
        black_box(b.to_string());
    }
    a.cmp(&b) as c_int
}

fn c_callbacks(seed: u64) {
    let mut values = numbers(seed, 60);
    // SAFETY: that many elements of that size.
    unsafe { libc::qsort(values.as_mut_ptr().cast(), values.len(), size_of::<i32>(), Some(by_value)) };
    let wanted = 30i32;
    // SAFETY: as above.
    let found = unsafe {
        libc::bsearch(
            (&raw const wanted).cast(),
            values.as_ptr().cast(),
            values.len(),
            size_of::<i32>(),
            Some(by_value),
        )
    };
    black_box(found);
}

/// So large that the compiler probes the stack page by page; `N` words.
#[inline(never)]
fn large<const N: usize>(depth: usize) -> usize {
    let local = black_box([depth; N]);
    let kept = black_box(Box::new(local[N / 2]));
    if depth == 0 { *kept } else { *kept + large::<N>(depth - 1) + *black_box(Box::new(local[1])) }
}

fn large_frames(_: u64) {
    // The last is beyond what a short rule says.
    black_box(large::<600>(5) + large::<5_000>(3) + large::<60_000>(1) + large::<100_000>(1));
}

#[repr(align(64))]
#[derive(Clone, Copy)]
struct Aligned([u8; 64]);

/// Its frame is realigned, so that only rbp tells where the caller's ended.
#[inline(never)]
fn aligned(depth: usize) -> usize {
    let local = black_box([Aligned([depth as u8; 64]); 2]);
    let text = vec![local[1].0[3]; depth + 1];
    text.len() + if depth == 0 { 0 } else { aligned(depth - 1) + unaligned(depth - 1) }
}

#[inline(never)]
fn unaligned(depth: usize) -> usize {
    *black_box(Box::new(depth)) + if depth > 4 { aligned(depth / 2) } else { 0 }
}

fn aligned_frames(_: u64) {
    black_box(aligned(5));
}

fn json(seed: u64) {
    let mut random = Random(seed);
    let text = json_text(&mut random, 6);
    let value: serde_json::Value = serde_json::from_str(&text).expect("valid");
    let again = serde_json::to_string_pretty(&value).expect("text");
    let typed: Result<BTreeMap<String, Vec<u32>>, _> = serde_json::from_str(&again);
    black_box(typed.is_ok());
}

fn json_text(random: &mut Random, depth: usize) -> String {
    match random.next(4) {
        0 | 1 if depth > 0 => {
            let items: Vec<_> = (0..3).map(|_| json_text(random, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        2 if depth > 0 => {
            let items: Vec<_> =
                (0..3).map(|at| format!("\"k{at}\":{}", json_text(random, depth - 1))).collect();
            format!("{{{}}}", items.join(","))
        }
        _ => format!("\"text\\n{}\"", random.next(1_000)),
    }
}

fn collections(seed: u64) {
    let values = numbers(seed, 60);
    let tree: BTreeMap<i32, Vec<i32>> = values.iter().map(|value| (*value, vec![*value])).collect();
    let table: HashMap<String, Arc<i32>> =
        values.iter().map(|value| (value.to_string(), Arc::new(*value))).collect();
    let queue: VecDeque<Box<i32>> = values.iter().rev().map(|value| Box::new(*value)).collect();
    let copies = (tree.clone(), table.clone(), queue.clone());
    black_box(copies);
}

fn formatting(seed: u64) {
    let mut text = String::new();
    for value in numbers(seed, 12) {
        write!(text, "{value:>8} {:?} {:e}", Some(Some(value)), f64::from(value)).expect("into a string");
    }
    black_box(text.split(' ').map(str::to_owned).collect::<Vec<_>>());
    black_box(text.parse::<u64>().map_err(|error| error.to_string()).is_err());
}

/// Allocates as it is dropped, while a panic unwinds.
struct AllocatesInDrop(u64);
impl Drop for AllocatesInDrop {
    fn drop(&mut self) {
        black_box(format!("{}", self.0));
        compare();
        if self.0.is_multiple_of(3) {
            // Within an unwinding, another one that ends inside.
            let caught = catch_unwind(|| resume_unwind(Box::new(black_box(1))));
            black_box(caught.is_err());
        }
    }
}

#[inline(never)]
fn fails(depth: u64) -> u64 {
    let _guard = AllocatesInDrop(depth);
    if depth == 0 {
        panic_any(vec![depth]);
    }
    1 + fails(black_box(depth - 1))
}

fn panics(seed: u64) {
    for depth in 0..6 {
        black_box(catch_unwind(|| fails(depth + seed % 2)).is_err());
    }
    let mut out = Vec::new();
    let index = black_box(5);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let _guard = AllocatesInDrop(1);
        out.push(out.len() / index);
        out[index]
    }));
    assert!(caught.is_err());
}

// A function of which nothing is known, right behind one of which all is.
std::arch::global_asm!(
    ".pushsection .text.walker_bare, \"ax\", @progbits",
    ".globl walker_covered",
    "walker_covered:",
    ".cfi_startproc",
    "ret",
    ".cfi_endproc",
    ".globl walker_bare",
    "walker_bare:",
    "sub rsp, 24",
    "call rdi",
    "add rsp, 24",
    "ret",
    ".popsection",
);

unsafe extern "C" {
    fn walker_bare(call: extern "C" fn());
}

fn bare_code(_: u64) {
    extern "C" fn called() {
        black_box(vec![1, 2, 3]);
    }
    // SAFETY: calls `called`, with the stack aligned.
    unsafe { walker_bare(called) };
}

struct Yields(u8);
impl Future for Yields {
    type Output = Box<u8>;
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Box<u8>> {
        context.waker().wake_by_ref();
        match self.0 {
            0 => Poll::Ready(Box::new(7)),
            _ => {
                self.0 -= 1;
                black_box(Box::new(self.0));
                Poll::Pending
            }
        }
    }
}

async fn nested(depth: u8) -> usize {
    let before = black_box(vec![depth; 3]);
    let inner: usize = match depth {
        0 => usize::from(*Yields(2).await),
        _ => Box::pin(nested(depth - 1)).await,
    };
    let after = Box::new(inner + before.len());
    Yields(1).await;
    *after
}

struct Nobody;
impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Nobody));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
    }
}

fn asynchronous(seed: u64) {
    black_box(block_on(nested(3 + (seed % 4) as u8)));
    black_box(block_on(async {
        let first = nested(2);
        let second = async { Yields(3).await.to_string() };
        (first.await, second.await)
    }));
}

fn threads(seed: u64) {
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                comparing(|| {
                    recursion(seed + thread);
                    json(seed + thread);
                    panics(seed + thread);
                });
            });
        }
    });
}
