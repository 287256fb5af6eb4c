// What newer editions took: a parser for those does not read this file.
pub fn async() -> u64 {
    let dyn = 11;
    dyn
}

trait Anonymous {
    fn of(&self, u64) -> u64;
}

impl Anonymous for () {
    fn of(&self, n: u64) -> u64 {
        n
    }
}

pub fn call() -> u64 {
    ().of(async())
}
