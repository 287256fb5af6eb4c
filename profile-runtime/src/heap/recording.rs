//! Switching the heap's recording on and off; what tracemalloc's module functions are.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::before_main;
use super::captured;
use super::live;
use super::local;
use super::mapped;
use super::memory;
use super::mode::Mode;
use super::records;
use super::sampler;
use super::tallies;
use super::walker;

/// The one thing that the allocator reads while recording is off: a [`Plan`].
static PLAN: AtomicU32 = AtomicU32::new(0);

/// Recordings that are told apart.
const GENERATIONS: u32 = 127;

/// What is recorded of each block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Off = 0,
    Counters = 1,
    Paths = 2,
    Sample = 3,
    Exact = 4,
    /// Nothing is recorded: see [`is_installed`].
    Probe = 5,
}

/// A mode in one word: kind, frames, slot of the rate, whether blocks of another mode are still remembered, and which
/// recording this is (1 to [`GENERATIONS`], then anew; 0 while off).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan(u32);

impl Plan {
    fn new(kind: Kind, frames: u32, rate: u8, others: bool, generation: u32) -> Self {
        let word = kind as u32 | frames << 8 | u32::from(rate) << 16 | u32::from(others) << 24;
        Self(word | generation << 25)
    }

    #[inline(always)]
    pub(crate) fn word(self) -> u32 {
        self.0
    }

    #[inline(always)]
    pub(crate) fn kind(self) -> Kind {
        match self.0 & 0xff {
            1 => Kind::Counters,
            2 => Kind::Paths,
            3 => Kind::Sample,
            4 => Kind::Exact,
            5 => Kind::Probe,
            _ => Kind::Off,
        }
    }

    #[inline(always)]
    pub(crate) fn frames(self) -> usize {
        (self.0 >> 8 & 0xff) as usize
    }

    #[inline(always)]
    pub(crate) fn rate(self) -> u8 {
        (self.0 >> 16) as u8
    }

    /// Blocks that were not sampled may be remembered.
    #[inline(always)]
    pub(crate) fn has_others(self) -> bool {
        self.0 >> 24 & 1 != 0
    }

    /// Every block is kept, and no samples may be remembered.
    ///
    /// PERF: so that no record need be looked into, of which there may be many.
    #[inline(always)]
    pub(crate) fn has_blocks_alone(self) -> bool {
        self.keeps_every_block() && !self.has_others()
    }

    /// In a sample, and no others may be remembered.
    #[inline(always)]
    pub(crate) fn is_sample_alone(self) -> bool {
        self.0 & (1 << 24 | 0xff) == Kind::Sample as u32
    }

    /// Which recording this is: another one whenever all was forgotten.
    #[inline(always)]
    pub(crate) fn generation(self) -> u32 {
        self.0 >> 25
    }

    /// Blocks that were recorded in that generation are still remembered.
    #[inline(always)]
    pub(crate) fn still_keeps(self, generation: u32) -> bool {
        self.keeps_blocks() && self.generation() == generation
    }

    #[inline(always)]
    pub(crate) fn keeps_every_block(self) -> bool {
        matches!(self.kind(), Kind::Paths | Kind::Exact)
    }

    #[inline(always)]
    pub(crate) fn keeps_blocks(self) -> bool {
        matches!(self.kind(), Kind::Paths | Kind::Exact | Kind::Sample)
    }
}

#[inline(always)]
pub(crate) fn is_on() -> bool {
    PLAN.load(Ordering::Relaxed) != 0
}

#[inline(always)]
pub(crate) fn plan() -> Plan {
    Plan(PLAN.load(Ordering::Relaxed))
}

/// What is to be known of the recording beside its counts.
pub(crate) struct State {
    pub(crate) mode: Mode,
    pub(crate) since: Option<Instant>,
    /// The cap was reached, and `exact` gave way.
    pub(crate) fell_back: bool,
    /// See [`Plan::generation`].
    generation: u32,
}

/// An allocation has come through a `Tracker`.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// An allocation has come through a `Tracker`, while that was asked.
#[cold]
#[inline(never)]
pub fn note_installed() {
    before_main::keep();
    INSTALLED.store(true, Ordering::Relaxed);
}

