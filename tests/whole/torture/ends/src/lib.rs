//! Programs that end in different ways.

/// Called before each end.
pub fn before(end: &str) -> usize {
    tally::count!("before");
    println!("before {end}");
    end.len()
}
