//! A crate that allows itself nothing.
#![forbid(unsafe_code, unused, future_incompatible, nonstandard_style)]
#![deny(warnings, missing_docs, rust_2018_idioms, rust_2021_compatibility, rust_2024_compatibility, unreachable_pub)]

use real::profile_cost;

/// A function.
#[profile_cost(crate = real)]
pub fn plain(a: u8) -> u8 {
    a
}

/// A function that reports.
#[profile_cost(report_over = "1s", top = 3, crate = real)]
pub async fn reports(a: u8, (b, _): (u8, u8), mut c: String) -> Result<String, std::fmt::Error> {
    c.push(char::from(a + b));
    Ok(c)
}

/// Never returns.
#[profile_cost(crate = real)]
pub async fn never() -> ! {
    std::process::abort()
}

/// Returns what has no value.
#[profile_cost(crate = real)]
pub async fn infallible() -> std::convert::Infallible {
    std::process::abort()
}

/// A future.
#[profile_cost(crate = real)]
pub fn boxed(a: &u8) -> std::pin::Pin<Box<dyn Future<Output = u8> + Send + '_>> {
    Box::pin(async move { *a })
}

/// A type.
#[derive(Debug)]
pub struct Orders;

#[profile_cost(crate = real)]
impl Orders {
    /// A method.
    pub async fn load(self, _id: u32) -> impl Iterator<Item = u8> {
        real::scope!("inside");
        std::iter::empty()
    }
}

fn main() {
    real::scope!("main");
    let _ = plain(1);
    drop(reports(1, (2, 3), String::new()));
    drop(never());
    drop(infallible());
    drop(boxed(&1));
    drop(Orders.load(1));
}
