//! Async functions of every shape: it is the future that is measured, and it is the future it was.
#![allow(clippy::pedantic, unused_assignments)]

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
use profile_cost::{note, profile_cost, record};

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

fn is_send<T: Send>(value: T) -> T {
    value
}

struct Noisy(&'static str);
impl Drop for Noisy {
    fn drop(&mut self) {
        note(self.0);
    }
}

#[profile_cost]
async fn plain() {
    note("before");
    Yield(false).await;
    note("after");
}

#[test]
fn polls_are_measured() {
    let want = "poll plain, before, pending plain, poll plain, after, ready plain";
    assert_eq!(record(|| run(is_send(plain()))), want);
    assert_eq!(record(|| drop(plain())), "", "never polled");
    let cancelled = record(|| {
        let mut future = Box::pin(plain());
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    });
    assert_eq!(cancelled, "poll plain, before, pending plain, drop plain");
}

macro_rules! drop_order {
    ($name:ident, $(#[$attr:meta])*) => {
        $(#[$attr])*
        async fn $name(a: Noisy, _: Noisy, (b, _): (Noisy, Noisy), _unused: Noisy, mut c: Noisy, d: Noisy, e: Noisy) {
            let _local = Noisy("local");
            Yield(false).await;
            let _ = e.0;
            c.0 = d.0;
            c.0 = b.0;
            drop(a);
        }
    };
}
drop_order!(drops,);
drop_order!(drops_measured, #[profile_cost]);

#[test]
fn arguments_drop_in_their_order_and_inside() {
    macro_rules! call {
        ($name:ident) => {{
            let n = Noisy;
            let (b, unused) = ((n("b"), n("_b")), n("unused"));
            record(|| run($name(n("a"), n("_"), b, unused, n("c"), n("d"), n("e"))))
        }};
    }
    let without = call!(drops);
    let with = call!(drops_measured);
    let pending = "poll drops_measured, pending drops_measured, poll drops_measured, ";
    assert_eq!(with, format!("{pending}{without}, ready drops_measured"));
}

static SITE: &str = "site";
static REPORT: &str = "report";
fn function() -> &'static str {
    "function"
}

#[profile_cost(report)]
async fn names_of_the_program() -> [&'static str; 3] {
    [SITE, REPORT, function()]
}

#[test]
fn names_mean_what_they_mean_without() {
    assert_eq!(run(names_of_the_program()), ["site", "report", "function"]);
}

macro_rules! drop_order_at_the_end {
    ($name:ident, $(#[$attr:meta])*) => {
        $(#[$attr])*
        async fn $name(a: Noisy, (b, _): (Noisy, Noisy), _: Noisy) -> usize {
            let _local = Noisy("local");
            Yield(false).await;
            Noisy("temporary").0.len() + a.0.len() + b.0.len()
        }
    };
}
drop_order_at_the_end!(ends,);
drop_order_at_the_end!(ends_measured, #[profile_cost]);

#[test]
fn what_a_body_ends_with_drops_before_its_arguments() {
    macro_rules! call {
        ($name:ident) => {
            record(|| run($name(Noisy("a"), (Noisy("b"), Noisy("_b")), Noisy("_"))))
        };
    }
    let without = call!(ends);
    assert!(without.ends_with("_, b, _b, a") && without.contains("temporary"), "{without}");
    let pending = "poll ends_measured, pending ends_measured, poll ends_measured, ";
    assert_eq!(call!(ends_measured), format!("{pending}{without}, ready ends_measured"));
}

/// The end of each holds what borrows an argument, up to edition 2021 beyond the locals.
#[profile_cost]
impl Borrowing {
    async fn argument(list: Mutex<Vec<u8>>) -> usize {
        list.lock().unwrap().len()
    }
    async fn pattern((list, _): (Mutex<Vec<u8>>, u8)) -> usize {
        list.lock().unwrap().len()
    }
    async fn receiver(self) -> usize {
        self.0.lock().unwrap().len()
    }
    async fn branch(list: Mutex<Vec<u8>>) -> Result<usize, String> {
        match list.lock().unwrap().first() {
            Some(_) => Ok(1),
            None => Err("none")?,
        }
    }
    async fn opaque(list: Mutex<Vec<u8>>) -> impl Iterator<Item = u8> {
        list.lock().unwrap().clone().into_iter()
    }
    async fn unit(list: Mutex<Vec<u8>>) {
        list.lock().unwrap().clear()
    }
    async fn awaited(list: futures_util::lock::Mutex<Vec<u8>>) -> usize {
        list.lock().await.len()
    }
}

struct Borrowing(Mutex<Vec<u8>>);

#[test]
fn what_a_body_ends_with_borrows_its_arguments() {
    let list = || Mutex::new(vec![1]);
    assert_eq!(run(Borrowing::argument(list())) + run(Borrowing::pattern((list(), 1))), 2);
    assert_eq!(run(Borrowing(list()).receiver()), 1);
    assert_eq!(run(Borrowing::branch(list())), Ok(1));
    assert_eq!(run(Borrowing::branch(Mutex::default())), Err("none".to_owned()));
    assert_eq!(run(Borrowing::opaque(list())).count(), 1);
    run(Borrowing::unit(list()));
    assert_eq!(run(is_send(Borrowing::awaited(futures_util::lock::Mutex::new(vec![1])))), 1);
}

#[profile_cost]
async fn patterns((a, b): (u8, u8), mut c: u8, [d, ..]: [u8; 2], Rest { e, .. }: Rest, _: &str) -> u8 {
    c += 1;
    a + b + c + d + e
}

struct Rest {
    e: u8,
    _f: u8,
}

#[profile_cost]
async fn names_that_meet((a, b): (u8, u8), (a_b, _c): (u8, u8), (r#match, e): (u8, u8), _a_b: u8) -> u8 {
    a + b + a_b + _c + r#match + e + _a_b
}

#[profile_cost]
async fn cfgs(#[cfg(any())] a: u8, #[cfg(not(any()))] b: u8) -> u8 {
    b
}

#[profile_cost]
async fn question(text: &str) -> Result<u8, Box<dyn std::error::Error + Send + Sync>> {
    if text.is_empty() {
        return Err("empty".into());
    }
    Ok(text.parse::<u8>()?)
}

#[profile_cost]
async fn inferred() -> Result<Vec<u8>, String> {
    Ok("1 2".split(' ').map(|n| n.parse().unwrap()).collect())
}

#[profile_cost]
async fn opaque(n: u8) -> impl Iterator<Item = u8> + Send {
    0..n
}

#[profile_cost]
async fn partly_opaque() -> Result<impl Fn(u8) -> u8, String> {
    Ok(|x| x + 1)
}

#[profile_cost]
async fn dynamic<'a>(a: &'a str, _: &str) -> Box<dyn Fn() -> &'a str + Send + 'a> {
    Box::new(move || a)
}

#[profile_cost]
async fn coerced(n: u8) -> Result<Box<dyn std::fmt::Debug + Send>, std::num::ParseIntError> {
    if n == 0 {
        return Ok(Box::new("none"));
    }
    Ok(Box::new(n))
}

#[profile_cost]
async fn generic<T, const N: usize>(value: T) -> [T; N]
where
    T: Clone,
{
    std::array::from_fn(|_| value.clone())
}

#[profile_cost]
async fn never() -> ! {
    std::panic::panic_any(7_u8)
}

#[profile_cost]
async fn not_send(n: Rc<u8>) -> Rc<u8> {
    Yield(false).await;
    n
}

#[profile_cost]
async unsafe fn not_safe(p: &u8) -> u8 {
    *p
}

#[profile_cost]
fn fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { if n < 2 { n } else { fib(n - 1).await + fib(n - 2).await } })
}

#[profile_cost]
async fn recursive(n: u64) -> u64 {
    if n == 0 { 0 } else { 1 + Box::pin(recursive(n - 1)).await }
}

#[test]
fn results() {
    assert_eq!(run(patterns((1, 2), 3, [4, 0], Rest { e: 5, _f: 0 }, "")), 16);
    assert_eq!(run(names_that_meet((1, 2), (3, 4), (5, 6), 7)), 28);
    assert_eq!(run(cfgs(1)), 1);
    assert_eq!(run(is_send(question("3"))).unwrap(), 3);
    assert!(run(question("")).is_err() && run(question("x")).is_err());
    assert_eq!(run(inferred()).unwrap(), [1, 2]);
    assert_eq!(run(is_send(opaque(3))).count(), 3);
    assert_eq!(run(partly_opaque()).unwrap()(1), 2);
    assert_eq!(run(is_send(dynamic("a", "")))(), "a");
    assert_eq!(format!("{:?} {:?}", run(coerced(0)), run(is_send(coerced(1)))), "Ok(\"none\") Ok(1)");
    assert_eq!(run(generic::<_, 2>("x")), ["x", "x"]);
    assert_eq!(*run(not_send(Rc::new(1))), 1);
    // SAFETY: it is safe.
    assert_eq!(run(unsafe { not_safe(&1) }), 1);
    assert_eq!(run(is_send(fib(6))), 8);
    assert_eq!(run(is_send(recursive(6))), 6);
    let panicked = std::panic::catch_unwind(|| run(async { never().await }));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&7_u8));
}

struct Service(Noisy);

impl Service {
    #[profile_cost]
    async fn by_ref(&self, by: &str) -> usize {
        self.0.0.len() + by.len()
    }
    #[profile_cost]
    async fn by_mut<'a>(&'a mut self) -> &'a mut Noisy {
        &mut self.0
    }
    #[profile_cost]
    async fn by_value(mut self, _other: Noisy) {
        self.0.0 = "self";
        note("body");
    }
    #[profile_cost]
    async fn unused(self, _other: Noisy) {}
    #[profile_cost]
    async fn part(self) -> usize {
        self.0.0.len()
    }
    #[profile_cost]
    async fn arc(self: Arc<Self>) -> usize {
        self.0.0.len()
    }
    #[profile_cost]
    async fn pinned(self: Pin<&mut Self>) -> usize {
        self.0.0.len()
    }
}

