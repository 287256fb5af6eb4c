//! The attribute in a crate that denies clippy's pedantic lints. It is clippy that tests this file, in the gate; that
//! it runs is beside the point.
#![deny(warnings, clippy::all, clippy::pedantic, clippy::nursery)]
#![deny(clippy::let_underscore_untyped, clippy::let_underscore_must_use, clippy::shadow_unrelated)]

use std::convert::Infallible;
use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use real::profile_cost;

#[profile_cost(crate = real)]
mod measured {
    use super::*;

    pub fn plain(first: u8, _second: u8, _: u8) -> u8 {
        first
    }

    #[profile_cost(report)]
    pub fn reports() {}

    #[profile_cost(report_over = "1s", top = 3, sort = "tottime", log_target = "shop", name = "shop.over")]
    pub fn reports_over(text: &str) -> Result<u8, std::num::ParseIntError> {
        text.parse()
    }

    pub fn with_items(value: u8) -> u8 {
        use std::cmp::max;
        const TWO: u8 = 2;
        const fn inner(value: u8) -> u8 {
            value + 1
        }
        max(inner(value), TWO)
    }

    pub fn patterns((a, b): (u8, u8), [c, ..]: [u8; 2], mut d: u8) -> u8 {
        d += a;
        b + c + d
    }

    pub fn generic<T: Clone, const N: usize>(value: &T) -> [T; N] {
        std::array::from_fn(|_| value.clone())
    }

    pub fn iterate<'a>(text: &'a str, with: impl Fn(char) -> char + 'a) -> impl Iterator<Item = char> + 'a {
        text.chars().map(with)
    }

    #[track_caller]
    pub fn caller() -> u32 {
        std::panic::Location::caller().line()
    }

    pub extern "C" fn foreign(value: i32) -> i32 {
        value
    }

    /// # Safety
    /// `value` is valid.
    pub unsafe fn raw(value: *const u8) -> u8 {
        // SAFETY: the caller says so.
        unsafe { *value }
    }

    pub fn diverges() -> ! {
        std::process::abort()
    }

    pub fn block() -> u8 {
        real::scope!("block");
        let one = 1;
        {
            real::scope!("inner block");
            one + 1
        }
    }

    pub async fn later(first: u8, _second: u8, _: u8) -> u8 {
        ready(first).await
    }

    #[profile_cost(report)]
    pub async fn later_reported() {
        ready(()).await;
    }

    pub async fn later_with_items(value: u8) -> u8 {
        use std::cmp::max;
        const TWO: u8 = 2;
        const fn inner(value: u8) -> u8 {
            value + 1
        }
        let value = ready(value).await;
        real::scope!("later");
        max(inner(value), TWO)
    }

    pub async fn later_patterns((a, b): (u8, u8), [c, ..]: [u8; 2], mut d: u8, _: &str) -> u8 {
        d += ready(a).await;
        b + c + d
    }

    pub async fn later_fails(text: &str) -> Result<u8, std::num::ParseIntError> {
        if text.is_empty() {
            return Ok(0);
        }
        let value = text.parse()?;
        ready(Ok(value)).await
    }

    pub async fn later_generic<T: Clone + Send + Sync, const N: usize>(value: &T) -> [T; N] {
        ready(()).await;
        std::array::from_fn(|_| value.clone())
    }

    pub async fn later_opaque(to: u8) -> impl Iterator<Item = u8> {
        ready(0..to).await
    }

    pub async fn later_diverges() -> ! {
        ready(()).await;
        std::process::abort()
    }

    pub async fn later_infallible() -> Infallible {
        ready(()).await;
        std::process::abort()
    }

