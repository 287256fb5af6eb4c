//! HOT PATH, synchronous: the enabled check, entering a call, leaving it. Nothing else lives here.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ptr;

use crate::block::Block;
use crate::clock;
use crate::control;
use crate::counters::{Counters, Ending};
use crate::site::Site;
use crate::spot::Spot;
use crate::thread;
#[cfg(feature = "throttle")]
use crate::throttle;

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
    back: MaybeUninit<Spot>,
    /// Tick of entry.
    start: MaybeUninit<u64>,
}

/// Tags of [`Guard::counters`]: which clock there is has to be asked.
const SLOW: usize = 1;
/// So too, and the thread was unwinding at entry: a destructor is being measured, and may well return.
const UNWINDING: usize = 2;
/// The call is only counted: it is left without a look at the clock. Only with the feature `throttle`.
const COUNTED: usize = 4;
const TAGS: usize = SLOW | UNWINDING | COUNTED;

/// Makes functions generic, so that they are compiled into the crate that calls them: the annotated function's.
///
/// PERF: the call is then direct. Into another crate it goes through a table of addresses, and what a processor
/// guesses of such calls costs up to 2 ns where annotated functions call each other.
struct Callers;
/// The same for this crate. NOTE: what is compiled here for [`Callers`] would be used by all.
pub(crate) struct Runtime;

/// A call that ends when the guard drops; see [`Guard::enter`].
///
/// PERF: for where it does not matter: a guard that is moved after it was entered is copied, 16 bytes at once
/// that were just written as two times 8, which stalls for 6 ns.
#[inline(always)]
pub fn enter<N: Fn()>(site: &'static Site, namer: N) -> Guard {
    let mut guard = Guard::new();
    guard.enter(site, namer);
    guard
}

impl Guard {
    /// A guard of no call.
    #[inline(always)]
    #[allow(clippy::new_without_default, reason = "only macros make guards")]
    pub const fn new() -> Self {
        Self { counters: ptr::null(), back: MaybeUninit::uninit(), start: MaybeUninit::uninit() }
    }

    /// Begins a call, which ends when the guard drops. `namer` is made inside the function: its type's name
    /// tells what the function belongs to. Once for each guard.
    ///
    /// PERF: into a guard that is there already, and not by returning one: so the functions called end in
    /// the calls that they make, and save no registers.
    #[inline(always)]
    pub fn enter<N: Fn()>(&mut self, site: &'static Site, _namer: N) {
        self.enter_named::<Callers>(site, std::any::type_name::<N>);
    }

    #[inline(always)]
    pub(crate) fn enter_named<C>(&mut self, site: &'static Site, type_name: fn() -> &'static str) {
        if control::is_off() {
            return;
        }
        if std::thread::panicking() {
            self.enter_slow(site, type_name);
        } else {
            self.enter_fast::<C>(site, type_name, thread::block());
        }
    }

    #[inline(never)]
    #[allow(clippy::extra_unused_type_parameters, reason = "see `Callers`")]
    fn enter_fast<C>(&mut self, site: &'static Site, type_name: fn() -> &'static str, block: &'static Block) {
        let current = block.current();
        match block.find_at_once(current, site.id()) {
            #[cfg(feature = "throttle")]
            Some(counters) if counters.counted_after() != 0 => {
                self.enter_counted(site, type_name, block, counters);
            }
            Some(counters) => self.begin(block, block.spot_on(current), counters, 0, clock::counter),
            None => self.enter_searching(site, type_name, block),
        }
    }

    /// PERF: by itself, for the registers that the search takes.
    #[inline(never)]
    fn enter_searching(
        &mut self,
        site: &'static Site,
        type_name: fn() -> &'static str,
        block: &'static Block,
    ) {
        let current = block.current();
        match block.find_fast(current, site.id()) {
            #[cfg(feature = "throttle")]
            Some(counters) if counters.counted_after() != 0 => {
                self.enter_counted(site, type_name, block, counters);
            }
            Some(counters) => self.begin(block, block.spot_on(current), counters, 0, clock::counter),
            None => self.enter_slow(site, type_name),
        }
    }

