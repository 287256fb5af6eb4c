mod below {
    pub fn inner() -> u64 {
        count!("inner");
        7
    }
}

pub fn there() -> u64 {
    count!("there");
    self::below::inner()
}
