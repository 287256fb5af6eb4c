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

/// Whether this process has not asked before: each example has one of its own.
///
/// ```
/// assert!(forms::diverging::is_first());
/// ```
///
/// ```
/// assert!(forms::diverging::is_first());
/// ```
pub fn is_first() -> bool {
    tally::count!("is_first");
    static FIRST: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(true);
    FIRST.swap(false, std::sync::atomic::Ordering::Relaxed)
}
