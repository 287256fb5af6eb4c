fn fails(n: usize) -> usize {
    tally::count!("fails");
    let list = [1, 2, 3];
    list[n]
}

fn main() {
    tally::count!("main");
    println!("{}", fails(ends::before("panic")));
}
