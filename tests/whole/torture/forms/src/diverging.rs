pub fn stops() -> ! {
    tally::count!("stops");
    std::process::exit(forever())
}

fn forever() -> i32 {
    loop {
        break 4;
    }
}

/// Blames its caller.
#[track_caller]
pub fn tracked(n: Option<u64>) -> u64 {
    tally::count!("tracked");
    n.expect("given")
}