#[test]
fn receivers() {
    let service = || Service(Noisy("abc"));
    assert_eq!(run(is_send(service().by_ref("d"))), 4);
    assert_eq!(run(service().by_mut()).0, "abc");
    assert_eq!(run(Arc::new(service()).arc()), 3);
    assert_eq!(run(Pin::new(&mut service()).pinned()), 3);
    let value = "poll Service::by_value, body, other, self, ready Service::by_value";
    assert_eq!(record(|| run(service().by_value(Noisy("other")))), value);
    let unused = "poll Service::unused, other, abc, ready Service::unused";
    assert_eq!(record(|| run(service().unused(Noisy("other")))), unused);
    assert_eq!(record(|| run(service().part())), "poll Service::part, abc, ready Service::part");
}

trait Fetch {
    async fn fetch(&self) -> u8;
    #[profile_cost]
    async fn twice(&self) -> u8 {
        2 * self.fetch().await
    }
    fn boxed(&self) -> impl Future<Output = u8> + Send;
}

#[profile_cost]
impl Fetch for Service {
    async fn fetch(&self) -> u8 {
        3
    }
    fn boxed(&self) -> impl Future<Output = u8> + Send {
        let n = self.0.0.len() as u8;
        async move { n }
    }
}

#[test]
fn traits() {
    let name = "<Service as Fetch>::fetch";
    let want = format!("poll Fetch::twice, poll {name}, ready {name}, ready Fetch::twice, x");
    assert_eq!(record(|| assert_eq!(run(Service(Noisy("x")).twice()), 6)), want);
    let name = "<Service as Fetch>::boxed";
    assert_eq!(record(|| run(Service(Noisy("x")).boxed())), format!("poll {name}, ready {name}, x"));
}

