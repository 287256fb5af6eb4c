//! As an example.

mod helper {
    pub fn help() -> u64 {
        tally::count!("help");
        forms::all(2)
    }
}

fn main() {
    tally::count!("main");
    println!("shown {}", helper::help());
}
