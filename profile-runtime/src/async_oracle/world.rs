//! A simulated program: tasks on simulated threads under a fake clock. What it does is drawn at random,
//! independently of what is recorded; the engine records it and the model is told of it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::model::{End, Model, Path};
use crate::block::Block;
use crate::clock;
use crate::engine::Engine;
use crate::future::{Instrumented, instrument};
use crate::guard::enter;
use crate::paths::Limits;
use crate::site::Site;
use crate::thread;

/// Functions of the simulated program.
const FUNCTIONS: usize = 6;
/// Told apart by their lines.
pub(super) static SITES: [Site; FUNCTIONS] = [site(0), site(1), site(2), site(3), site(4), site(5)];

const fn site(line: u32) -> Site {
    Site::new("f", "sim.rs", line, true)
}

pub(super) type Work = Pin<Box<dyn Future<Output = ()>>>;
type W = Rc<World>;

struct SimThread {
    /// `None` after the thread ended and before the next one begins.
    block: Option<&'static Block>,
    /// In the middle of a poll.
    busy: bool,
}

pub(super) struct World {
    pub(super) engine: &'static Engine,
    pub(super) model: RefCell<Model>,
    random: Cell<u64>,
    /// One future at a time, no panics, nothing dropped early.
    pub(super) sequential: bool,
    threads: RefCell<Vec<SimThread>>,
    here: Cell<usize>,
    tasks: RefCell<Vec<Work>>,
    /// Futures that were given away in the middle.
    orphans: RefCell<Vec<Watched>>,
    /// Calls that may still be made.
    fuel: Cell<u32>,
    pub(super) mismatches: RefCell<Vec<String>>,
    pub(super) checks: Cell<u64>,
}

impl World {
    pub(super) fn new(seed: u64, sequential: bool) -> W {
        let engine = Engine::leak(Limits { depth: 100, paths: 10_000 });
        clock::set_fake(Some(1000));
        let world = Self {
            engine,
            model: RefCell::default(),
            random: Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03),
            sequential,
            threads: RefCell::default(),
            here: Cell::new(0),
            tasks: RefCell::default(),
            orphans: RefCell::default(),
            fuel: Cell::new(0),
            mismatches: RefCell::default(),
            checks: Cell::new(0),
        };
        world.model.borrow_mut().now = 1000;
        world.fuel.set(10 + world.below(80));
        for _ in 0..1 + world.below(3) {
            let block = Some(engine.adopt(1000, None));
            world.threads.borrow_mut().push(SimThread { block, busy: false });
            world.model.borrow_mut().add_thread();
        }
        Rc::new(world)
    }

    fn below(&self, bound: u32) -> u32 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random.set(x);
        ((x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % u64::from(bound)) as u32
    }

    fn one_in(&self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn pass(&self, most: u32) {
        let ticks = u64::from(self.below(most));
        self.model.borrow_mut().advance(ticks);
        clock::set_fake(Some(self.model.borrow().now));
    }

    /// Code that takes time; other threads may do something meanwhile.
    fn work(self: &W) {
        self.pass(20);
        if std::thread::panicking() {
            return;
        }
        if self.one_in(10) {
            self.turn();
            self.pass(20);
        }
        if self.one_in(25) {
            super::check(self, "in the middle");
        }
    }

    // ---- the executor ----

    /// On a thread that does nothing else: polls or aborts a task, or drops an orphan.
    fn turn(self: &W) {
        let idle: Vec<usize> = {
            let threads = self.threads.borrow();
            (0..threads.len()).filter(|&i| !threads[i].busy).collect()
        };
        if idle.is_empty() {
            return;
        }
        let at = idle[self.below(idle.len() as u32) as usize];
        let block = self.wake_thread(at);
        self.threads.borrow_mut()[at].busy = true;
        let (before, here) = (thread::set_block(block), self.here.replace(at));
        self.act();
        self.here.set(here);
        thread::set_block(before);
        self.threads.borrow_mut()[at].busy = false;
        if self.one_in(12) {
            self.engine.hand_back(block);
            self.threads.borrow_mut()[at].block = None;
        }
    }

    /// Begins a new thread where one has ended. It takes over that one's block, as no other is free.
    fn wake_thread(&self, at: usize) -> &'static Block {
        let mut threads = self.threads.borrow_mut();
        let now = self.model.borrow().now;
        // NOTE: the engine hands out the block that was returned last; the model counts by block, so all
        // ended threads begin again, in that order.
        let known = self.engine.blocks();
        while threads[at].block.is_none() {
            let block = self.engine.adopt(now, None);
            let index = known.iter().position(|&b| std::ptr::eq(b, block)).unwrap();
            threads[index].block = Some(block);
        }
        threads[at].block.unwrap()
    }

    fn act(self: &W) {
        if self.one_in(30) && !self.orphans.borrow().is_empty() {
            let orphan = self.take_orphan();
            return drop(orphan);
        }
        let count = self.tasks.borrow().len() as u32;
        if count == 0 {
            return;
        }
        let mut task = self.tasks.borrow_mut().swap_remove(self.below(count) as usize);
        if !self.sequential && self.one_in(40) {
            return drop(task);
        }
        let mut cx = Context::from_waker(Waker::noop());
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(&mut cx)));
        match polled {
            Ok(Poll::Pending) => self.tasks.borrow_mut().push(task),
            Ok(Poll::Ready(())) | Err(_) => drop(task),
        }
    }

    /// From call to return of the first future: in a sequential program, all there is.
    pub(super) fn root_elapsed(&self) -> u64 {
        self.model.borrow().elapsed_of_first()
    }

    fn take_orphan(&self) -> Option<Watched> {
        let count = self.orphans.borrow().len() as u32;
        (count > 0).then(|| self.orphans.borrow_mut().swap_remove(self.below(count) as usize))
    }

    pub(super) fn run(self: &W) {
        let roots = if self.sequential { 1 } else { 1 + self.below(3) };
        for _ in 0..roots {
            let root: Work = if self.sequential || !self.one_in(5) {
                Box::pin(call(self, 0))
            } else {
                body(self.clone(), 0)
            };
            self.tasks.borrow_mut().push(root);
        }
        let most = if self.sequential { u32::MAX } else { 20 + self.below(400) };
        for _ in 0..most {
            if self.tasks.borrow().is_empty() {
                break;
            }
            self.turn();
            self.pass(30);
            if self.one_in(15) {
                super::check(self, "between turns");
            }
        }
        super::check(self, "at the end");
        while !self.tasks.borrow().is_empty() || !self.orphans.borrow().is_empty() {
            let (task, orphan) = (self.tasks.borrow_mut().pop(), self.take_orphan());
            let block = self.wake_thread(0);
            let before = thread::set_block(block);
            self.here.set(0);
            drop((task, orphan));
            thread::set_block(before);
        }
        super::check(self, "after all was dropped");
    }
}

