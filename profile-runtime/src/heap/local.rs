//! The thread's state in the heap's recording: made in the profiler's own memory, handed on when the thread ends.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::captured::Owners;
use super::mapped;
use super::memory;
use super::nursery::Nursery;
use super::recording::{self, Plan};
use super::tallies::{Lines, Part};

/// Blocks that a thread allocated last, among which frees are looked for.
const RECENT: usize = 8;

/// Records that a thread finds at once.
const KNOWN: usize = 64;

/// A record, and what it was found for.
#[derive(Debug)]
struct Known {
    /// All of the key but the stack; 0 when there is none.
    shape: AtomicU64,
    /// Number of the thread's stack.
    stack: AtomicU64,
    id: AtomicU32,
}

/// One thread's.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Local {
    /// The thread is in our code: what it allocates there is ours.
    busy: AtomicBool,
    /// A thread that lives has it.
    taken: AtomicBool,
    /// The recording that what follows was counted in; see [`Local::join`].
    generation: AtomicU32,
    /// The mode that the thread has begun in, and in `sample` has drawn `skip` for; 0 when there is none.
    pub(crate) seen: AtomicU32,
    /// Bytes to the next sample.
    pub(crate) skip: AtomicI64,
    pub(crate) random: AtomicU64,
    pub(crate) part: Part,
    /// Frees of blocks that are not known.
    pub(crate) older_frees: AtomicU64,
    /// Allocations of which nothing could be kept.
    pub(crate) unrecorded: AtomicU64,
    /// Of mode `counters`: blocks and bytes allocated, blocks and bytes freed.
    pub(crate) counters: [AtomicU64; 4],
    /// Records found lately.
    known: [Known; KNOWN],
    recent: [AtomicUsize; RECENT],
    recent_at: AtomicUsize,
    /// To whom the block belonged that is being moved, among the calls with a report of their own.
    moving: [AtomicU64; 4],
    next: AtomicPtr<Local>,
    /// The blocks it allocated last.
    pub(crate) nursery: Nursery,
    /// Never null.
    lines: AtomicPtr<Lines>,
}

/// All that there are; never unmapped, since a thread may look at its own at any time.
static ALL: AtomicPtr<Local> = AtomicPtr::new(ptr::null_mut());

/// How many of a thread's last allocations make a block that is freed temporary.
static WINDOW: AtomicUsize = AtomicUsize::new(1);

/// In place of a `Local`: being made; gone; none, and the thread is in our code.
const MAKING: *const Local = ptr::without_provenance(1);
const ENDED: *const Local = ptr::without_provenance(2);
const INSIDE: *const Local = ptr::without_provenance(3);

/// How many threads without a state are in our code.
static LATE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// No destructor and const-initialised: can be read whenever the thread allocates.
    static LOCAL: Cell<*const Local> = const { Cell::new(ptr::null()) };
    static ON_EXIT: OnExit = const { OnExit };
}

thread_local! {
    /// What the thread allocates is ours, also when it has no state any more. No destructor and const-initialised.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What the calling thread allocates is not recorded, until this drops. `None` when that is so already.
#[derive(Debug)]
pub(crate) struct Quiet {
    _busy: Option<Busy<'static>>,
}

impl Quiet {
    pub(crate) fn enter() -> Option<Self> {
        // A thread that has no state gets none for this: see `make`.
        (!QUIET.replace(true)).then(|| Self { _busy: present().and_then(Local::enter) })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        QUIET.set(false);
    }
}

/// Nothing that the calling thread allocates is ever recorded. It has no state, so that nobody waits for it; what it frees
/// is still looked for.
#[cfg(any(feature = "http", feature = "recorder"))]
pub(crate) fn leave_out() {
    QUIET.set(true);
    let local = LOCAL.replace(ENDED);
    if local.addr() > INSIDE.addr() {
        // SAFETY: a `Local` is never unmapped.
        unsafe { &*local }.hand_back();
    }
}

/// Asked on threads that cannot say that they are busy.
pub(crate) fn is_quiet() -> bool {
    QUIET.get()
}

struct OnExit;

impl Drop for OnExit {
    fn drop(&mut self) {
        let local = LOCAL.replace(ENDED);
        if local.addr() > INSIDE.addr() {
            // SAFETY: a `Local` is never unmapped.
            unsafe { &*local }.hand_back();
        }
    }
}

/// The thread's state, made if need be; `None` on a thread that is ending, or while it is being made.
#[inline(always)]
pub(crate) fn current() -> Option<&'static Local> {
    present().or_else(|| make(LOCAL.get()))
}

