use std::fmt::Display;

pub fn all(n: u64) -> u64 {
    tally::count!("all");
    let lengths = length(n) + length("text") + length('c');
    let arrays = sum([n; 3]) + sum([1, 2]);
    let shape: &dyn Shape<2> = &Square(n);
    lengths + arrays + shape.corners() + shape.area() + numbers(n).sum::<u64>() + lifetimes("a", "bb").len() as u64
}

/// One function, however many types.
fn length<T>(value: T) -> u64
where
    T: Display,
{
    tally::count!("length");
    value.to_string().len() as u64
}

fn sum<const N: usize>(numbers: [u64; N]) -> u64 {
    tally::count!("sum");
    let mut sum = 0;
    for n in numbers {
        sum += n;
    }
    sum
}

trait Shape<const DIMENSIONS: u64> {
    fn area(&self) -> u64;

    fn corners(&self) -> u64 {
        tally::count!("corners");
        1 << DIMENSIONS
    }
}

struct Square(u64);

impl<const D: u64> Shape<D> for Square {
    fn area(&self) -> u64 {
        tally::count!("area");
        self.0.pow(D as u32)
    }
}

fn numbers(n: u64) -> impl Iterator<Item = u64> + Clone {
    tally::count!("numbers");
    (0..n).map(move |m| m + n)
}

fn lifetimes<'a, 'b: 'a>(a: &'a str, b: &'b str) -> &'a str {
    tally::count!("lifetimes");
    if a.len() > b.len() { a } else { b }
}
