pub fn plain() -> u64 {
    tally::count!("plain");
    5
}
