//! With little to stand on: no std, no prelude, and names that are not what they seem.
#![no_std]
#![no_implicit_prelude]

#[cfg(test)]
extern crate std;

pub mod shadows;

/// A sum without `Iterator` in scope.
pub fn sum(numbers: &[u64]) -> u64 {
    ::tally::count!("sum");
    let mut sum = 0;
    let mut at = 0;
    while at < numbers.len() {
        sum += numbers[at];
        at += 1;
    }
    sum
}

pub async fn later(n: u64) -> ::core::result::Result<u64, ()> {
    ::tally::count!("later");
    ::core::result::Result::Ok(n)
}

#[test]
fn without_a_prelude() {
    ::tally::count!("without_a_prelude");
    ::std::assert_eq!(sum(&[1, 2, 3]) + shadows::outer(4), 6 + 14);
}
