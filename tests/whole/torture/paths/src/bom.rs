pub fn marked() -> u64 { tally::count!("marked"); 1 }
