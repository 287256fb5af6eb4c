//! A program with an allocator of its own, whose helpers are functions as others are.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

#[global_allocator]
static ALLOCATOR: Counting = Counting { live: AtomicUsize::new(0) };

struct Counting {
    live: AtomicUsize,
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.add(layout.size());
        noted(layout.size());
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.subtract(layout.size());
        System.dealloc(block, layout)
    }
}

impl Counting {
    fn add(&self, bytes: usize) {
        tally::count!("add");
        self.live.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        tally::count!("subtract");
        self.live.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Allocates itself, but once at a time.
fn noted(bytes: usize) {
    if INSIDE.try_with(|inside| inside.replace(true)).unwrap_or(true) {
        return;
    }
    let text = format!("{bytes}");
    assert!(!text.is_empty());
    INSIDE.with(|inside| inside.set(false));
}

fn work(n: usize) -> usize {
    tally::count!("work");
    let lists: Vec<Vec<usize>> = (0..n).map(|n| vec![n; n]).collect();
    lists.iter().map(Vec::len).sum()
}

fn main() {
    tally::count!("main");
    let threads: Vec<_> = (0..2).map(|_| std::thread::spawn(|| work(50))).collect();
    let sum: usize = threads.into_iter().map(|thread| thread.join().expect("no panic")).sum();
    assert!(ALLOCATOR.live.load(Ordering::Relaxed) < 10_000_000);
    println!("{}", sum + work(10));
}
