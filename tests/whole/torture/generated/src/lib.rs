//! Half of it is written while it is built.

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

pub mod numbers {
    include!(concat!(env!("OUT_DIR"), "/module.rs"));
}

#[cfg(from_the_script)]
pub fn sum() -> u64 {
    tally::count!("sum");
    numbers::number_0() + numbers::number_1() + numbers::number_2() + generated(2)
}

#[cfg(feature = "more")]
pub fn more() -> &'static str {
    tally::count!("more");
    env!("FROM_THE_SCRIPT")
}

#[test]
fn nine() {
    tally::count!("nine");
    assert_eq!((sum(), more()), (9, "struct Script"));
}
