//! Counts calls by hand: what a profiler says of them is judged by this.
//!
//! A process that ends by `exit` or by returning from `main` writes what it counted to a file of its own in the folder
//! that `TORTURE_COUNTS` names. Counting neither allocates nor locks, so that allocators can.

use std::io::Write;
use std::os::raw::c_int;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// First in a function: `count!("name")`.
#[macro_export]
macro_rules! count {
    ($name:literal) => {{
        static COUNTER: $crate::Counter = $crate::Counter::new($name, $crate::file!());
        COUNTER.bump();
    }};
}

#[doc(hidden)]
pub use std::file;

pub struct Counter {
    name: &'static str,
    file: &'static str,
    calls: AtomicU64,
    next: AtomicPtr<Counter>,
}

static FIRST: AtomicPtr<Counter> = AtomicPtr::new(null_mut());
static WILL_WRITE: AtomicBool = AtomicBool::new(false);

impl Counter {
    pub const fn new(name: &'static str, file: &'static str) -> Self {
        Counter { name, file, calls: AtomicU64::new(0), next: AtomicPtr::new(null_mut()) }
    }

    pub fn bump(&'static self) {
        if self.calls.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        let this = self as *const Counter as *mut Counter;
        let mut first = FIRST.load(Ordering::Acquire);
        loop {
            self.next.store(first, Ordering::Relaxed);
            match FIRST.compare_exchange(first, this, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(other) => first = other,
            }
        }
        if !WILL_WRITE.swap(true, Ordering::AcqRel) {
            extern "C" {
                fn atexit(call: extern "C" fn()) -> c_int;
            }
            unsafe { atexit(write) };
        }
    }
}

extern "C" fn write() {
    let Some(folder) = std::env::var_os("TORTURE_COUNTS") else { return };
    let mut text = String::new();
    let mut next = FIRST.load(Ordering::Acquire);
    while let Some(counter) = unsafe { next.as_ref() } {
        text += &format!("{}\t{}\t{}\n", counter.file, counter.name, counter.calls.load(Ordering::Relaxed));
        next = counter.next.load(Ordering::Relaxed);
    }
    let path = std::path::Path::new(&folder).join(std::process::id().to_string());
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("counts are written");
}