    /// On counters whose calls are only counted, if there was no reset since.
    #[cfg(feature = "throttle")]
    #[inline(always)]
    fn enter_counted(
        &mut self,
        site: &'static Site,
        type_name: fn() -> &'static str,
        block: &'static Block,
        counters: &'static Counters,
    ) {
        if counters.counted_after() != throttle::tag(control::epoch()) {
            self.enter_slow(site, type_name);
        } else if block.sampler.is_due() {
            self.begin_sample(block, counters);
        } else {
            self.begin_counted(block, counters, 0);
        }
    }

    #[cfg(feature = "throttle")]
    #[cold]
    #[inline(never)]
    fn begin_sample(&mut self, block: &'static Block, counters: &'static Counters) {
        counters.throttle.sample();
        self.begin(block, block.spot(), counters, 0, clock::counter);
    }

    /// The first call on a path, on a thread, or of all, and those of a thread that unwinds or has only the
    /// system's clock.
    #[cold]
    #[inline(never)]
    fn enter_slow(&mut self, site: &'static Site, type_name: fn() -> &'static str) {
        let block = thread::block();
        if let Some(counters) = block.find(site.id()) {
            return self.open(block, counters);
        }
        let Some(_inside) = thread::Inside::enter() else { return };
        let Some((block, site)) = locate(site, type_name) else { return };
        if let Some(counters) = block.resolve(site) {
            self.open(block, counters);
        }
    }

    /// Begins a call on `counters`, by whatever clock there is, unwinding or not.
    fn open(&mut self, block: &'static Block, counters: &'static Counters) {
        let tag = if std::thread::panicking() { UNWINDING } else { SLOW };
        #[cfg(feature = "throttle")]
        if counters.counted_after() != 0 {
            if !counters.is_counted_only(control::epoch()) {
                counters.time_again();
            } else if block.sampler.is_due() {
                counters.throttle.sample();
            } else {
                return self.begin_counted(block, counters, tag);
            }
        }
        self.begin(block, block.spot(), counters, tag, clock::now);
    }

    /// Begins a call on `counters`. The clock is read last.
    #[inline(always)]
    fn begin(
        &mut self,
        block: &'static Block,
        back: Spot,
        counters: &'static Counters,
        tag: usize,
        now: fn() -> u64,
    ) {
        counters.start();
        let start = now();
        counters.begin(start);
        block.switch_from(back, Spot::of(counters), start);
        self.counters = ptr::from_ref(counters).map_addr(|address| address | tag);
        self.back = MaybeUninit::new(back);
        self.start = MaybeUninit::new(start);
    }

    /// Begins a call on `counters` that is only counted.
    #[cfg(feature = "throttle")]
    #[inline(always)]
    fn begin_counted(&mut self, block: &'static Block, counters: &'static Counters, tag: usize) {
        counters.start();
        self.counters = ptr::from_ref(counters).map_addr(|address| address | COUNTED | tag);
        self.back = MaybeUninit::new(Spot::of(block.current()));
        block.move_to(counters);
    }

    /// Ends a call that is only counted, if the thread is on it.
    #[cfg(feature = "throttle")]
    #[inline(always)]
    fn leave_counted(&mut self, block: &'static Block) {
        // With a tag of another kind it is nowhere: to be left by the slower way.
        let counters = self.counters.map_addr(|address| address & !COUNTED);
        // Time may be charged to it after calls that ended out of order, and for a timed call that it folds into.
        if !ptr::eq(block.current(), counters) || block.is_charged(counters) {
            return self.leave_slow(block);
        }
        // SAFETY: the guard is not inert, so `back` was initialised with `counters`, which are leaked.
        let (back, counters) = unsafe { (self.back.assume_init(), &*counters) };
        block.move_to(back.place());
        Self::finish(counters, Ending::Returned);
    }

    /// Ends the call. The guard is not inert.
    #[inline(never)]
    #[allow(clippy::extra_unused_type_parameters, reason = "see `Callers`")]
    fn leave<C>(&mut self, block: &'static Block) {
        // PERF: asked first, when little is alive that the call for the answer would have to save.
        if std::thread::panicking() {
            return self.leave_slow(block);
        }
        #[cfg(feature = "throttle")]
        if self.counters.addr() & COUNTED != 0 {
            return self.leave_counted(block);
        }
        // The clock is read first of all that takes time.
        let now = clock::counter();
        let current = block.current();
        // Also when there is a tag.
        if !ptr::eq(current, self.counters) {
            return self.leave_slow(block);
        }
        self.close(block, now, Ending::Returned);
    }

