//! A function that does not compile with a statement before its own: it is left out, and nothing else is.

#[macros::begins(tally)]
pub fn inspected(n: u64) -> u64 {
    tally::count!("inspected");
    measured(n) + 1
}

pub fn measured(n: u64) -> u64 {
    tally::count!("measured");
    n + 1
}

#[test]
fn both() {
    tally::count!("both");
    assert_eq!(inspected(1), 3);
}