/// The thread's state, if it has begun in that mode; see [`Local::seen`].
#[inline(always)]
pub(crate) fn begun(plan: Plan) -> Option<&'static Local> {
    present().filter(|local| local.has_begun_in(plan))
}

/// The thread's state, if it has one.
#[inline(always)]
pub(crate) fn present() -> Option<&'static Local> {
    let local = LOCAL.get();
    // SAFETY: a `Local` is never unmapped.
    (local.addr() > INSIDE.addr()).then(|| unsafe { &*local })
}

#[cold]
#[inline(never)]
fn make(there: *const Local) -> Option<&'static Local> {
    if !there.is_null() || is_quiet() {
        return None;
    }
    LOCAL.set(MAKING);
    // First, so that the thread-local is registered (or known to be gone) before anything is taken.
    if ON_EXIT.try_with(|_| ()).is_err() {
        LOCAL.set(ENDED);
        return None;
    }
    match adopt().or_else(create) {
        Some(local) => {
            // Different for each thread and each time; never 0.
            let seed = ptr::from_ref(local).addr() as u64 ^ crate::clock::now().rotate_left(32) | 1;
            local.random.store(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, Ordering::Relaxed);
            local.seen.store(0, Ordering::Relaxed);
            local.forget_known();
            LOCAL.set(local);
            Some(local)
        }
        None => {
            LOCAL.set(ptr::null());
            None
        }
    }
}

fn adopt() -> Option<&'static Local> {
    each()
        .find(|local| local.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok())
}

fn create() -> Option<&'static Local> {
    let memory: *mut Local = memory::map(size_of::<Local>())?.cast();
    let Some(lines) = mapped::lines().or_else(|| memory::map(size_of::<Lines>()).map(<*mut u8>::cast)) else {
        // SAFETY: mapped just now with that size, and nobody knows of it.
        unsafe { memory::unmap(memory.cast(), size_of::<Local>()) };
        return None;
    };
    // SAFETY: zeroed memory of that size and alignment; all fields are atomics, for which zero is a value.
    let local: &'static Local = unsafe { &*memory };
    local.lines.store(lines, Ordering::Relaxed);
    local.taken.store(true, Ordering::Relaxed);
    let mut head = ALL.load(Ordering::Relaxed);
    loop {
        local.next.store(head, Ordering::Relaxed);
        match ALL.compare_exchange_weak(head, memory, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return Some(local),
            Err(now) => head = now,
        }
    }
}

/// Those of all threads, and those that no thread has.
pub(crate) fn each() -> impl Iterator<Item = &'static Local> {
    let mut at = ALL.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: null, or a `Local`, which is never unmapped.
        let local: &'static Local = unsafe { at.as_ref() }?;
        at = local.next.load(Ordering::Relaxed);
        Some(local)
    })
}

/// The thread is in our code until this drops.
#[derive(Debug)]
pub(crate) struct Busy<'a>(&'a Local);

impl<'a> Busy<'a> {
    /// The thread's state.
    #[inline(always)]
    pub(crate) fn local(&self) -> &'a Local {
        self.0
    }
}

impl Drop for Busy<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

/// A thread that has no `Local` is in our code until this drops: what [`Busy`] is to others.
#[derive(Debug)]
pub(crate) struct Late(*const Local);