// ---- instrumented things, and the model being told of them ----

/// An asynchronous call of the simulated program.
pub(super) struct Watched {
    world: W,
    id: usize,
    future: Option<Pin<Box<Instrumented<Work>>>>,
}

impl Watched {
    fn new(world: &W, work: Work) -> Self {
        let function = world.below(FUNCTIONS as u32) as usize;
        let id = world.model.borrow_mut().add_future(function);
        let future = Some(Box::pin(instrument(&SITES[function], || {}, work)));
        Self { world: world.clone(), id, future }
    }

    fn poll_once(&mut self) -> Poll<()> {
        Pin::new(self).poll(&mut Context::from_waker(Waker::noop()))
    }
}

impl Future for Watched {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let here = self.world.here.get();
        self.world.model.borrow_mut().enter_poll(here, self.id);
        let future = self.future.as_mut().unwrap();
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let end = match &polled {
            Ok(Poll::Ready(())) => End::Ready,
            Ok(Poll::Pending) => End::Pending,
            Err(_) => End::Panicked,
        };
        self.world.model.borrow_mut().leave_future(here, end);
        polled.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let here = self.world.here.get();
        let inside = self.world.model.borrow_mut().enter_drop(here, self.id);
        self.future = None;
        if inside {
            self.world.model.borrow_mut().leave_future(here, End::Dropped);
        }
    }
}

/// A synchronous call.
fn scope(world: &W, inside: impl FnOnce()) {
    let function = world.below(FUNCTIONS as u32) as usize;
    let here = world.here.get();
    world.model.borrow_mut().enter_scope(here, function);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let _guard = enter(&SITES[function], || {});
        inside();
    }));
    world.model.borrow_mut().leave_scope(here, ended.is_err());
    ended.unwrap_or_else(|panic| resume_unwind(panic));
}

fn panic_now() {
    // Without a word on stderr.
    resume_unwind(Box::new("simulated"));
}

/// A future polled on a path of its own, as the program asked.
struct Stay {
    world: W,
    path: Path,
    inner: Pin<Box<dyn Future<Output = ()>>>,
}

impl Future for Stay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let here = self.world.here.get();
        let stays = !self.path.is_empty();
        if stays {
            self.world.model.borrow_mut().enter_path(here, self.path.clone());
        }
        let polled = catch_unwind(AssertUnwindSafe(|| self.inner.as_mut().poll(cx)));
        if stays {
            self.world.model.borrow_mut().leave_path(here);
        }
        polled.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Does something when it goes out of scope, is cancelled, or unwinds.
struct Destructor(W);

impl Drop for Destructor {
    fn drop(&mut self) {
        self.0.pass(20);
        if self.0.one_in(2) {
            scope(&self.0, || self.0.pass(20));
        }
        self.0.pass(5);
    }
}

