//! With the real runtime: what was called, how often and by whom, as the profile tells it; and the reports of single
//! calls, as they arrive in the log.
#![allow(clippy::pedantic)]

// The other tests know a recorder by this name; here it is what users have.
extern crate real as profile_cost;

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Barrier, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use profile_cost::stats::FunctionStats;
use profile_cost::{Label, Stats, profile_cost};

/// The profile is the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let guard = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    profile_cost::enable();
    profile_cost::reset();
    guard
}

/// Statistics, asked by name.
struct Seen(Stats);

impl Seen {
    /// What `f` calls.
    fn during(f: impl FnOnce()) -> Self {
        let _alone = alone();
        f();
        let mut stats = Stats::new(profile_cost::snapshot());
        stats.calc_callees();
        Self(stats)
    }

    /// The one function of that name.
    fn function(&self, name: &str) -> (&Label, &FunctionStats) {
        let found: Vec<_> = self.0.functions().filter(|(label, _)| label.name == name).collect();
        let all: Vec<_> = self.0.functions().map(|(label, _)| &label.name).collect();
        let [one] = found[..] else { panic!("{} functions are called {name}, of {all:?}", found.len()) };
        one
    }

    fn calls(&self, name: &str) -> u64 {
        self.function(name).1.calls
    }

    /// `name count` of each caller, sorted by name.
    fn callers(&self, name: &str) -> Vec<String> {
        edges(self.0.callers(self.function(name).0))
    }

    fn callees(&self, name: &str) -> Vec<String> {
        edges(self.0.callees(self.function(name).0))
    }
}

fn edges(found: Vec<(&Label, profile_cost::stats::EdgeStats)>) -> Vec<String> {
    let mut found: Vec<_> =
        found.iter().map(|(label, edge)| format!("{} {}", label.name, edge.calls)).collect();
    found.sort();
    found
}

