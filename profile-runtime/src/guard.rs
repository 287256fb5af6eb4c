//! HOT PATH, synchronous: the enabled check, entering a call, leaving it. Nothing else lives here.

use std::mem::MaybeUninit;
use std::ptr;

use crate::block::Block;
use crate::clock;
use crate::control;
use crate::counters::Counters;
use crate::site::Site;
use crate::thread;

/// A call under way on this thread; dropping it ends the call.
///
/// PERF: while recording is off, a call costs 0 to 0.7 ns (1.5 to 1.8 with all of it inline): everything
/// else is out of line, and of the guard only `counters` is written, so that the function needs neither
/// more registers nor a larger frame for it. The two direct calls while recording disappear beside the
/// clock reads.
#[derive(Debug)]
#[must_use = "the call ends when the guard drops"]
pub struct Guard {
    /// Null when nothing is recorded; then nothing below is initialised. Raw pointers also keep the guard
    /// on its thread.
    counters: *const Counters,
    /// Where the thread was before.
    back: MaybeUninit<*const Counters>,
    /// Tick of entry.
    start: MaybeUninit<u64>,
    /// The thread was unwinding at entry: a destructor is being measured, and may well return.
    unwinding: MaybeUninit<bool>,
}

/// Opens a scope that closes when the guard drops. `namer` is a closure made inside the function: its
/// type's name tells what the function belongs to.
#[inline(always)]
pub fn enter<N: Fn()>(site: &'static Site, _namer: N) -> Guard {
    if control::is_off() { Guard::inert() } else { enter_on(site, std::any::type_name::<N>) }
}

#[inline(never)]
fn enter_on(site: &'static Site, type_name: fn() -> &'static str) -> Guard {
    // PERF: asked first, so that nothing below makes a call that could return, and no registers are saved.
    if std::thread::panicking() || clock::is_os_clock() {
        return enter_slow(site, type_name);
    }
    let block = thread::block();
    match block.find(site.id()) {
        Some(counters) => Guard::begin(block, counters, false, clock::counter),
        None => enter_slow(site, type_name),
    }
}

/// The first call on a path, on a thread, or of all, and those of a
/// thread that unwinds or has only the system's clock.
#[cold]
#[inline(never)]
fn enter_slow(site: &'static Site, type_name: fn() -> &'static str) -> Guard {
    let block = thread::block();
    if let Some(counters) = block.find(site.id()) {
        return Guard::open(block, counters);
    }
    let Some(_inside) = thread::Inside::enter() else { return Guard::inert() };
    let Some((block, site)) = locate(site, type_name) else { return Guard::inert() };
    match block.resolve(site) {
        Some(counters) => Guard::open(block, counters),
        None => Guard::inert(),
    }
}

/// Attaches the thread and registers the site. `None` when nothing is to be recorded.
pub(crate) fn locate(site: &'static Site, type_name: fn() -> &'static str) -> Option<(&'static Block, u32)> {
    if !control::decide() {
        return None;
    }
    let block = thread::attach()?;
    let id = if site.id() == crate::site::NO_SITE { site.register(type_name()) } else { site.id() };
    Some((block, id))
}

impl Guard {
    #[inline(always)]
    pub(crate) const fn inert() -> Self {
        Self {
            counters: ptr::null(),
            back: MaybeUninit::uninit(),
            start: MaybeUninit::uninit(),
            unwinding: MaybeUninit::uninit(),
        }
    }

    /// Begins a call on `counters`. The clock is read last.
    ///
    /// PERF: returned straight into the caller's variable. A guard that is assigned through a reference
    /// is copied, 16 bytes at once that were just written as two times 8, which stalls for 6 ns.
    #[inline(always)]
    pub(crate) fn open(block: &'static Block, counters: &'static Counters) -> Self {
        Self::begin(block, counters, std::thread::panicking(), clock::now)
    }

    #[inline(always)]
    fn begin(block: &'static Block, counters: &'static Counters, unwinding: bool, now: fn() -> u64) -> Self {
        let back = MaybeUninit::new(block.current());
        counters.start();
        let start = now();
        block.switch(counters, start);
        Self { counters, back, start: MaybeUninit::new(start), unwinding: MaybeUninit::new(unwinding) }
    }

    /// Ends the call at tick `now`. The guard is not inert.
    #[inline(always)]
    pub(crate) fn close(&mut self, block: &'static Block, now: u64) {
        // SAFETY: the guard is not inert, so all was initialised with `counters`.
        let (back, start) = unsafe { (self.back.assume_init(), self.start.assume_init()) };
        // SAFETY: as above.
        let unwinding = unsafe { self.unwinding.assume_init() };
        if !ptr::eq(block.current(), self.counters) {
            return self.close_out_of_order(block, now, start);
        }
        block.switch(back, now);
        // SAFETY: not null, as the guard is not inert, and counters are leaked.
        let counters = unsafe { &*self.counters };
        if std::thread::panicking() && !unwinding {
            counters.finish_panicked();
        } else {
            counters.finish_returned();
        }
        block.elapsed(counters, now.saturating_sub(start));
    }

    /// Scopes that do not nest (a `scope!` held across an await): the call ends, and the thread stays
    /// where it is.
    #[cold]
    #[inline(never)]
    fn close_out_of_order(&self, block: &'static Block, now: u64, start: u64) {
        let current = block.current();
        if current.is_null() {
            return thread::note_late();
        }
        block.switch(current, now);
        // SAFETY: as in `close`.
        let counters = unsafe { &*self.counters };
        counters.finish_returned();
        block.elapsed(counters, now.saturating_sub(start));
    }

    #[inline(never)]
    fn leave(&mut self) {
        // The clock is read first.
        let now = clock::now();
        self.close(thread::block(), now);
    }
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.counters.is_null() {
            self.leave();
        }
    }
}
