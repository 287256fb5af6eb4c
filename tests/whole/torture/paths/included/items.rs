/// Included.
pub fn included() -> u64 {
    tally::count!("included");
    6
}