    /// Ends the call, from inside this crate.
    pub(crate) fn end(self) {
        let mut guard = ManuallyDrop::new(self);
        guard.leave_if_entered::<Runtime>();
    }

    #[inline(always)]
    pub(crate) fn leave_if_entered<C>(&mut self) {
        if !self.counters.is_null() {
            self.leave::<C>(thread::block());
        }
    }

    /// As [`Guard::leave`], by whatever clock there is, unwinding or not, nested or not.
    #[cold]
    #[inline(never)]
    fn leave_slow(&mut self, block: &'static Block) {
        let now = clock::now();
        let unwinding = self.counters.addr() & UNWINDING != 0;
        let counted = cfg!(feature = "throttle") && self.counters.addr() & COUNTED != 0;
        self.counters = self.counters.map_addr(|address| address & !TAGS);
        let panicked = std::thread::panicking() && !unwinding;
        let ending = if panicked { Ending::Panicked } else { Ending::Returned };
        if !ptr::eq(block.current(), self.counters) || block.is_folded_in_disorder() {
            self.close_in_disorder(block, now, ending, counted);
        } else {
            #[cfg(feature = "throttle")]
            if counted {
                return self.close_counted(block, now, ending);
            }
            self.close(block, now, ending);
        }
    }

    /// As [`Guard::close`], of a call that is only counted.
    #[cfg(feature = "throttle")]
    fn close_counted(&mut self, block: &'static Block, now: u64, ending: Ending) {
        // SAFETY: as in `close`.
        let (back, counters) = unsafe { (self.back.assume_init(), &*self.counters) };
        if block.is_charged(counters) {
            block.switch(back, now);
        } else {
            block.move_to(back.place());
        }
        Self::finish(counters, ending);
    }

    /// Ends the call, which the thread is on, at tick `now`. There is no tag.
    #[inline(always)]
    fn close(&mut self, block: &'static Block, now: u64, ending: Ending) {
        // SAFETY: the guard is not inert, so all was initialised with `counters`.
        let (back, start) = unsafe { (self.back.assume_init(), self.start.assume_init()) };
        block.switch_from(block.spot_on(self.counters), back, now);
        // SAFETY: not null, as the guard is not inert, and counters are leaked.
        let counters = unsafe { &*self.counters };
        Self::finish(counters, ending);
        block.elapsed(counters, now, start);
    }

    #[inline(always)]
    fn finish(counters: &Counters, ending: Ending) {
        match ending {
            Ending::Panicked => counters.finish_panicked(),
            Ending::Returned | Ending::Cancelled => counters.finish_returned(),
        }
    }

    /// As [`Guard::rehearse`], of a call that is only counted.
    #[cfg(feature = "throttle")]
    pub(crate) fn rehearse_counted(block: &'static Block, counters: &'static Counters) {
        let mut guard = ManuallyDrop::new(Self::new());
        std::hint::black_box(block.sampler.is_due());
        guard.begin_counted(block, counters, 0);
        guard.leave::<Runtime>(block);
    }

    /// A call from beginning to end on a block of one's own: what the instrument does at each.
    pub(crate) fn rehearse(block: &'static Block, counters: &'static Counters) {
        // Not dropped: that would leave the thread's own block.
        let mut guard = ManuallyDrop::new(Self::new());
        if clock::is_os_clock() {
            guard.open(block, counters);
        } else {
            guard.begin(block, block.spot(), counters, 0, clock::counter);
        }
        guard.leave::<Runtime>(block);
    }

    /// Scopes that do not nest (a `scope!` held across an await): the call ends, and the thread goes to the
    /// innermost one that has not ended, see [`crate::disorder`].
    fn close_in_disorder(&self, block: &'static Block, now: u64, ending: Ending, counted: bool) {
        if block.engine.is_none() {
            return thread::note_late();
        }
        // SAFETY: as in `close`.
        let (counters, back) = unsafe { (&*self.counters, self.back.assume_init()) };
        Self::finish(counters, ending);
        block.leave_in_disorder(counters, back.place(), now);
        if !counted {
            // SAFETY: as in `close`; the call is timed.
            block.elapsed(counters, now, unsafe { self.start.assume_init() });
        }
    }
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        self.leave_if_entered::<Callers>();
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
