//! The same functions once for each profiler, recording as its users would have it record.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use fastrace::future::FutureExt as _;
use profile_cost_runtime::private::{Guard, Site, instrument};
use tracing::Instrument as _;

/// One profiler (or none) with all shapes of calls.
pub struct Contender {
    pub name: &'static str,
    /// Times `n` rounds of a shape after some to warm up, inside of what the profiler wants around them.
    timed: fn(Shape, u64, u64) -> Duration,
    pub shapes: Shapes,
    /// Argument of the recursion; smaller where a trace has room for fewer calls.
    pub fib: u64,
}

/// Runs that many rounds.
pub type Shape = fn(u64) -> u64;

#[derive(Clone, Copy)]
pub struct Shapes {
    pub flat: Shape,
    pub in_turn: Shape,
    pub at_random: Shape,
    pub chain: Shape,
    pub parents: Shape,
    /// One round, of that argument.
    pub fib: Shape,
    pub poll: Shape,
}

impl Contender {
    pub fn time(&self, shape: Shape, warm: u64, rounds: u64) -> Duration {
        (self.timed)(shape, warm, rounds)
    }
}

pub fn all() -> [Contender; 8] {
    let contender = |name, shapes, timed| Contender { name, timed, shapes, fib: 22 };
    [
        contender("plain", plain::SHAPES, timed),
        contender("floor", floor::SHAPES, timed),
        contender("off", ours::SHAPES, timed_off),
        contender("on", ours::SHAPES, timed_on),
        contender("hotpath", hotpath_::SHAPES, timed_hotpath),
        contender("puffin", puffin_::SHAPES, timed_puffin),
        // A trace holds at most 10,240 spans a thread; what is over is dropped, which would be cheap.
        Contender { fib: 18, ..contender("fastrace", fastrace_::SHAPES, timed_fastrace) },
        contender("tracing", tracing_::SHAPES, timed),
    ]
}

/// Switches the peers on. What is returned keeps them on.
pub fn start_peers() -> impl Sized {
    puffin::set_scopes_on(true);
    fastrace::set_reporter(
        Forget,
        fastrace::collector::Config::default().report_interval(Duration::from_millis(20)),
    );
    tracing::subscriber::set_global_default(Accept).expect("no other subscriber");
    let sink = std::env::temp_dir().join(format!("profile-cost-bench-{}.txt", std::process::id()));
    hotpath::HotpathGuardBuilder::new("overhead").output_path(sink).build()
}

fn timed(shape: Shape, warm: u64, rounds: u64) -> Duration {
    black_box(shape(warm));
    let start = Instant::now();
    black_box(shape(rounds));
    start.elapsed()
}

fn timed_off(shape: Shape, warm: u64, rounds: u64) -> Duration {
    profile_cost::disable();
    timed(shape, warm, rounds)
}

fn timed_on(shape: Shape, warm: u64, rounds: u64) -> Duration {
    profile_cost::enable();
    timed(shape, warm, rounds)
}

fn timed_hotpath(shape: Shape, warm: u64, rounds: u64) -> Duration {
    let time = timed(shape, warm, rounds);
    // Its queue has no bound: gives its thread the time to empty it.
    std::thread::sleep(Duration::from_millis(2));
    time
}

fn timed_puffin(shape: Shape, warm: u64, rounds: u64) -> Duration {
    let time = {
        puffin::profile_scope!("frame");
        timed(shape, warm, rounds)
    };
    puffin::GlobalProfiler::lock().new_frame();
    time
}

fn timed_fastrace(shape: Shape, warm: u64, rounds: u64) -> Duration {
    let root = fastrace::Span::root("batch", fastrace::prelude::SpanContext::random());
    let _parent = root.set_local_parent();
    timed(shape, warm, rounds)
}

struct Forget;

static CALLS: AtomicU64 = AtomicU64::new(0);
static POLLS: AtomicU64 = AtomicU64::new(0);

/// Spans that reached the reporter: calls, polls.
pub fn spans_of_fastrace() -> (u64, u64) {
    fastrace::flush();
    (CALLS.load(Ordering::Relaxed), POLLS.load(Ordering::Relaxed))
}

impl fastrace::collector::Reporter for Forget {
    fn report(&mut self, spans: Vec<fastrace::prelude::SpanRecord>) {
        let polls = spans.iter().filter(|span| span.name == "poll").count() as u64;
        POLLS.fetch_add(polls, Ordering::Relaxed);
        CALLS.fetch_add(spans.len() as u64 - polls, Ordering::Relaxed);
    }
}

/// A subscriber that takes every span and records nothing.
struct Accept;

impl tracing::Subscriber for Accept {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[inline(always)]
fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: reads a register that every x86-64 processor has.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(target_arch = "aarch64")]
    {
        let ticks: u64;
        // SAFETY: reads the virtual counter; touches no memory and no flags.
        unsafe {
            core::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags))
        };
        ticks
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
}

/// What no profiler that measures time can do without: one clock read at either end.
struct TwoReads(u64);

impl TwoReads {
    #[inline(always)]
    fn new() -> Self {
        Self(ticks())
    }
}

impl Drop for TwoReads {
    #[inline(always)]
    fn drop(&mut self) {
        black_box(ticks() - self.0);
    }
}

