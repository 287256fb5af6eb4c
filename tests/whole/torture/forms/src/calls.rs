use std::ops::Add;

pub fn all(n: u64) -> u64 {
    tally::count!("all");
    let counter = Counter::new(n).add(Counter { n: 1 });
    deep(20) + counter.n + r#match(n) + outer(n) + Counter::of_all(&[1, 2]) + closures(n) + twice(n)
}

pub fn deep(n: u64) -> u64 {
    tally::count!("deep");
    if n == 0 { 0 } else { 1 + deep(n - 1) }
}

#[derive(macros::Describe)]
pub struct Counter {
    n: u64,
}

impl Counter {
    pub fn new(n: u64) -> Self {
        tally::count!("new");
        Self { n }
    }

    /// Without `self` or `Self`.
    pub fn of_all(numbers: &[u64]) -> u64 {
        tally::count!("of_all");
        let mut sum = 0;
        for n in numbers {
            sum += n;
        }
        sum
    }

    pub const fn constant() -> u64 {
        3
    }
}

impl Add for Counter {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        tally::count!("add");
        Self { n: self.n + other.n }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        tally::count!("drop");
        self.n = 0;
    }
}

fn r#match(r#fn: u64) -> u64 {
    tally::count!("match");
    match r#fn {
        0 => return 0,
        n if n > 100 => 1,
        _ => Counter::constant(),
    }
}

fn outer(n: u64) -> u64 { tally::count!("outer"); fn inner(n: u64) -> u64 { tally::count!("inner"); n + 1 } inner(n) + { impl Counter { fn hidden(&self) -> u64 { tally::count!("hidden"); 1 } } Counter::new(n).hidden() } }

fn closures(n: u64) -> u64 {
    tally::count!("closures");
    let add = |m| {
        fn in_a_closure(a: u64, b: u64) -> u64 {
            tally::count!("in_a_closure");
            a + b
        }
        in_a_closure(n, m)
    };
    (0..3).map(add).sum()
}

/// Under three attributes, each with a mind of its own.
#[inline]
#[macros::unchanged(fn argument() {})]
#[must_use]
fn twice(n: u64) -> u64 {
    tally::count!("twice");
    let seen = SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    n + bumped(seen)
}

static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// What it says, twice.
#[macros::twice]
fn bumped(_: u64) -> u64 {
    tally::count!("bumped");
    0
}
