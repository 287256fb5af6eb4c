pub fn pathed() -> u64 {
    tally::count!("pathed");
    4
}