#[async_trait::async_trait]
trait Old {
    async fn outside(&self, n: u8, text: &str) -> Result<u8, String>;
    async fn inside(&mut self, (a, b): (u8, u8)) -> u8;
    #[profile_cost]
    async fn provided(&self) -> u8
    where
        Self: Sync,
    {
        1
    }
}

#[async_trait::async_trait]
#[profile_cost]
impl Old for Service {
    async fn outside(&self, n: u8, text: &str) -> Result<u8, String> {
        Yield(false).await;
        text.parse::<u8>().map(|t| t + n).map_err(|e| e.to_string())
    }
    async fn inside(&mut self, (a, b): (u8, u8)) -> u8 {
        a + b
    }
}

struct Other;

#[profile_cost]
#[async_trait::async_trait]
impl Old for Other {
    async fn outside(&self, n: u8, _text: &str) -> Result<u8, String> {
        Ok(n)
    }
    async fn inside(&mut self, (a, b): (u8, u8)) -> u8 {
        a * b
    }
}

struct Third;

#[async_trait::async_trait]
impl Old for Third {
    #[profile_cost]
    async fn outside(&self, n: u8, _text: &str) -> Result<u8, String> {
        Ok(n)
    }
    #[profile_cost]
    async fn inside(&mut self, (a, _): (u8, u8)) -> u8 {
        a
    }
}

