//! Async code under an executor of a few lines.

pub mod executor;
pub mod kinds;

use std::future::Future;
use std::pin::Pin;

use executor::{block_on, yields};

/// 16 calls deep, and each is suspended once on its way.
pub fn nested(depth: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        tally::count!("nested");
        yields(1).await;
        if depth == 0 { 0 } else { 1 + nested(depth - 1).await }
    })
}

/// Whether the whole tower is `Send`.
pub fn on_threads() -> u64 {
    tally::count!("on_threads");
    let threads: Vec<_> = (0..3).map(|n| std::thread::spawn(move || block_on(tower(n)))).collect();
    threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
}

async fn tower(n: u64) -> u64 {
    tally::count!("tower");
    first(n).await
}

macro_rules! floors {
    ($($name:ident calls $next:ident;)*) => {
        $(async fn $name(n: u64) -> u64 { $next(n).await + 1 })*
    };
}

floors! { first calls second; second calls third; third calls fourth; fourth calls fifth; fifth calls ground; }

async fn ground(n: u64) -> u64 {
    tally::count!("ground");
    let text = n.to_string();
    let borrowed: &str = &text;
    yields(2).await;
    borrowed.parse::<u64>().unwrap_or_default()
}

/// Dropped before it is ready: started, never returned.
pub fn given_up() {
    tally::count!("given_up");
    let mut future = Box::pin(waits_for_ever());
    assert!(executor::poll_once(future.as_mut()).is_pending());
    drop(future);
    // Never polled: no call at all.
    drop(waits_for_ever());
}

async fn waits_for_ever() {
    tally::count!("waits_for_ever");
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds() {
        tally::count!("all_kinds");
        assert_eq!(block_on(nested(16)), 16);
        assert_eq!(on_threads(), 18);
        given_up();
        assert_eq!(block_on(kinds::sum()), Ok(31));
    }
}