// ---- the program ----

fn call(world: &W, depth: u32) -> Watched {
    world.fuel.set(world.fuel.get().saturating_sub(1));
    let work = if world.sequential || !world.one_in(6) {
        body(world.clone(), depth + 1)
    } else {
        // Holds its children until it is dropped itself, also when it is over.
        Box::pin(combine(world, depth + 1))
    };
    Watched::new(world, work)
}

fn children(world: &W, depth: u32) -> Vec<Work> {
    (0..2 + world.below(3))
        .map(|_| -> Work {
            if world.one_in(5) { body(world.clone(), depth + 1) } else { Box::pin(call(world, depth)) }
        })
        .collect()
}

enum Until {
    All,
    /// All, of which each turn polls only some.
    AllBySome,
    First,
}

struct Combined {
    world: W,
    children: Vec<(Work, bool)>,
    until: Until,
}

fn combine(world: &W, depth: u32) -> Combined {
    let until = [Until::All, Until::AllBySome, Until::First];
    let until = until.into_iter().nth(world.below(3) as usize).unwrap();
    let children = children(world, depth).into_iter().map(|child| (child, false)).collect();
    Combined { world: world.clone(), children, until }
}

impl Future for Combined {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { world, children, until } = &mut *self;
        for (child, done) in children.iter_mut() {
            if *done || matches!(until, Until::AllBySome) && world.one_in(2) {
                continue;
            }
            *done = child.as_mut().poll(cx).is_ready();
            if *done && matches!(until, Until::First) {
                return Poll::Ready(());
            }
        }
        if children.iter().all(|(_, done)| *done) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Works after a poll of its inner future that returned Pending.
struct Late(W, Work);

impl Future for Late {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.1.as_mut().poll(cx);
        self.0.work();
        polled
    }
}

async fn pending(world: &W) {
    let mut turns = 1 + world.below(3);
    std::future::poll_fn(|_| {
        turns -= 1;
        if turns == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn body(world: W, depth: u32) -> Work {
    Box::pin(async move {
        let world = &world;
        for _ in 0..world.below(6) {
            step(world, depth).await;
            if world.one_in(3) {
                world.work();
            }
        }
    })
}

async fn step(world: &W, depth: u32) {
    let tired = world.fuel.get() == 0 || depth > 8;
    match world.below(if tired { 5 } else { 20 }) {
        0 | 1 => world.work(),
        2 => pending(world).await,
        3 => scope(world, || {
            world.work();
            scope(world, || world.work());
        }),
        4 => {
            let _late = Destructor(world.clone());
            pending(world).await;
        }
        5..=8 => call(world, depth).await,
        9 => body(world.clone(), depth + 1).await,
        10 => Late(world.clone(), Box::pin(call(world, depth))).await,
        11 => {
            // Polled twice in a turn, once inside a synchronous call.
            let mut child = call(world, depth);
            let mut polled = Poll::Pending;
            scope(world, || polled = child.poll_once());
            if polled.is_pending() && world.one_in(2) {
                polled = child.poll_once();
            }
            if polled.is_pending() {
                child.await;
            } else {
                // Dropped after completion.
                pending(world).await;
            }
        }
        _ if world.sequential => call(world, depth).await,
        12 | 13 => combine(world, depth).await,
        14 => {
            let mut here: Work = Box::pin(combine(world, depth));
            let mut once = false;
            // Left after one turn: everything that is under way is cancelled.
            std::future::poll_fn(|cx| {
                let polled = here.as_mut().poll(cx);
                if polled.is_ready() || std::mem::replace(&mut once, true) {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
        15 => {
            let inner: Work =
                if world.one_in(3) { body(world.clone(), depth + 1) } else { Box::pin(call(world, depth)) };
            let task: Work = if world.one_in(2) {
                let path = world.model.borrow().path(world.here.get());
                let inner = Box::pin(crate::Context::current().attach(inner));
                Box::pin(Stay { world: world.clone(), path, inner })
            } else {
                inner
            };
            world.tasks.borrow_mut().push(task);
        }
        16 => {
            // Never polled, or polled once and dropped.
            let mut child = call(world, depth);
            if world.one_in(2) {
                let _ = child.poll_once();
            }
        }
        17 => {
            let mut child = call(world, depth);
            if child.poll_once().is_pending() {
                world.orphans.borrow_mut().push(child);
            }
        }
        18 => {
            if let Some(orphan) = world.take_orphan() {
                orphan.await;
            }
        }
        _ => match world.below(4) {
            0 => panic_now(),
            1 => scope(world, || {
                let _late = Destructor(world.clone());
                world.work();
                panic_now();
            }),
            _ => {
                let caught = catch_unwind(AssertUnwindSafe(|| scope(world, panic_now)));
                assert!(caught.is_err());
            }
        },
    }
}