impl Late {
    /// `None` when it is there already.
    #[cold]
    pub(crate) fn enter() -> Option<Self> {
        let before = LOCAL.get();
        if before == INSIDE {
            return None;
        }
        LOCAL.set(INSIDE);
        LATE.fetch_add(1, Ordering::SeqCst);
        // The mode is read after this; see `Local::enter`.
        std::sync::atomic::fence(Ordering::SeqCst);
        Some(Self(before))
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        LATE.fetch_sub(1, Ordering::Release);
        LOCAL.set(self.0);
    }
}

/// Whether a thread without a state is in our code.
pub(crate) fn is_any_late() -> bool {
    LATE.load(Ordering::Acquire) > 0
}

impl Local {
    /// Before the thread counts anything in that mode: what it counted in another recording is void.
    ///
    /// NOTE: only the thread itself takes it back. In mode `counters` nobody waits for it, so that it may be about to
    /// store a count that is older than a clearing by others.
    #[inline(always)]
    pub(crate) fn join(&self, plan: Plan) {
        if self.generation.load(Ordering::Relaxed) != plan.generation() {
            self.begin(plan);
        }
    }

    /// See [`Local::begin_in`].
    #[inline(always)]
    pub(crate) fn has_begun_in(&self, plan: Plan) -> bool {
        self.seen.load(Ordering::Relaxed) == plan.word()
    }

    /// As [`Local::join`]; that the thread has joined need not be asked again while the mode stays the same.
    #[inline(always)]
    pub(crate) fn begin_in(&self, plan: Plan) {
        self.join(plan);
        self.seen.store(plan.word(), Ordering::Relaxed);
    }

    #[cold]
    #[inline(never)]
    fn begin(&self, plan: Plan) {
        self.forget();
        self.seen.store(0, Ordering::Relaxed);
        self.generation.store(plan.generation(), Ordering::Release);
    }

    /// Whether what was counted belongs to that recording.
    pub(crate) fn is_of(&self, generation: u32) -> bool {
        self.generation.load(Ordering::Acquire) == generation
    }

