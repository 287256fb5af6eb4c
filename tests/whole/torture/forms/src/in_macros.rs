//! Functions that macros make: those are not measured, and all around them is.

macro_rules! function {
    ($name:ident, $n:expr) => {
        fn $name() -> u64 {
            $n
        }
    };
}

macro_rules! as_it_is {
    ($($item:item)*) => { $($item)* };
}

function!(four, 4);
macros::make!(five, 5);

as_it_is! {
    fn passed_through(n: u64) -> u64 {
        let inner = { fn inner(n: u64) -> u64 { n } inner(n) };
        inner
    }
}

thread_local! {
    static LOCAL: u64 = { fn initial() -> u64 { 6 } initial() };
}

macro_rules! body {
    ($name:ident $body:block) => { fn $name() -> u64 $body };
}

body!(with_a_body { measured() });

fn measured() -> u64 {
    tally::count!("measured");
    100
}

pub fn all(n: u64) -> u64 {
    tally::count!("all");
    four() + five() + passed_through(n) + LOCAL.with(|local| *local) + with_a_body()
}
