//! Prints a sum.

fn main() {
    tally::count!("main");
    let n = std::env::args().nth(1).map_or(2, |n| n.parse().expect("a number"));
    println!("{}", forms::all(n));
}