    pub fn opaque_future(text: &str) -> impl Future<Output = usize> + Send + '_ {
        let length = text.len();
        async move { ready(length).await }
    }

    pub fn boxed_future<'a>(value: Option<&'a u8>) -> Pin<Box<dyn Future<Output = u8> + Send + 'a>> {
        let Some(value) = value else { return Box::pin(async { 0 }) };
        Box::pin(async move { *value })
    }

    pub fn boxed() -> BoxFuture<'static, u8> {
        async { ready(1).await }.boxed()
    }

    pub struct Orders(pub Vec<u8>);

    impl Orders {
        pub const LIMIT: usize = 1;

        pub const fn new() -> Self {
            Self(Vec::new())
        }

        #[must_use]
        pub fn count(&self) -> usize {
            self.0.len()
        }

        pub fn push(&mut self, order: u8) -> &mut Self {
            self.0.push(order);
            self
        }

        pub fn into_inner(mut self) -> Vec<u8> {
            self.0.push(1);
            self.0
        }

        pub fn shared(self: &Arc<Self>) -> usize {
            self.0.len()
        }

        pub async fn load(&self, _id: u32) -> Option<&u8> {
            ready(self.0.first()).await
        }

        pub async fn add(&mut self, order: u8) -> &mut Self {
            self.0.push(ready(order).await);
            self
        }

        pub async fn drain(mut self, _to: u8) -> Vec<u8> {
            self.0.push(ready(1).await);
            self.0
        }

        #[profile_cost(skip)]
        pub const fn left_out(&self) -> bool {
            self.0.is_empty()
        }
    }

    pub trait Store {
        fn save(&self) -> u8;
        fn save_twice(&self) -> u8 {
            self.save() + self.save()
        }
        fn fetch(&self) -> impl Future<Output = u8> + Send;
    }

    impl Store for Orders {
        fn save(&self) -> u8 {
            1
        }
        async fn fetch(&self) -> u8 {
            ready(self.save()).await
        }
    }

    #[async_trait::async_trait]
    pub trait Old {
        async fn outside(&self, text: &str) -> Result<u8, String>;
        async fn provided(&self) -> u8
        where
            Self: Sync,
        {
            ready(1).await
        }
    }
}

use measured::{Old, Orders, Store};

#[async_trait::async_trait]
#[profile_cost(crate = real)]
impl Old for Orders {
    async fn outside(&self, text: &str) -> Result<u8, String> {
        text.parse::<u8>().map_err(|error| error.to_string())
    }
}

#[profile_cost(crate = real)]
#[async_trait::async_trait]
impl Old for Vec<Orders> {
    async fn outside(&self, text: &str) -> Result<u8, String> {
        ready(text.parse::<u8>()).await.map_err(|error| error.to_string())
    }
}

macro_rules! make {
    ($(#[$meta:meta])* $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $value:expr) => {
        #[profile_cost(crate = real)]
        $(#[$meta])*
        fn $name($($arg: $ty),*) -> $ret {
            $value
        }
    };
}
make!(#[inline] from_macro(a: u8, b: u8) -> u8 = a + b);

fn now<F: Future>(future: F) -> F::Output {
    let Some(output) = Box::pin(future).as_mut().now_or_never() else { panic!("the future waits") };
    output
}

#[test]
fn sync_functions_run() {
    let mut orders = Orders::new();
    assert_eq!(measured::plain(1, 2, 3) + from_macro(1, 1) + measured::block(), 5);
    measured::reports();
    assert!(measured::reports_over("x").is_err());
    assert_eq!(measured::with_items(1) + measured::patterns((1, 1), [1, 1], 1), 6);
    assert_eq!(measured::generic::<u8, 1>(&1), [1]);
    assert_eq!(measured::iterate("a", |c| c).count(), Orders::LIMIT);
    assert_eq!(measured::caller(), line!());
    assert_eq!(measured::foreign(1), 1);
    // SAFETY: a reference is valid.
    assert_eq!(unsafe { measured::raw(&1) }, 1);
    assert_eq!(orders.push(1).count() + usize::from(orders.left_out()), 1);
    assert_eq!(orders.save_twice(), 2);
    assert_eq!(Arc::new(Orders::new()).shared() + orders.into_inner().len(), 2);
}

#[test]
fn futures_run() {
    let mut orders = Orders::new();
    assert_eq!(now(measured::later(1, 2, 3)), 1);
    now(measured::later_reported());
    assert_eq!(now(measured::later_with_items(1)), 2);
    assert_eq!(now(measured::later_patterns((1, 1), [1, 1], 1, "")), 4);
    assert_eq!(now(measured::later_fails("1")), Ok(1));
    assert_eq!(now(measured::later_generic::<u8, 1>(&1)), [1]);
    assert_eq!(now(measured::later_opaque(2)).count(), 2);
    assert_eq!(now(measured::opaque_future("ab")), 2);
    assert_eq!(now(measured::boxed_future(Some(&1))) + now(measured::boxed()), 2);
    assert_eq!(now(orders.add(1)).count(), 1);
    assert_eq!(now(orders.load(1)), Some(&1));
    assert_eq!(now(orders.fetch()) + now(orders.provided()), 2);
    assert_eq!(now(orders.outside("1")), Ok(1));
    assert_eq!(now(vec![Orders::new()].outside("1")), Ok(1));
    assert_eq!(now(orders.drain(1)), [1, 1]);
    drop((measured::later_diverges(), measured::later_infallible()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(pin!(ready(())).as_mut().poll(&mut context).is_ready());
    let _: fn() -> ! = measured::diverges;
}
