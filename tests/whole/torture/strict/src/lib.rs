//! Suffers nothing.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unused, future_incompatible, rust_2018_idioms, nonstandard_style)]
#![deny(
    unreachable_pub,
    unused_qualifications,
    unused_results,
    unused_import_braces,
    unused_lifetimes,
    unused_extern_crates,
    unused_crate_dependencies,
    single_use_lifetimes,
    missing_debug_implementations,
    missing_copy_implementations,
    trivial_casts,
    trivial_numeric_casts,
    variant_size_differences,
    unit_bindings,
    let_underscore_drop,
    meta_variable_misuse,
    macro_use_extern_crate,
    unstable_features,
    ambiguous_negative_literals,
    redundant_lifetimes
)]

mod kinds;

pub use kinds::Kind;

/// The sum of the digits.
#[must_use]
pub fn digits(mut n: u64) -> u64 {
    tally::count!("digits");
    let mut sum = 0;
    while n > 0 {
        sum += n % 10;
        n /= 10;
    }
    sum
}

/// Ends early in all its ways.
///
/// # Errors
/// When the text is no number.
pub fn parsed(text: &str) -> Result<u64, std::num::ParseIntError> {
    tally::count!("parsed");
    if text.is_empty() {
        return Ok(0);
    }
    let n: u64 = text.parse()?;
    Ok(digits(n))
}

/// Waits for nothing.
///
/// # Errors
/// As [`parsed`].
pub async fn parsed_later(text: &str) -> Result<u64, std::num::ParseIntError> {
    tally::count!("parsed_later");
    parsed(text)
}

/// Never comes back.
///
/// # Panics
/// Always.
#[cold]
pub fn never() -> ! {
    tally::count!("never");
    panic!("never")
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{Kind, never, parsed, parsed_later};

    #[test]
    fn sums() {
        tally::count!("sums");
        assert_eq!(parsed("1234"), Ok(10));
        assert_eq!(parsed(""), Ok(0));
        assert!(parsed("x").is_err());
        let future = pin!(parsed_later("99"));
        assert_eq!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(18)));
        assert_eq!(Kind::Small.larger().larger(), Kind::Large);
    }

    #[test]
    #[should_panic(expected = "never")]
    fn ends() {
        tally::count!("ends");
        never()
    }
}