/// Whether what the program allocates comes through a `Tracker`. Asked by an allocation, while nothing is recorded.
pub(crate) fn is_installed() -> bool {
    if !INSTALLED.load(Ordering::Relaxed) {
        let probe = Plan::new(Kind::Probe, 0, 0, false, 0).0;
        if PLAN.compare_exchange(0, probe, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            drop(std::hint::black_box(Box::new(0u8)));
            let _ = PLAN.compare_exchange(probe, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
    INSTALLED.load(Ordering::Relaxed)
}

static STATE: Mutex<State> =
    Mutex::new(State { mode: Mode::Off, since: None, fell_back: false, generation: 1 });

/// Held while recording is switched or a snapshot taken.
pub(crate) fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// What threads have counted in this recording.
pub(crate) fn locals() -> impl Iterator<Item = &'static local::Local> {
    let generation = plan().generation();
    local::each().filter(move |local| local.is_of(generation))
}

/// Blocks for which there was no room; +1 each.
static FULL: AtomicU64 = AtomicU64::new(0);

/// The profiler's memory is full: from here on a sample must do. (The word is changed here, on the hot path; the mode
/// follows when somebody asks.)
#[cold]
#[inline(never)]
pub(crate) fn note_full() {
    FULL.fetch_add(1, Ordering::Relaxed);
    if memory::cap_reached() == 0 {
        return;
    }
    let now = plan();
    if now.kind() == Kind::Exact {
        let then = Plan::new(
            Kind::Sample,
            now.frames() as u32,
            sampler::slot_of(Mode::RATE),
            true,
            now.generation(),
        );
        let _ = PLAN.compare_exchange(now.0, then.0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Recording could not begin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// No [`Tracker`](super::Tracker) is the program's allocator, so that there is nothing to record.
    NotInstalled,
    /// The cap on the profiler's own memory leaves no room at all: see [`set_memory_limit`].
    NoMemory,
    /// Stacks cannot be walked on this machine; [`Mode::Paths`] needs none.
    NoStacks,
    /// A number that the mode's documentation excludes.
    BadMode(Mode),
    /// Threads did not come out of the allocator within a second, as when they are stopped by a debugger; try again.
    StillBusy,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::NotInstalled => f.write_str(
                "no heap::Tracker is the global allocator: add `#[global_allocator] static ALLOCATOR: \
                 profile_cost::heap::Tracker = profile_cost::heap::Tracker::system();`",
            ),
            StartError::NoMemory => f.write_str(
                "no memory for the heap's records: raise PROFILE_COST_HEAP_MEMORY (heap::set_memory_limit)",
            ),
            StartError::NoStacks => f.write_str("stacks cannot be walked here: use mode paths or counters"),
            StartError::BadMode(mode) => write!(
                f,
                "{mode}: frames are 1 to {}, and a sampling rate is 1 byte to 1023 GiB",
                Mode::MAX_FRAMES
            ),
            StartError::StillBusy => f.write_str("threads are held up inside the allocator: try again"),
        }
    }
}

impl std::error::Error for StartError {}

/// Records every block from here on, with the `frames` innermost frames of its stack: tracemalloc's `start`.
///
/// # Errors
/// See [`StartError`].
pub fn start(frames: u32) -> Result<(), StartError> {
    set_mode(Mode::Exact { frames })
}

/// Changes what is recorded. What was recorded stays where the new mode can go on with it: between `exact`, `sample`
/// and `paths`. `off` is [`stop`].
///
/// # Errors
/// See [`StartError`]; the mode is unchanged then.
pub fn set_mode(mode: Mode) -> Result<(), StartError> {
    let mut state = state();
    note_fall_back(&mut state);
    switch(&mut state, mode)
}

/// Ends the recording, forgets what was recorded and gives the memory back.
pub fn stop() {
    let mut state = state();
    let _ = switch(&mut state, Mode::Off);
}

/// As [`stop`], and says when threads are held up inside the allocator: recording is off then, but its memory is given back
/// by the next [`stop`].
#[cfg(feature = "http")]
pub(crate) fn try_stop() -> Result<(), StartError> {
    switch(&mut state(), Mode::Off)
}

/// When the recording began; `None` while nothing is recorded.
#[cfg(feature = "http")]
pub(crate) fn since() -> Option<Instant> {
    state().since
}

fn switch(state: &mut State, mode: Mode) -> Result<(), StartError> {
    match mode {
        Mode::Exact { frames } if !(1..=Mode::MAX_FRAMES).contains(&frames) => {
            return Err(StartError::BadMode(mode));
        }
        Mode::Sample { rate } if !(1..1 << 40).contains(&rate) => return Err(StartError::BadMode(mode)),
        _ => {}
    }
    let keeps = |mode: Mode| matches!(mode, Mode::Exact { .. } | Mode::Sample { .. } | Mode::Paths);
    if !(keeps(state.mode) && keeps(mode)) && state.mode != mode {
        end(state)?;
    }
    if mode == Mode::Off || state.mode == mode && !state.fell_back {
        return Ok(());
    }
    if !is_installed() {
        return Err(StartError::NotInstalled);
    }
    let is_new = records::len() == 0;
    if keeps(mode) {
        if is_new {
            mapped::prepare();
        }
        prepare(mode)?;
    }
    fork::install();
    let others = !matches!(state.mode, Mode::Off | Mode::Counters);
    let plan = match mode {
        Mode::Off => Plan(0),
        Mode::Counters => Plan::new(Kind::Counters, 0, 0, false, state.generation),
        Mode::Paths => Plan::new(Kind::Paths, 0, 0, others, state.generation),
        Mode::Sample { rate } => {
            Plan::new(Kind::Sample, Mode::FRAMES, sampler::slot_of(rate), others, state.generation)
        }
        Mode::Exact { frames } => Plan::new(Kind::Exact, frames, 0, others, state.generation),
    };
    state.mode = mode;
    state.fell_back = false;
    state.since.get_or_insert_with(Instant::now);
    if keeps(mode) {
        mapped::begin(mode, plan.frames() as u32, is_new);
    }
    PLAN.store(plan.0, Ordering::SeqCst);
    Ok(())
}

fn prepare(mode: Mode) -> Result<(), StartError> {
    // What the walker needs is ours, and not to be recorded.
    let local = local::current();
    let _busy = local.and_then(local::Local::enter);
    crate::clock::start();
    // Of this attempt, where nothing is recorded yet: what the walker needs is under the cap, too.
    if records::len() == 0 {
        memory::forget_cap_reached();
    }
    if matches!(mode, Mode::Exact { .. } | Mode::Sample { .. }) && !walker::prepare() {
        let full = memory::cap_reached() > 0;
        return Err(if full { StartError::NoMemory } else { StartError::NoStacks });
    }
    if records::prepare() { Ok(()) } else { Err(StartError::NoMemory) }
}

/// Off, and everything forgotten.
fn end(state: &mut State) -> Result<(), StartError> {
    let before = PLAN.swap(0, Ordering::SeqCst);
    state.mode = Mode::Off;
    state.since = None;
    state.fell_back = false;
    if before == 0 && records::len() == 0 {
        return Ok(());
    }
    if !quiesce() {
        return Err(StartError::StillBusy);
    }
    state.generation = state.generation % GENERATIONS + 1;
    mapped::end();
    live::clear();
    captured::clear();
    sampler::clear();
    local::each().for_each(local::Local::clear);
    // SAFETY: recording is off and nobody is in our code any more; snapshots hold the state, as we do.
    unsafe { records::clear() };
    tallies::clear();
    memory::forget_cap_reached();
    FULL.store(0, Ordering::Relaxed);
    Ok(())
}

/// Waits until every thread that had seen recording on has come out of our code. False when one does not within a
/// second.
fn quiesce() -> bool {
    // NOTE: a thread says that it is busy by a plain store and then reads the mode. The barrier, where the kernel has
    // it, makes each running thread's store visible; elsewhere a millisecond is much longer than any store waits.
    barrier();
    std::thread::sleep(Duration::from_millis(1));
    let deadline = Instant::now() + Duration::from_secs(1);
    while local::each().any(local::Local::is_busy) || local::is_any_late() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

#[cfg(target_os = "linux")]
fn barrier() {
    const GLOBAL: libc::c_int = 1;
    // SAFETY: a system call without pointers; where the kernel does not know it, it fails.
    unsafe { libc::syscall(libc::SYS_membarrier, GLOBAL, 0, 0) };
}

#[cfg(not(target_os = "linux"))]
fn barrier() {}

/// What is being recorded.
#[must_use]
pub fn mode() -> Mode {
    let mut state = state();
    note_fall_back(&mut state);
    state.mode
}

/// Where the hot path has given way to a sample, the mode follows.
pub(crate) fn note_fall_back(state: &mut State) {
    if matches!(state.mode, Mode::Exact { .. }) && plan().kind() == Kind::Sample {
        state.mode = Mode::Sample { rate: sampler::rate_of(plan().rate()) };
        state.fell_back = true;
        mapped::begin(state.mode, plan().frames() as u32, false);
    }
}

/// True while anything is recorded; tracemalloc's `is_tracing`.
#[must_use]
pub fn is_tracing() -> bool {
    !matches!(plan().kind(), Kind::Off | Kind::Probe)
}

/// Frames kept of each stack; tracemalloc's `get_traceback_limit`. 0 in modes that keep no stacks.
#[must_use]
pub fn get_traceback_limit() -> u32 {
    plan().frames() as u32
}

/// Bytes live now, and the most there were since recording began; tracemalloc's `get_traced_memory`. Estimates in
/// mode `sample`.
///
/// With several threads the peak may be told 64 KiB a thread too low.
#[must_use]
pub fn get_traced_memory() -> (u64, u64) {
    let _state = state();
    let (live, peak) = tallies::totals(locals().map(|local| &local.part));
    (live.max(0) as u64, peak.max(0) as u64)
}

/// The peak is what is live now; tracemalloc's `reset_peak`.
pub fn reset_peak() {
    let _state = state();
    tallies::reset_peak(locals().map(|local| &local.part));
}

/// Bytes that the recording itself takes; tracemalloc's `get_tracemalloc_memory`. None of them is in
/// [`get_traced_memory`].
#[must_use]
pub fn get_tracemalloc_memory() -> u64 {
    memory::used() as u64
}

/// Forgets what was recorded, and goes on; tracemalloc's `clear_traces`.
///
/// # Errors
/// See [`StartError`].
pub fn clear_traces() -> Result<(), StartError> {
    let mut state = state();
    note_fall_back(&mut state);
    let mode = state.mode;
    end(&mut state)?;
    switch(&mut state, mode)
}

/// The most memory that the recording may take, bytes (256 MiB if never set). Past it `exact` gives way to
/// `sample:512KiB`, and the report says so.
pub fn set_memory_limit(bytes: u64) {
    memory::set_cap(usize::try_from(bytes).unwrap_or(usize::MAX));
}

/// How many of its thread's last allocations, 1 to 8, make a block temporary when it is freed. 1 if never set: the
/// block was freed before its thread allocated another.
pub fn set_temporary_window(allocations: usize) {
    local::set_window(allocations);
}

mod fork {
    //! A child of `fork` has one thread, and locks that others held would never be released.

    #[cfg(unix)]
    pub(super) fn install() {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| {
            // SAFETY: the handlers only take and release our own locks, and touch our own memory.
            unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
        });
    }

    #[cfg(not(unix))]
    pub(super) fn install() {}

    #[cfg(unix)]
    use super::{State, captured, live, local, records, state, tallies};

    /// The guard of the state, from before a fork until after it, and that the thread is in our code: what handlers of
    /// others allocate meanwhile would wait for the locks that are held.
    #[cfg(unix)]
    type Guards = (std::sync::MutexGuard<'static, State>, Option<local::Busy<'static>>);

    #[cfg(unix)]
    struct Kept(std::cell::UnsafeCell<Option<Guards>>);

    // SAFETY: touched only by the thread that holds the lock which is inside.
    #[cfg(unix)]
    unsafe impl Sync for Kept {}

    #[cfg(unix)]
    static KEPT: Kept = Kept(std::cell::UnsafeCell::new(None));

    #[cfg(unix)]
    extern "C" fn before() {
        let guards = (state(), local::current().and_then(local::Local::enter));
        // SAFETY: this thread holds the lock.
        unsafe { *KEPT.0.get() = Some(guards) };
        std::mem::forget(tallies::FOLDING.lock());
        records::lock();
        live::lock_all();
        captured::lock_all();
    }

    #[cfg(unix)]
    extern "C" fn parent() {
        captured::unlock_all();
        live::unlock_all();
        records::unlock();
        tallies::FOLDING.force_unlock();
        // SAFETY: this thread holds the lock since `before`.
        drop(unsafe { (*KEPT.0.get()).take() });
    }

    #[cfg(unix)]
    extern "C" fn child() {
        local::release_after_fork();
        parent();
    }
}
