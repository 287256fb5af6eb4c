pub fn by_a_link() -> u64 {
    tally::count!("by_a_link");
    2
}
