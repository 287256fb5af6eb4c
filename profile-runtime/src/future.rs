//! HOT PATH, asynchronous: each poll of an instrumented future is a segment of its call.
//!
//! The parent of the call is the path current at the first poll, and stays so wherever the future is
//! polled later. Between polls the call is suspended; that time is charged to the innermost instrumented
//! future that returned `Pending` and that the poll of its caller has not polled again or dropped since:
//! from when it was left (or its task was left, when the task's next turn resumes it) until the task is
//! entered again. So busy and suspended time of sequential code never overlap, and their sum is the
//! elapsed time. While it is suspended, a snapshot counts all the time since it was left; what its task
//! did meanwhile is taken off when it resumes.

use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

use crate::block::Block;
use crate::clock;
use crate::control;
use crate::counters::{AsyncCounters, Counters, Ending};
use crate::guard::locate;
use crate::paths::PathIndex;
use crate::site::Site;
use crate::spot::Spot;
use crate::thread;

pin_project_lite::pin_project! {
    /// A future whose polls are measured as one call.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Instrumented<F> {
        // `None` only while dropping: lets the inner future be dropped inside the call.
        #[pin]
        inner: Option<F>,
        call: Call,
    }

    impl<F> PinnedDrop for Instrumented<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            match this.call.begin_drop() {
                Some(turn) => {
                    let _turn = turn;
                    this.inner.set(None);
                }
                None => this.inner.set(None),
            }
        }
    }
}

/// Makes every poll of `future` a segment of a call of `site`.
#[inline(always)]
pub fn instrument<N: Fn(), F: Future>(site: &'static Site, _namer: N, future: F) -> Instrumented<F> {
    Instrumented { inner: Some(future), call: Call::new(site, std::any::type_name::<N>) }
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let inner = this.inner.as_pin_mut().expect("the inner future is there until the drop");
        let Some(mut turn) = this.call.begin_poll() else { return inner.poll(cx) };
        let result = inner.poll(cx);
        turn.outcome = if result.is_ready() { Outcome::Ready } else { Outcome::Pending };
        result
    }
}

/// Life of an instrumented future:
///
/// ```text
/// Unpolled --first poll--> Suspended <--> (being polled) --Ready, panic, drop--> Over
///     \----first poll while recording is off--------------------------------------^
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Unpolled,
    /// Between polls; the flag says that the suspended time is charged to this call.
    Suspended {
        charged: bool,
    },
    /// Nothing is recorded (any more).
    Over,
}

/// What an instrumented future remembers of its call. Times in ticks.
#[derive(Debug)]
pub(crate) struct Call {
    stage: Stage,
    site: &'static Site,
    type_name: fn() -> &'static str,
    path: PathIndex,
    /// The poll to which it returned `Pending`, by number on that thread; 0 is none.
    pended_in: u32,
    /// The task's turn in which this future was last polled.
    turn: u32,
    /// First poll.
    start: u64,
    /// When the last poll ended.
    left: u64,
    /// The task that polled it last.
    task: u64,
    /// It was that task's outermost instrumented future.
    outermost: bool,
    /// The block of the thread that polled it last, and the counters there. Blocks, counters: leaked.
    home: Home,
}

#[derive(Clone, Copy, Debug)]
struct Home {
    block: *const Block,
    counters: *const Counters,
    asyncs: *const AsyncCounters,
}

// SAFETY: the pointers are to leaked, Sync values; they are dereferenced only on the thread that owns
// `block` (checked at each use), which is what writing the counters needs.
unsafe impl Send for Home {}
// SAFETY: a shared `&Call` gives no access to what the pointers point to.
unsafe impl Sync for Home {}

impl Call {
    #[inline(always)]
    pub(crate) fn new(site: &'static Site, type_name: fn() -> &'static str) -> Self {
        Self {
            stage: Stage::Unpolled,
            site,
            type_name,
            path: 0,
            pended_in: 0,
            turn: 0,
            start: 0,
            left: 0,
            task: 0,
            outermost: false,
            home: Home { block: ptr::null(), counters: ptr::null(), asyncs: ptr::null() },
        }
    }

