fn leaves(code: i32) -> ! {
    tally::count!("leaves");
    std::process::exit(code)
}

fn main() {
    tally::count!("main");
    ends::before("exit");
    leaves(3);
}