/// Pending once.
struct Yield(bool);
impl Future for Yield {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

#[profile_cost]
#[inline]
fn plain() {}
const PLAIN: u32 = line!() - 1;

trait Store {
    fn save(&self);
    #[profile_cost]
    fn save_twice(&self) {
        self.save();
        self.save();
    }
    async fn fetch(&self) -> u8;
}

struct Orders;

#[profile_cost]
impl Orders {
    fn new() -> Self {
        Self
    }
    fn by_ref(&self) {
        plain();
    }
    fn by_value(self) {}
    #[profile_cost(skip)]
    fn left_out(&self) {
        self.by_ref();
    }
    async fn load(&self, id: u8) -> Result<u8, String> {
        if id == 0 {
            return Err("none".into());
        }
        Yield(false).await;
        Ok(self.fetch().await)
    }
}

#[profile_cost]
impl Store for Orders {
    fn save(&self) {}
    async fn fetch(&self) -> u8 {
        1
    }
}

#[profile_cost]
fn generic<T, const N: usize>(_: [T; N]) {
    plain();
}

#[profile_cost(name = "a name of its own")]
fn renamed() {}

#[profile_cost]
#[track_caller]
fn located() -> u32 {
    std::panic::Location::caller().line()
}

#[profile_cost]
fn outer() {
    #[profile_cost]
    fn inner() {}
    inner();
    inner();
}

#[profile_cost]
fn recurses(depth: u8) {
    if depth > 0 {
        recurses(depth - 1);
    }
}

#[profile_cost]
fn panics() {
    panic!("on purpose");
}

macro_rules! make {
    ($name:ident $body:block) => {
        #[profile_cost]
        fn $name() $body
    };
}
make!(from_macro { plain() });

#[profile_cost]
fn sync_root() {
    plain();
    plain();
    let orders = Orders::new();
    orders.by_ref();
    orders.left_out();
    orders.save();
    orders.save_twice();
    orders.by_value();
    generic([1_u8]);
    generic(["text"]);
    renamed();
    assert_eq!(located(), line!());
    outer();
    recurses(3);
    from_macro();
    assert!(std::panic::catch_unwind(panics).is_err());
    profile_cost::scope!("block");
    renamed();
}

#[test]
fn sync_functions() {
    let seen = Seen::during(sync_root);
    let want = [
        "<Orders as Store>::save 1",
        "Orders::by_ref 2",
        "Orders::by_value 1",
        "Orders::new 1",
        "Store::save_twice 1",
        "a name of its own 1",
        "block 1",
        "from_macro 1",
        "generic 2",
        "located 1",
        "outer 1",
        "panics 1",
        "plain 2",
        "recurses 1",
    ];
    assert_eq!(seen.callees("sync_root"), want);
    assert_eq!(seen.callees("block"), ["a name of its own 1"]);
    assert_eq!(seen.callers("<Orders as Store>::save"), ["Store::save_twice 2", "sync_root 1"]);
    assert_eq!(seen.callers("inner"), ["outer 2"]);
    assert_eq!(seen.callers("recurses"), ["recurses 3", "sync_root 1"]);
    assert_eq!(seen.callers("plain"), ["Orders::by_ref 2", "from_macro 1", "generic 2", "sync_root 2"]);
    assert_eq!((seen.calls("plain"), seen.calls("sync_root")), (7, 1));
    let (_, recursion) = seen.function("recurses");
    assert_eq!((recursion.calls, recursion.primitive_calls), (4, 1));
    assert_eq!(seen.function("panics").1.details.panicked, 1);
    let label = seen.function("plain").0;
    assert_eq!((label.file.as_str(), label.line), (file!(), PLAIN));
}

#[async_trait::async_trait]
trait Old {
    async fn outside(&self) -> u8;
    async fn inside(&self) -> u8;
    #[profile_cost]
    async fn provided(&self) -> u8
    where
        Self: Sync,
    {
        Yield(false).await;
        self.outside().await
    }
}

#[profile_cost]
#[async_trait::async_trait]
impl Old for Orders {
    async fn outside(&self) -> u8 {
        Yield(false).await;
        1
    }
    async fn inside(&self) -> u8 {
        1
    }
}

struct Users;

#[async_trait::async_trait]
#[profile_cost]
impl Old for Users {
    async fn outside(&self) -> u8 {
        Yield(false).await;
        later((1, 2)).await
    }
    async fn inside(&self) -> u8 {
        1
    }
}

#[profile_cost]
async fn later((a, _): (u8, u8)) -> u8 {
    Yield(false).await;
    plain();
    a
}

#[profile_cost]
async fn joins() -> u8 {
    let (a, b) = futures_util::join!(later((1, 0)), later((2, 0)));
    a + b
}

#[profile_cost]
fn boxed_future<'a>(n: &'a u8) -> Pin<Box<dyn Future<Output = u8> + Send + 'a>> {
    Box::pin(async move {
        Yield(false).await;
        *n
    })
}

#[profile_cost]
fn boxed() -> futures_util::future::BoxFuture<'static, u8> {
    async { later((1, 1)).await }.boxed()
}

#[profile_cost]
fn opaque_future() -> impl Future<Output = u8> + Send {
    async {
        Yield(false).await;
        1
    }
}

#[profile_cost]
fn either(n: u8) -> Pin<Box<dyn Future<Output = u8>>> {
    const NONE: u8 = 0;
    if n == 1 {
        return Box::pin(async { 1 });
    }
    if n == NONE { Box::pin(async { NONE }) } else { Box::pin(async move { later((n, 0)).await }) }
}

/// One that reports, with a name for everything that stands at the front of its body.
#[profile_cost(report, log_target = "either")]
fn either_reported(site: bool) -> impl Future<Output = &'static str> {
    static SITE: &str = "site";
    static REPORT: &str = "report";
    fn function() {}
    function();
    match site {
        true => async { SITE }.boxed(),
        false => async { REPORT }.boxed(),
    }
}

#[profile_cost]
async fn recursive(n: u8) -> u8 {
    if n == 0 { 0 } else { 1 + Box::pin(recursive(n - 1)).await }
}