    /// Enters the call for one poll. `None` when it is not recorded.
    #[inline(always)]
    fn begin_poll(&mut self) -> Option<Turn<'_>> {
        let resumed = match self.stage {
            Stage::Over => return None,
            Stage::Suspended { charged } => {
                if !ptr::eq(thread::block(), self.home.block) {
                    self.move_home()?;
                }
                Some(charged)
            }
            Stage::Unpolled => {
                if control::is_off() {
                    self.stage = Stage::Over;
                    return None;
                }
                self.begin_first_poll()?;
                None
            }
        };
        // PERF: made in this one place, so that it stays in registers; returned by what is out of line, it is
        // copied through memory, which costs 30 instructions a poll.
        Some(self.enter(thread::block(), resumed))
    }

    /// Finds out where the call goes. `None` when it is not recorded.
    fn begin_first_poll(&mut self) -> Option<()> {
        // Over, unless everything below succeeds.
        self.stage = Stage::Over;
        let block = thread::block();
        let (block, counters) = match block.find(self.site.id()) {
            Some(counters) => (block, counters),
            None => {
                let _inside = thread::Inside::enter()?;
                let (block, site) = locate(self.site, self.type_name)?;
                (block, block.resolve(site)?)
            }
        };
        self.set_home(block, counters);
        counters.start();
        Some(())
    }

    pub(crate) fn set_home(&mut self, block: &'static Block, counters: &'static Counters) {
        self.path = counters.path.load(std::sync::atomic::Ordering::Relaxed);
        self.home = Home { block, counters, asyncs: block.asyncs_of(counters) };
    }

    /// The future is polled on another thread than last time.
    #[cold]
    #[inline(never)]
    fn move_home(&mut self) -> Option<()> {
        let _inside = thread::Inside::enter()?;
        let block = thread::attach()?;
        self.set_home(block, block.counters_of(self.path));
        self.pended_in = 0;
        Some(())
    }

    /// `resumed` is whether the time since the last poll was charged to this call; `None` at the first.
    #[inline(always)]
    fn enter(&mut self, block: &'static Block, resumed: Option<bool>) -> Turn<'_> {
        self.stage = Stage::Over;
        let Home { counters, asyncs, .. } = self.home;
        let segment = &block.segment;
        let back = block.spot();
        let caller = segment.poll.get();
        let mut pended = segment.pended.replace(0);
        if self.pended_in == caller && pended > 0 {
            // Polled twice in one poll of its caller, or dropped by it: nobody waits for it any more.
            pended -= 1;
        }
        let poll = segment.polls.get().wrapping_add(1);
        segment.polls.set(poll);
        segment.poll.set(poll);
        let depth = segment.depth.get();
        segment.depth.set(depth + 1);
        let now = clock::now();
        if resumed.is_none() {
            self.start = now;
            // SAFETY: `asyncs` is of this thread's block (`home` was just set) and leaked.
            unsafe { &*asyncs }.begin(now);
        }
        if depth == 0 {
            if !self.outermost {
                self.outermost = true;
                self.task = block.new_task();
            }
            self.turn = self.turn.wrapping_add(1);
            segment.start.set(now);
            segment.task.set(self.task);
            segment.turn.set(self.turn);
            segment.left.set(self.left);
        }
        if resumed == Some(true) {
            let same_task = depth > 0 && self.task == segment.task.get();
            let next_turn = self.turn.wrapping_add(1) == segment.turn.get();
            let from = if same_task && next_turn { self.left.max(segment.left.get()) } else { self.left };
            // SAFETY: `asyncs` is of this thread's block (`home` was checked) and leaked.
            unsafe { &*asyncs }.resume(self.left, segment.start.get().saturating_sub(from));
        }
        if depth > 0 {
            self.outermost = false;
            self.task = segment.task.get();
            self.turn = segment.turn.get();
        }
        block.switch(Spot::of(counters), now);
        Turn { call: self, block, back, now, caller, pended, outcome: Outcome::Unwound }
    }

    /// One poll that returns `Pending`, on a block of one's own: what the instrument does at each.
    pub(crate) fn rehearse(&mut self, block: &'static Block) {
        let resumed = if let Stage::Suspended { charged } = self.stage { Some(charged) } else { None };
        self.enter(block, resumed).outcome = Outcome::Pending;
    }

    /// Enters the call once more to drop the inner future, if it was begun and is not over.
    fn begin_drop(&mut self) -> Option<Turn<'_>> {
        let Stage::Suspended { charged } = self.stage else { return None };
        if !ptr::eq(thread::block(), self.home.block) {
            self.move_home()?;
        }
        let mut turn = self.enter(thread::block(), Some(charged));
        turn.outcome = Outcome::Dropped;
        Some(turn)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Ready,
    Pending,
    Dropped,
    /// Set until the poll returns: what is left when it does not.
    Unwound,
}

/// One stay in an asynchronous call; dropping it leaves the call, also when unwinding.
struct Turn<'a> {
    call: &'a mut Call,
    block: &'static Block,
    /// Where the thread was before.
    back: Spot,
    /// Tick of entry.
    now: u64,
    /// What `Segment::poll` and `Segment::pended` were for the caller.
    caller: u32,
    pended: u32,
    outcome: Outcome,
}

impl Drop for Turn<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let entered = self.now;
        let now = clock::now();
        let Home { counters, asyncs, .. } = self.call.home;
        // SAFETY: of this thread's block, which the poll cannot leave, and leaked.
        let (counters, asyncs) = unsafe { (&*counters, &*asyncs) };
        self.block.switch(self.back, now);
        let segment = &self.block.segment;
        segment.depth.set(segment.depth.get().wrapping_sub(1));
        segment.poll.set(self.caller);
        self.call.left = now;
        if self.outcome != Outcome::Dropped {
            asyncs.polled(now.saturating_sub(entered), control::epoch());
        }
        if self.outcome == Outcome::Pending {
            let charged = segment.pended.replace(self.pended.wrapping_add(1)) == 0;
            self.call.pended_in = self.caller;
            if charged {
                asyncs.suspend(now);
            }
            self.call.stage = Stage::Suspended { charged };
            return;
        }
        segment.pended.set(self.pended);
        asyncs.end(self.call.start);
        let ending = match self.outcome {
            Outcome::Ready => Ending::Returned,
            Outcome::Dropped => Ending::Cancelled,
            Outcome::Unwound | Outcome::Pending => Ending::Panicked,
        };
        match ending {
            Ending::Returned => counters.finish_returned(),
            Ending::Panicked => counters.finish_panicked(),
            Ending::Cancelled => asyncs.finish_cancelled(),
        }
        self.block.elapsed(counters, now, self.call.start);
    }
}
