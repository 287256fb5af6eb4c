//! HOT PATH, synchronous: the enabled check, entering a call, leaving it. Nothing else lives here.

use std::ptr;

use crate::block::Block;
use crate::clock;
use crate::control;
use crate::counters::Counters;
use crate::mutant::mutant;
use crate::site::Site;
use crate::thread;

/// A call under way on this thread; dropping it ends the call.
#[derive(Debug)]
#[must_use = "the call ends when the guard drops"]
pub struct Guard {
    /// Null when nothing is recorded. Raw pointers also keep the guard on its thread.
    counters: *const Counters,
    /// Where the thread was before.
    back: *const Counters,
    /// Tick of entry.
    start: u64,
    /// The thread was unwinding at entry: a destructor is being measured, and may well return.
    unwinding: bool,
}

/// Opens a scope that closes when the guard drops. `namer` is a closure made inside the function: its
/// type's name tells what the function belongs to.
#[inline(always)]
pub fn enter<N: Fn()>(site: &'static Site, _namer: N) -> Guard {
    if control::is_off() {
        return Guard::inert();
    }
    let block = thread::block();
    match block.find(site.id()) {
        Some(counters) => Guard::open(block, counters),
        None => enter_slow(site, std::any::type_name::<N>),
    }
}

/// The first call on a path, on a thread, or of all; and calls whose table entry was displaced.
#[cold]
#[inline(never)]
fn enter_slow(site: &'static Site, type_name: fn() -> &'static str) -> Guard {
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
        Self { counters: ptr::null(), back: ptr::null(), start: 0, unwinding: false }
    }

    /// Begins a call on `counters`. The clock is read last.
    #[inline(always)]
    pub(crate) fn open(block: &'static Block, counters: &'static Counters) -> Self {
        let unwinding = std::thread::panicking();
        let back = block.current();
        counters.start();
        let start = clock::now();
        block.switch(counters, start);
        Self { counters, back, start, unwinding }
    }

    /// Ends the call at tick `now`.
    #[inline(always)]
    pub(crate) fn close(&mut self, block: &'static Block, now: u64) {
        if !ptr::eq(block.current(), self.counters) {
            return self.close_out_of_order(block, now);
        }
        block.switch(self.back, now);
        // SAFETY: not null (checked by the caller), and counters are leaked.
        let counters = unsafe { &*self.counters };
        if std::thread::panicking() && !self.unwinding && !mutant!(UnwindingGuardReturns) {
            counters.finish_panicked();
        } else {
            counters.finish_returned();
        }
        block.elapsed(counters, now.saturating_sub(self.start));
    }

    /// Scopes that do not nest (a `scope!` held across an await): the call ends, and the thread stays
    /// where it is.
    #[cold]
    #[inline(never)]
    fn close_out_of_order(&self, block: &'static Block, now: u64) {
        let current = block.current();
        if current.is_null() {
            return thread::note_late();
        }
        block.switch(current, now);
        // SAFETY: as in `close`.
        let counters = unsafe { &*self.counters };
        counters.finish_returned();
        block.elapsed(counters, now.saturating_sub(self.start));
    }
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        if self.counters.is_null() {
            return;
        }
        // The clock is read first.
        let now = clock::now();
        self.close(thread::block(), now);
    }
}