/// A future that is never ready.
struct Never;

impl Future for Never {
    type Output = ();
    #[inline]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        black_box(());
        Poll::Pending
    }
}

/// A future that runs something around each poll of another.
struct Around<F, G>(F, G);

impl<F: Future + Unpin, S, G: Fn() -> S + Unpin> Future for Around<F, G> {
    type Output = F::Output;
    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _scope = (self.1)();
        Pin::new(&mut self.0).poll(context)
    }
}

fn poll_often(future: impl Future<Output = ()>, rounds: u64) -> u64 {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..rounds {
        let _ = black_box(future.as_mut().poll(&mut context));
    }
    rounds
}

/// NOTE: what is added differs from function to function: equal ones would be merged into one by the compiler
/// where no profiler tells them apart, and a call of one of 16 would be a call of always the same.
macro_rules! leaf {
    ($name:ident, [$($attribute:tt)*], [$($before:tt)*], $callee:expr) => {
        $($attribute)*
        #[inline(never)]
        pub fn $name(x: u64) -> u64 {
            $($before)*
            $callee(black_box(x)).wrapping_add(const { number_of(stringify!($name)) })
        }
    };
}

const fn number_of(name: &str) -> u64 {
    let (name, mut at, mut number) = (name.as_bytes(), 0, 0);
    while at < name.len() {
        number = number * 37 + name[at] as u64;
        at += 1;
    }
    number
}

macro_rules! suite {
    ($module:ident, $attributes:tt, $before:tt, $poll:expr) => {
        mod $module {
            use super::*;

            const fn same(x: u64) -> u64 {
                x
            }
            leaf!(flat, $attributes, $before, same);
            leaf!(f0, $attributes, $before, same);
            leaf!(f1, $attributes, $before, same);
            leaf!(f2, $attributes, $before, same);
            leaf!(f3, $attributes, $before, same);
            leaf!(f4, $attributes, $before, same);
            leaf!(f5, $attributes, $before, same);
            leaf!(f6, $attributes, $before, same);
            leaf!(f7, $attributes, $before, same);
            leaf!(f8, $attributes, $before, same);
            leaf!(f9, $attributes, $before, same);
            leaf!(f10, $attributes, $before, same);
            leaf!(f11, $attributes, $before, same);
            leaf!(f12, $attributes, $before, same);
            leaf!(f13, $attributes, $before, same);
            leaf!(f14, $attributes, $before, same);
            leaf!(f15, $attributes, $before, same);
            leaf!(c8, $attributes, $before, same);
            leaf!(c7, $attributes, $before, c8);
            leaf!(c6, $attributes, $before, c7);
            leaf!(c5, $attributes, $before, c6);
            leaf!(c4, $attributes, $before, c5);
            leaf!(c3, $attributes, $before, c4);
            leaf!(c2, $attributes, $before, c3);
            leaf!(c1, $attributes, $before, c2);
            leaf!(left, $attributes, $before, c8);
            leaf!(right, $attributes, $before, c8);
            recursive!($attributes, $before);

            const MANY: [fn(u64) -> u64; 16] =
                [f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15];

            pub const SHAPES: Shapes = Shapes {
                flat: |rounds| (0..rounds).fold(0, |sum, i| sum ^ flat(i)),
                in_turn: |rounds| (0..rounds).fold(0, |sum, i| sum ^ MANY[i as usize % 16](i)),
                at_random: |rounds| {
                    let at = |i: u64| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as usize;
                    (0..rounds).fold(0, |sum, i| sum ^ MANY[at(i)](i))
                },
                chain: |rounds| (0..rounds).fold(0, |sum, i| sum ^ c1(i)),
                parents: |rounds| {
                    (0..rounds).fold(0, |sum, i| sum ^ if i % 2 == 0 { left(i) } else { right(i) })
                },
                fib,
                poll: |rounds| poll_often($poll, rounds),
            };
        }
    };
}

macro_rules! recursive {
    ([$($attribute:tt)*], [$($before:tt)*]) => {
        $($attribute)*
        #[inline(never)]
        pub fn fib(n: u64) -> u64 {
            $($before)*
            if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
        }
    };
}

suite!(plain, [], [], Never);
suite!(floor, [], [let _scope = TwoReads::new();], Around(Never, TwoReads::new));
suite!(
    ours,
    [],
    [
        static SITE: Site = Site::new("call", file!(), line!(), true);
        let mut scope = Guard::new();
        scope.enter(&SITE, || {});
    ],
    {
        static SITE: Site = Site::new("poll", file!(), line!(), true);
        instrument(&SITE, || {}, Never)
    }
);
suite!(hotpath_, [#[hotpath::measure]], [], hotpath::future!(Never));
suite!(puffin_, [], [puffin::profile_function!();], Around(Never, || { puffin::profile_scope!("poll"); }));
suite!(
    fastrace_,
    [],
    [let _scope = fastrace::local::LocalSpan::enter_with_local_parent("call");],
    Never.enter_on_poll("poll")
);
suite!(
    tracing_,
    [],
    [let _scope = tracing::info_span!("call").entered();],
    Never.instrument(tracing::info_span!("poll"))
);
