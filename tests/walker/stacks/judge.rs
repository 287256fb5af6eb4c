//! An allocator that compares two walks of the stack whenever memory is asked for: ours, and `_Unwind_Backtrace`'s.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use profile_cost_runtime::testing::walker;

/// Frames compared of each stack at most.
pub const FRAMES: usize = 400;

unsafe extern "C" {
    fn _Unwind_Backtrace(step: extern "C" fn(*mut c_void, *mut c_void) -> c_int, stack: *mut c_void)
    -> c_int;
    fn _Unwind_GetIP(context: *mut c_void) -> usize;
}

/// Frames of the short walks, in turn.
const SHORT: [usize; 7] = [25, 28, 25, 64, 25, 5, 1];

/// Return addresses, innermost first.
#[derive(Clone, Copy)]
pub struct Stack {
    addresses: [usize; FRAMES],
    len: usize,
}

impl Stack {
    const EMPTY: Self = Self { addresses: [0; FRAMES], len: 0 };

    pub fn addresses(&self) -> &[usize] {
        &self.addresses[..self.len]
    }
}

/// What was found so far.
pub struct Verdict {
    pub compared: AtomicU64,
    pub different: AtomicU64,
    /// Those that ended before the judge's did.
    pub cut: AtomicU64,
    pub deepest: AtomicUsize,
    /// A bit for the hash of each stack.
    seen: [AtomicU64; 1 << 14],
    /// The first stack that is different: ours and the judge's.
    pub example: Mutex<Option<(Stack, Stack)>>,
}

pub static VERDICT: Verdict = Verdict {
    compared: AtomicU64::new(0),
    different: AtomicU64::new(0),
    cut: AtomicU64::new(0),
    deepest: AtomicUsize::new(0),
    seen: [const { AtomicU64::new(0) }; 1 << 14],
    example: Mutex::new(None),
};

impl Verdict {
    /// How many stacks were not like any other; a little less where hashes meet.
    pub fn distinct(&self) -> u32 {
        self.seen.iter().map(|word| word.load(Relaxed).count_ones()).sum()
    }

    fn note(&self, ours: &Stack, judge: &Stack) {
        self.compared.fetch_add(1, Relaxed);
        self.deepest.fetch_max(judge.len, Relaxed);
        let fold = |hash: u64, address: &usize| {
            (hash.rotate_left(5) ^ *address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        };
        let hash = judge.addresses().iter().fold(0, fold);
        self.seen[(hash >> 50) as usize].fetch_or(1 << (hash >> 44 & 63), Relaxed);
        if ours.addresses() == judge.addresses() {
            return;
        }
        let is_cut = judge.addresses().starts_with(ours.addresses());
        if is_cut { &self.cut } else { &self.different }.fetch_add(1, Relaxed);
        if let Ok(mut example) = self.example.try_lock() {
            example.get_or_insert((*ours, *judge));
        }
    }
}

thread_local! {
    static COMPARES: Cell<bool> = const { Cell::new(false) };
}

/// Compares the stacks of all that `work` allocates on this thread.
pub fn comparing<T>(work: impl FnOnce() -> T) -> T {
    COMPARES.set(true);
    let result = work();
    COMPARES.set(false);
    result
}

/// Compares the stack of the caller.
#[inline(never)]
pub fn compare() {
    // Nothing that it does itself is compared, nor anything on a thread that is ending.
    if COMPARES.try_with(|compares| compares.replace(false)) != Ok(true) {
        return;
    }
    let (mut ours, mut judge) = (Stack::EMPTY, Stack::EMPTY);
    ours.len = walker::walk(&mut ours.addresses);
    // Walks of so few frames begin where the one before has been.
    let turn = VERDICT.compared.load(Relaxed) as usize;
    let limit = SHORT[turn % SHORT.len()];
    let mut short = [0; 64];
    let short_len = walker::walk(&mut short[..limit]);
    // SAFETY: `step` gets what it expects, only until this returns.
    unsafe { _Unwind_Backtrace(step, (&raw mut judge).cast()) };
    // Some stacks end by a frame at 0.
    while judge.len > 0 && judge.addresses[judge.len - 1] == 0 {
        judge.len -= 1;
    }
    // The first of both is in here, of two different calls.
    for stack in [&mut ours, &mut judge] {
        stack.addresses[0] = 0;
    }
    VERDICT.note(&ours, &judge);
    short[0] = 0;
    if short[..short_len] != judge.addresses()[..judge.len.min(limit)] {
        ours.len = short_len;
        ours.addresses[..short_len].copy_from_slice(&short[..short_len]);
        VERDICT.note(&ours, &judge);
    }
    COMPARES.set(true);
}

extern "C" fn step(context: *mut c_void, stack: *mut c_void) -> c_int {
    const END_OF_STACK: c_int = 5;
    // SAFETY: called with what `compare` gave.
    let (stack, address) = unsafe { (&mut *stack.cast::<Stack>(), _Unwind_GetIP(context)) };
    if stack.len == FRAMES {
        return END_OF_STACK;
    }
    stack.addresses[stack.len] = address;
    stack.len += 1;
    0
}

/// Compares, and asks the system for memory.
pub struct Comparing;

// SAFETY: all of it is the system's allocator.
unsafe impl GlobalAlloc for Comparing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        compare();
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        compare();
        // SAFETY: as the caller promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        compare();
        // SAFETY: as the caller promised.
        unsafe { System.realloc(block, layout, size) }
    }
}