#[profile_cost]
async fn cancelled() {
    std::future::pending::<()>().await;
}

#[profile_cost]
async fn async_root() {
    assert_eq!(later((1, 1)).await, 1);
    assert_eq!(joins().await, 3);
    assert_eq!(Orders.load(1).await, Ok(1));
    assert!(Orders.load(0).await.is_err());
    assert_eq!(Orders.inside().await + Orders.provided().await + Users.inside().await, 3);
    assert_eq!(Users.provided().await, 1);
    assert_eq!(boxed_future(&1).await + boxed().await + opaque_future().await, 3);
    assert_eq!(recursive(3).await, 3);
    let mut never_finished = Box::pin(cancelled());
    assert!(futures_util::poll!(&mut never_finished).is_pending());
    drop(never_finished);
    drop(later((1, 1)));
}

#[test]
fn a_scope_calls_no_method_of_everything() {
    #[expect(dead_code, reason = "nobody is to call it")]
    trait Everything: Sized {
        fn enter<A, B>(self, _: A, _: B) {}
    }
    impl<T> Everything for T {}
    let seen = Seen::during(|| {
        profile_cost::scope!("scope of its own");
        plain();
    });
    assert_eq!(seen.callees("scope of its own"), ["plain 1"]);
}

#[test]
fn several_futures_of_a_function_are_of_one_function() {
    let seen = Seen::during(|| {
        let all = async { either(0).await + either(1).await + either(2).await };
        assert_eq!(run(all), 3);
    });
    assert_eq!((seen.calls("either"), seen.callees("either")), (3, vec!["later 1".to_owned()]));
    let texts = reports("either", || {
        assert_eq!([true, false].map(|site| run(either_reported(site))), ["site", "report"]);
    });
    assert_eq!(texts.len(), 2);
}

#[test]
fn futures() {
    let seen = Seen::during(|| run(async_root()));
    let want = [
        "<Orders as Old>::inside 1",
        "<Users as Old>::inside 1",
        "Old::provided 2",
        "Orders::load 2",
        "boxed 1",
        "boxed_future 1",
        "cancelled 1",
        "joins 1",
        "later 1",
        "opaque_future 1",
        "recursive 1",
    ];
    assert_eq!(seen.callees("async_root"), want);
    assert_eq!(seen.callees("Old::provided"), ["<Orders as Old>::outside 1", "<Users as Old>::outside 1"]);
    assert_eq!(seen.callers("<Orders as Store>::fetch"), ["Orders::load 1"]);
    let callers = ["<Users as Old>::outside 1", "async_root 1", "boxed 1", "joins 2"];
    assert_eq!(seen.callers("later"), callers, "and not the one that was never polled");
    assert_eq!(seen.callers("recursive"), ["async_root 1", "recursive 3"]);
    assert_eq!(seen.callees("later"), ["plain 5"]);
    let polls = |name: &str| seen.function(name).1.details.polls;
    let all = ["later", "joins", "boxed_future", "boxed", "opaque_future", "<Orders as Old>::inside"];
    assert_eq!(all.map(polls), [10, 2, 2, 2, 2, 1]);
    assert_eq!(seen.function("cancelled").1.details.cancelled, 1);
    assert_eq!(seen.function("async_root").1.details.active, 0);
}

// The test harness calls these four too, beside the other tests: they call nothing that is counted elsewhere.
#[profile_cost]
#[tokio::test]
async fn above_tokio_test() {
    tokio::task::yield_now().await;
}

#[tokio::test(flavor = "multi_thread")]
#[profile_cost]
async fn below_tokio_test() {
    tokio::task::yield_now().await;
}

#[profile_cost]
#[test]
fn above_test() {}

#[test]
#[profile_cost]
fn below_test() {}

#[profile_cost]
#[tokio::main(flavor = "current_thread")]
async fn above_tokio_main() {
    tokio::task::yield_now().await;
}

