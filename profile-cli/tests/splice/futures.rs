//! Async functions of every shape, all of which run. Valid from edition 2018.
#![deny(warnings, missing_docs, unused_qualifications, unused_results, unreachable_pub)]
#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};

struct Awake;
impl Wake for Awake {
    fn wake(self: Arc<Self>) {}
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Arc::new(Awake).into();
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
    }
}

fn yields() -> impl Future<Output = ()> {
    let mut polled = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

async fn empty() {}
async fn unit(){ yields().await }
async fn question(text: &str) -> Result<u8, Box<dyn Error + Send + Sync>> {
    yields().await;
    if text.is_empty() {
        return Err("empty".into());
    }
    let n: u8 = text.parse()?;
    Ok(n)
}
async fn coerced(n: u8) -> Box<dyn Fn(u8) -> u8 + Send> {
    if n == 0 { return Box::new(|a| a); }
    Box::new(move |a| a + n)
}
async fn impl_trait(n: u8) -> Result<impl Iterator<Item = impl Debug>, String> {
    if n == 0 { return Err("zero".to_string()); }
    Ok((0..n).map(|i| (i, "x")))
}
async fn iterates<'a>(names: &'a [&'a str]) -> Vec<&'a str> {
    names.iter().map(|n| &n[1..]).collect()
}
async fn over_lines(a: u8) -> Result<
    u8, // the value
    /* the error */ String,
> {
    Ok(a)
}
async fn diverges(n: u8) -> ! {
    yields().await;
    if n == 1 { panic!("on purpose {}", n) }
    loop { yields().await }
}
async fn inner_attributes() -> u8 {
    //! What it does.
    #![allow(unused_variables)]
    use std::cmp::max;
    let unused = 1;
    max(1, 2)
}
async fn mutable(mut list: Vec<u8>, (a, mut b): (u8, u8), _: u8) -> usize {
    list.push(a);
    b += 1;
    list.push(b);
    list.len()
}
async fn borrows(text: &mut String, by: &str) -> usize { text.push_str(by); yields().await; text.len() }
fn is_send<T: Send>(t: T) -> T { t }
async fn not_send(n: Rc<u8>) -> u8 { yields().await; *n }
async fn nested(n: u8) -> u8 {
    async fn inside(n: u8) -> u8 { n + 1 }
    fn sync_inside(n: u8) -> u8 { n + 1 }
    inside(n).await + sync_inside(n) // tail
}
async fn generic<T: Debug + Clone, const N: usize>(t: [T; N]) -> String where T: Send { format!("{:?}", t.clone()) }

async fn r#match() -> u8 { 2 }
fn recursive(n: u8) -> Pin<Box<dyn Future<Output = u8> + Send>> {
    let next = n.wrapping_sub(1);
    if n == 0 { return Box::pin(async { 0 }); }
    Box::pin(async move { recursive(next).await + 1 })
}
fn plain_block(n: u8) -> impl Future<Output = Result<u8, std::num::ParseIntError>> {
    async move { let m: u8 = "1".parse()?; yields().await; Ok(m + n) }
}
fn in_match<'a>(n: u8) -> Pin<Box<dyn Future<Output = &'a str> + 'a>> {
    match n {
        0 => Box::pin(async { "zero" }),
        1 => { return Box::pin(async { "one" }) }
        _ => return Box::pin(async move { yields().await; "many" }) as Pin<Box<dyn Future<Output = _>>>,
    }
}
fn made_elsewhere() -> impl Future<Output = ()> { yields() }

struct Orders { rows: Vec<u8> }
impl Orders {
    async fn count(&self) -> usize { yields().await; self.rows.len() }
    async fn push(&mut self, row: u8) -> &mut Self { self.rows.push(row); self }
    async fn into_rows(self) -> Vec<u8> { self.rows }
    async fn boxed(self: Box<Self>) -> usize { self.rows.len() }
    async fn first(&self) -> Option<&u8> { let first = self.rows.first()?; Some(first) }
    async fn make() -> Self { Orders { rows: vec![1] } }
}
trait Load { async fn load(&self) -> u8; async fn twice(&self) -> u8 { self.load().await * 2 } }
impl Load for Orders { async fn load(&self) -> u8 { self.rows[0] } }

fn main() {
    block_on(async {
        empty().await; unit().await; made_elsewhere().await;
        println!("{:?} {} {:?}", question("7").await.unwrap(), question("").await.unwrap_err(), question("x").await.is_err());
        println!("{} {}", coerced(0).await(1), coerced(2).await(1));
        println!("{:?} {:?}", impl_trait(2).await.unwrap().collect::<Vec<_>>(), impl_trait(0).await.err());
        println!("{:?} {:?}", iterates(&["ab", "cd"]).await, over_lines(1).await);
        println!("{} {}", inner_attributes().await, mutable(vec![1], (2, 3), 4).await);
        let mut text = "a".to_string();
        println!("{} {}", borrows(&mut text, "bc").await, not_send(Rc::new(3)).await);
        println!("{} {}", nested(1).await, generic([1, 2]).await);
        println!("{} {}", r#match().await, recursive(3).await);
        println!("{:?} {} {} {}", plain_block(1).await, in_match(0).await, in_match(1).await, in_match(2).await);
        let mut orders = Orders::make().await;
        println!("{} {}", orders.count().await, orders.push(2).await.rows.len());
        println!("{:?} {} {}", orders.first().await, orders.load().await, orders.twice().await);
        println!("{:?} {}", orders.into_rows().await, Box::new(Orders::make().await).boxed().await);
    });
    println!("{}", block_on(is_send(question("8"))).unwrap());
    println!("{}", block_on(is_send(recursive(2))));
    std::panic::set_hook(Box::new(|info| println!("{}", info)));
    println!("{}", std::panic::catch_unwind(|| block_on(async { diverges(1).await })).is_err());
}