#[test]
fn async_trait_in_either_order() {
    let polled = |name: &str| format!("poll {name}, ready {name}");
    let first = "<Service as Old>::outside";
    let want = format!("poll {first}, pending {first}, poll {first}, ready {first}, s");
    assert_eq!(record(|| assert_eq!(run(Service(Noisy("s")).outside(1, "2")), Ok(3))), want);
    assert_eq!(record(|| run(Other.outside(1, ""))), polled("<Other as Old>::outside"));
    assert_eq!(record(|| run(Other.inside((2, 3)))), polled("<Other as Old>::inside"));
    assert_eq!(record(|| run(Third.outside(1, ""))), polled("<Third as Old>::outside"));
    assert_eq!(record(|| run(Third.inside((2, 3)))), polled("<Third as Old>::inside"));
    assert_eq!(record(|| run(Other.provided())), polled("Old::provided"));
    drop(is_send(Other.provided()));
}

#[profile_cost]
fn opaque_future(text: &str) -> impl Future<Output = usize> + Send + '_ {
    note("call");
    async move { text.len() }
}

#[profile_cost]
fn boxed_future<'a>(n: Option<&'a u8>) -> Pin<Box<dyn Future<Output = u8> + Send + 'a>> {
    let Some(n) = n else { return Box::pin(async { 0 }) };
    if *n == 1 { Box::pin(async move { *n }) } else { std::boxed::Box::pin(async { 9 }) }
}

#[profile_cost]
fn boxed_method() -> futures_util::future::BoxFuture<'static, u8> {
    use std::convert::identity;
    async move { identity(1) }.boxed()
}

#[profile_cost]
fn made_elsewhere() -> impl Future<Output = u8> {
    std::future::ready(1)
}

#[test]
fn functions_that_return_futures() {
    let polled = |name: &str| format!("poll {name}, ready {name}");
    assert_eq!(record(|| run(opaque_future("ab"))), format!("call, {}", polled("opaque_future")));
    for (n, want) in [(None, 0), (Some(&1), 1), (Some(&2), 9)] {
        assert_eq!(record(|| assert_eq!(run(boxed_future(n)), want)), polled("boxed_future"));
    }
    assert_eq!(record(|| run(boxed_method())), polled("boxed_method"));
    let call = "enter made_elsewhere, leave made_elsewhere";
    assert_eq!(record(|| run(made_elsewhere())), call, "all that can be seen is the call");
}

#[profile_cost(report_over = "1s")]
async fn reported() {}

#[test]
fn reports() {
    assert!(record(|| run(reported())).starts_with("Report { over_ns: 1000000000, "));
}

macro_rules! make {
    ($vis:vis $name:ident($arg:pat => $ty:ty) -> $ret:ty $body:block) => {
        #[profile_cost]
        $vis async fn $name($arg: $ty) -> $ret $body
    };
    (never $name:ident $ret:ty, $value:expr) => {
        #[profile_cost]
        async fn $name() -> $ret {
            $value
        }
    };
}
make!(pub(crate) from_macro((a, _) => (&str, u8)) -> Result<u8, std::num::ParseIntError> { a.parse() });
make!(never diverges !, std::process::abort());

#[test]
fn functions_of_macro_rules() {
    assert_eq!(run(from_macro(("3", 0))), Ok(3));
    drop(diverges());
}