#[tokio::main(flavor = "current_thread")]
#[profile_cost]
async fn below_tokio_main() {
    tokio::task::yield_now().await;
}

#[profile_cost]
#[axum::debug_handler]
async fn axum_above(body: String) -> Result<String, String> {
    plain();
    Ok(body)
}

#[axum::debug_handler]
#[profile_cost]
async fn axum_below(axum::Json(n): axum::Json<u32>) -> axum::Json<u32> {
    tokio::task::yield_now().await;
    plain();
    axum::Json(n)
}

#[profile_cost]
#[actix_web::get("/above/{id}")]
async fn actix_above(id: actix_web::web::Path<u32>) -> impl actix_web::Responder {
    plain();
    format!("{id}")
}

#[actix_web::post("/below")]
#[profile_cost]
async fn actix_below(text: String) -> impl actix_web::Responder {
    plain();
    text
}

#[profile_cost]
fn harness_root() {
    above_tokio_test();
    below_tokio_test();
    above_test();
    below_test();
    above_tokio_main();
    below_tokio_main();
}

#[profile_cost]
async fn axum_root() {
    use axum::handler::Handler;
    let request = |body: &'static str| {
        let json = axum::http::Request::builder().header("content-type", "application/json");
        json.body(axum::body::Body::from(body)).unwrap()
    };
    assert!(Handler::call(axum_above, request("text"), ()).await.status().is_success());
    assert!(Handler::call(axum_below, request("1"), ()).await.status().is_success());
    assert!(Handler::call(axum_below, request("2"), ()).await.status().is_success());
}

#[profile_cost]
async fn actix_root() {
    use actix_web::test;
    let app = actix_web::App::new().service(actix_above).service(actix_below);
    let app = test::init_service(app).await;
    let get = test::TestRequest::get().uri("/above/7").to_request();
    assert_eq!(test::call_and_read_body(&app, get).await, "7");
    let post = test::TestRequest::post().uri("/below").set_payload("text").to_request();
    assert_eq!(test::call_and_read_body(&app, post).await, "text");
}

#[test]
fn frameworks() {
    let seen = Seen::during(|| {
        harness_root();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(axum_root());
        actix_web::rt::System::new().block_on(actix_root());
    });
    let want = [
        "above_test 1",
        "above_tokio_main 1",
        "above_tokio_test 1",
        "below_test 1",
        "below_tokio_main 1",
        "below_tokio_test 1",
    ];
    assert_eq!(seen.callees("harness_root"), want);
    assert_eq!(seen.callees("axum_root"), ["axum_above 1", "axum_below 2"]);
    assert_eq!(seen.callees("axum_below"), ["plain 2"]);
    assert_eq!(seen.callees("actix_root"), ["actix_above 1", "actix_below 1"]);
    assert_eq!(seen.callees("actix_below"), ["plain 1"]);
}

/// Keeps what is logged: target and text.
struct Log(Mutex<Vec<(String, String)>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        let entry = (record.target().to_owned(), record.args().to_string());
        self.0.lock().unwrap().push(entry);
    }
    fn flush(&self) {}
}

/// The texts of the reports that `f` causes at `target`, in order.
fn reports(target: &str, f: impl FnOnce()) -> Vec<String> {
    let _alone = alone();
    let _ = log::set_logger(&LOG);
    log::set_max_level(log::LevelFilter::Info);
    f();
    let mut all = LOG.0.lock().unwrap();
    all.extract_if(.., |(of, _)| of == target).map(|(_, text)| text).collect()
}

/// The functions in a report.
fn named<'a>(text: &str, names: &[&'a str]) -> Vec<&'a str> {
    names.iter().copied().filter(|name| text.contains(&format!(" {name}  real.rs:"))).collect()
}

#[profile_cost]
fn on_the_left() {}
#[profile_cost]
fn on_the_right() {}
#[profile_cost]
fn noise() {
    on_the_left();
    on_the_right();
}
const ALL: [&str; 6] = ["on_the_left", "on_the_right", "noise", "reported", "reported_later", "moves"];