    /// `None` when it is there already.
    #[inline(always)]
    pub(crate) fn enter(&self) -> Option<Busy<'_>> {
        if self.busy.load(Ordering::Relaxed) {
            return None;
        }
        self.busy.store(true, Ordering::Relaxed);
        // NOTE: the mode is read after this; whoever switches recording off waits until the store must have been
        // seen (`recording::quiesce`).
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
        Some(Busy(self))
    }

    /// What it counts on.
    #[inline(always)]
    pub(crate) fn lines(&self) -> &'static Lines {
        // SAFETY: set before anybody saw this, to what is never unmapped.
        unsafe { &*self.lines.load(Ordering::Relaxed) }
    }

    /// Goes over to lines in the flight recorder's file, if there is one and it has room. Nobody records, and the lines are
    /// zero.
    #[cfg(all(feature = "recorder", unix))]
    pub(super) fn move_lines(&self) {
        if !mapped::holds(self.lines.load(Ordering::Relaxed).cast())
            && let Some(lines) = mapped::lines()
        {
            // NOTE: those of before stay where they are: a thread that ends may be about to look through them.
            self.lines.store(lines, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    #[inline(always)]
    fn place_of(&self, shape: u64) -> &Known {
        &self.known[(shape.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize % KNOWN]
    }

    /// The record that was found for `shape`, which is never 0, on the thread's `stack`.
    #[inline(always)]
    pub(crate) fn known(&self, shape: u64, stack: u64) -> Option<u32> {
        let known = self.place_of(shape);
        let is_that =
            known.shape.load(Ordering::Relaxed) == shape && known.stack.load(Ordering::Relaxed) == stack;
        is_that.then(|| known.id.load(Ordering::Relaxed))
    }

    /// Remembers the record that was found.
    #[inline(always)]
    pub(crate) fn know(&self, shape: u64, stack: u64, id: u32) {
        let known = self.place_of(shape);
        known.id.store(id, Ordering::Relaxed);
        known.shape.store(shape, Ordering::Relaxed);
        known.stack.store(stack, Ordering::Relaxed);
    }

    /// Stacks are numbered by thread: another one's mean nothing.
    fn forget_known(&self) {
        self.known.iter().for_each(|known| known.shape.store(0, Ordering::Relaxed));
    }

    /// Remembers a block as the last one allocated.
    #[inline(always)]
    pub(crate) fn allocated(&self, address: usize) {
        let at = self.recent_at.load(Ordering::Relaxed).wrapping_add(1);
        self.recent_at.store(at, Ordering::Relaxed);
        self.recent[at % RECENT].store(address, Ordering::Relaxed);
    }

    /// Whether a block that is being freed was among the last ones that the thread allocated.
    #[inline(always)]
    pub(crate) fn is_recent(&self, address: usize) -> bool {
        let at = self.recent_at.load(Ordering::Relaxed);
        self.take_recent(at, address) || self.was_recent(at, address)
    }

    #[inline(always)]
    fn take_recent(&self, at: usize, address: usize) -> bool {
        let recent = &self.recent[at % RECENT];
        let is_that = recent.load(Ordering::Relaxed) == address;
        if is_that {
            // The address may come back from another thread.
            recent.store(0, Ordering::Relaxed);
        }
        is_that
    }

    /// Whether it was so before the very last.
    #[inline(always)]
    fn was_recent(&self, at: usize, address: usize) -> bool {
        let window = WINDOW.load(Ordering::Relaxed);
        (1..window).any(|back| self.take_recent(at.wrapping_sub(back), address))
    }

    /// Remembers to whom a block belonged, until it has been moved.
    pub(crate) fn set_moving(&self, owners: Owners) {
        self.moving.iter().zip(owners.0).for_each(|(place, owner)| place.store(owner, Ordering::Relaxed));
    }

    /// What [`Local::set_moving`] was told last.
    pub(crate) fn take_moving(&self) -> Owners {
        Owners(std::array::from_fn(|i| self.moving[i].swap(0, Ordering::Relaxed)))
    }

    fn hand_back(&self) {
        if let Some(_busy) = self.enter() {
            let plan = recording::plan();
            if plan.keeps_blocks() {
                self.nursery.leave();
            }
            self.lines().fold();
            if self.is_of(plan.generation()) {
                self.part.hand_over();
            }
        }
        self.taken.store(false, Ordering::Release);
    }

    /// Forgets all. Nobody records.
    pub(crate) fn clear(&self) {
        self.lines().clear();
        self.nursery.clear();
        self.forget();
    }

    /// Forgets all but what the lines hold.
    fn forget(&self) {
        self.part.clear();
        for counter in self.counters.iter().chain([&self.older_frees, &self.unrecorded]) {
            counter.store(0, Ordering::Relaxed);
        }
        self.forget_known();
        self.recent.iter().for_each(|recent| recent.store(0, Ordering::Relaxed));
    }
}

/// After a fork: other threads are not there any more.
#[cfg(unix)]
pub(crate) fn release_after_fork() {
    LATE.store(0, Ordering::Relaxed);
    let own = LOCAL.get();
    for local in each().filter(|&local| own != ptr::from_ref(local)) {
        local.busy.store(false, Ordering::Relaxed);
        local.taken.store(false, Ordering::Relaxed);
    }
}

/// Sets the calling thread's generator of samples, and draws the next one by it; for tests.
#[cfg(feature = "testing")]
pub fn seed_samples(seed: u64) {
    if let Some(local) = current() {
        local.random.store(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, Ordering::Relaxed);
        local.seen.store(0, Ordering::Relaxed);
    }
}

/// Sets how many of a thread's last allocations (1 to 8) make a block that is freed temporary.
pub(crate) fn set_window(allocations: usize) {
    WINDOW.store(allocations.clamp(1, RECENT), Ordering::Relaxed);
}
