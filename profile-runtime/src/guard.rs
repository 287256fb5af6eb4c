//! HOT PATH, synchronous: the enabled check, entering a call, leaving it. Nothing else lives here.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;

use crate::block::Block;
use crate::clock;
use crate::control;
use crate::counters::{Counters, Ending};
use crate::site::Site;
use crate::thread;

/// A call under way on this thread; dropping it ends the call.
///
/// PERF: what is inline in the annotated function decides and fetches, and calls out with it: the mode, whether
/// a panic is under way, and the thread's block. The functions called then hardly make a call of their own that
/// returns (to the compiler, reading a thread-local of this crate is one), so they save few registers. Of the
/// guard only `counters` is written while recording is off. With all of it out of line a call took 2.5 ns more
/// (3.2 GHz Zen 3); with all of it inline, 1.5 ns more while off.
#[derive(Debug)]
#[must_use = "the call ends when the guard drops"]
pub struct Guard {
    /// Null when nothing is recorded; then nothing below is initialised. With a tag (counters are aligned to
    /// 64) when the call is to be left by the slower way. Raw pointers also keep the guard on its thread.
    counters: *const Counters,
    /// Where the thread was before.
    back: MaybeUninit<*const Counters>,
    /// Tick of entry.
    start: MaybeUninit<u64>,
}

/// Tags of [`Guard::counters`]: which clock there is has to be asked.
const SLOW: usize = 1;
/// So too, and the thread was unwinding at entry: a destructor is being measured, and may well return.
const UNWINDING: usize = 2;
const TAGS: usize = SLOW | UNWINDING;

/// Opens a scope that closes when the guard drops. `namer` is a closure made inside the function: its
/// type's name tells what the function belongs to.
#[inline(always)]
pub fn enter<N: Fn()>(site: &'static Site, _namer: N) -> Guard {
    let type_name = std::any::type_name::<N>;
    if control::is_off() {
        Guard::inert()
    } else if std::thread::panicking() {
        enter_slow(site, type_name)
    } else {
        enter_fast(site, type_name, thread::block())
    }
}

#[inline(never)]
fn enter_fast(site: &'static Site, type_name: fn() -> &'static str, block: &'static Block) -> Guard {
    let current = block.current();
    let Some(counters) = block.find_fast(current, site.id()) else { return enter_slow(site, type_name) };
    Guard::begin(block, current, counters, 0, clock::counter)
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
        Self { counters: ptr::null(), back: MaybeUninit::uninit(), start: MaybeUninit::uninit() }
    }

    /// Begins a call on `counters`. The clock is read last.
    ///
    /// PERF: returned straight into the caller's variable. A guard that is assigned through a reference
    /// is copied, 16 bytes at once that were just written as two times 8, which stalls for 6 ns.
    pub(crate) fn open(block: &'static Block, counters: &'static Counters) -> Self {
        let tag = if std::thread::panicking() { UNWINDING } else { SLOW };
        Self::begin(block, block.current(), counters, tag, clock::now)
    }

    #[inline(always)]
    fn begin(
        block: &'static Block,
        back: *const Counters,
        counters: &'static Counters,
        tag: usize,
        now: fn() -> u64,
    ) -> Self {
        counters.start();
        let start = now();
        block.switch_from(back, counters, start);
        let counters = ptr::from_ref(counters).map_addr(|address| address | tag);
        Self { counters, back: MaybeUninit::new(back), start: MaybeUninit::new(start) }
    }

    /// Ends the call. The guard is not inert.
    #[inline(never)]
    fn leave(&mut self, block: &'static Block) {
        // PERF: asked first, when little is alive that the call for the answer would have to save.
        if std::thread::panicking() {
            return self.leave_slow();
        }
        // The clock is read first of all that takes time.
        let now = clock::counter();
        let current = block.current();
        // Also when there is a tag.
        if !ptr::eq(current, self.counters) {
            return self.leave_slow();
        }
        self.close(block, now, Ending::Returned);
    }

    /// As [`Guard::leave`], by whatever clock there is, unwinding or not, nested or not.
    #[cold]
    #[inline(never)]
    fn leave_slow(&mut self) {
        let now = clock::now();
        let block = thread::block();
        let unwinding = self.counters.addr() & UNWINDING != 0;
        self.counters = self.counters.map_addr(|address| address & !TAGS);
        let panicked = std::thread::panicking() && !unwinding;
        if ptr::eq(block.current(), self.counters) {
            self.close(block, now, if panicked { Ending::Panicked } else { Ending::Returned });
        } else {
            self.close_out_of_order(block, now);
        }
    }

    /// Ends the call, which the thread is on, at tick `now`. There is no tag.
    #[inline(always)]
    fn close(&mut self, block: &'static Block, now: u64, ending: Ending) {
        // SAFETY: the guard is not inert, so all was initialised with `counters`.
        let (back, start) = unsafe { (self.back.assume_init(), self.start.assume_init()) };
        block.switch_from(self.counters, back, now);
        // SAFETY: not null, as the guard is not inert, and counters are leaked.
        let counters = unsafe { &*self.counters };
        match ending {
            Ending::Panicked => counters.finish_panicked(),
            Ending::Returned | Ending::Cancelled => counters.finish_returned(),
        }
        block.elapsed(counters, now, start);
    }

    /// A call from beginning to end on a block of one's own: what the instrument does at each.
    pub(crate) fn rehearse(block: &'static Block, counters: &'static Counters) {
        let guard = if clock::is_os_clock() {
            Self::open(block, counters)
        } else {
            Self::begin(block, block.current(), counters, 0, clock::counter)
        };
        // Not dropped: that would leave the thread's own block.
        ManuallyDrop::new(guard).leave(block);
    }

    /// Scopes that do not nest (a `scope!` held across an await): the call ends, and the thread stays
    /// where it is.
    fn close_out_of_order(&self, block: &'static Block, now: u64) {
        if block.engine.is_none() {
            return thread::note_late();
        }
        block.switch(block.current(), now);
        // SAFETY: as in `close`.
        let (counters, start) = unsafe { (&*self.counters, self.start.assume_init()) };
        counters.finish_returned();
        block.elapsed(counters, now, start);
    }
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.counters.is_null() {
            self.leave(thread::block());
        }
    }
}