#[profile_cost(report, sort = "ncalls", log_target = "report")]
fn reported(left: bool, meet: &Barrier) {
    for _ in 0..3 {
        meet.wait();
        if left {
            on_the_left()
        } else {
            on_the_right()
        }
        meet.wait();
    }
}

#[test]
fn a_report_is_of_its_own_call() {
    let texts = reports("report", || {
        noise();
        reported(true, &Barrier::new(1));
        noise();
        reported(false, &Barrier::new(1));
    });
    assert_eq!(texts.len(), 2);
    assert_eq!(named(&texts[0], &ALL), ["on_the_left", "reported"]);
    assert_eq!(named(&texts[1], &ALL), ["on_the_right", "reported"]);
    assert!(texts[0].contains("profile: 4 calls, 2 functions"), "{}", texts[0]);
}

#[test]
fn reports_of_concurrent_calls_are_apart() {
    let meet = Barrier::new(2);
    let texts = reports("report", || {
        thread::scope(|threads| {
            threads.spawn(|| reported(true, &meet));
            threads.spawn(|| reported(false, &meet));
        });
    });
    let mut of: Vec<_> = texts.iter().map(|text| named(text, &ALL)).collect();
    of.sort();
    assert_eq!(of, [["on_the_left", "reported"], ["on_the_right", "reported"]]);
    for text in texts {
        assert!(text.contains("profile: 4 calls, 2 functions"), "{text}");
    }
}

#[profile_cost(report, log_target = "later")]
async fn reported_later(left: bool) {
    for _ in 0..3 {
        if left {
            on_the_left()
        } else {
            on_the_right()
        }
        Yield(false).await;
    }
}

#[test]
fn reports_of_tasks_on_one_thread_are_apart() {
    let texts = reports("later", || {
        run(async { futures_util::join!(reported_later(true), reported_later(false)) });
    });
    let of: Vec<_> = texts.iter().map(|text| named(text, &ALL)).collect();
    assert_eq!(of, [["on_the_left", "reported_later"], ["on_the_right", "reported_later"]]);
    for text in texts {
        assert!(text.contains("profile: 4 calls, 2 functions"), "{text}");
    }
}

#[profile_cost(report, log_target = "moving")]
async fn moves(seen: Arc<Mutex<Vec<thread::ThreadId>>>) {
    let here = || seen.lock().unwrap().push(thread::current().id());
    here();
    on_the_left();
    Yield(false).await;
    here();
    on_the_right();
    on_the_right();
}

#[test]
fn a_report_follows_its_task_to_another_thread() {
    let threads = Arc::new(Mutex::new(Vec::new()));
    let texts = reports("moving", || {
        let mut future = Box::pin(moves(threads.clone()));
        let mut poll = || {
            noise();
            let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
            noise();
            polled
        };
        assert!(!thread::scope(|scope| scope.spawn(&mut poll).join().unwrap()));
        assert!(thread::scope(|scope| scope.spawn(&mut poll).join().unwrap()));
    });
    let threads = threads.lock().unwrap();
    assert!(threads.len() == 2 && threads[0] != threads[1]);
    assert_eq!(texts.len(), 1);
    assert_eq!(named(&texts[0], &ALL), ["on_the_left", "on_the_right", "moves"]);
    assert!(texts[0].contains("profile: 4 calls, 3 functions"), "{}", texts[0]);
}

#[profile_cost(report_over = "200ms", log_target = "slow")]
fn slow(ms: u64) {
    thread::sleep(Duration::from_millis(ms));
}

#[profile_cost(report_over = "200ms", log_target = "slow")]
async fn slow_later(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

#[test]
fn only_slow_calls_are_reported() {
    assert_eq!(reports("slow", || slow(0)), [""; 0]);
    assert_eq!(reports("slow", || slow(210)).len(), 1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    assert_eq!(reports("slow", || runtime.block_on(slow_later(0))), [""; 0]);
    assert_eq!(reports("slow", || runtime.block_on(slow_later(210))).len(), 1);
}
