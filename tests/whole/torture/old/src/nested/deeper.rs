pub fn bottom() -> u64 {
    count!("bottom");
    5
}

pub fn plus_one(n: u64) -> u64 {
    count!("plus_one");
    n + 1
}
