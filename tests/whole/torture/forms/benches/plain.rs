//! A benchmark with a `main` of its own.

fn round(n: u64) -> u64 {
    tally::count!("round");
    forms::all(n)
}

fn main() {
    tally::count!("main");
    let mut sum = 0;
    for _ in 0..100 {
        sum += round(2);
    }
    println!("benched {sum}");
}
