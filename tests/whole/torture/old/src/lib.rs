//! Of edition 2015, as the manifest says by saying nothing.

#[macro_use]
extern crate tally;

mod keywords;
#[path = "odd/place.rs"]
pub mod elsewhere;
pub mod nested;

use nested::deeper::bottom;

pub trait Shape {
    fn area(&self) -> u64;

    fn twice(&self) -> u64 {
        count!("twice");
        self.area() * 2
    }
}

pub struct Square(pub u64);

impl Shape for Square {
    fn area(&self) -> u64 {
        count!("area");
        self.0 * self.0
    }
}

// Without `dyn`, and paths that begin at the crate.
pub fn total(shapes: &[Box<Shape>]) -> u64 {
    count!("total");
    let mut sum = 0;
    for shape in shapes {
        sum += ::nested::deeper::plus_one(shape.twice()) - 1;
    }
    sum + bottom() + ::elsewhere::there() + keywords::call()
}

#[test]
fn squares() {
    count!("squares");
    assert_eq!(total(&[Box::new(Square(3)), Box::new(Square(4))]), 50 + 5 + 7 + 11);
}

#[cfg(test)]
mod tests {
    extern crate paths;

    #[test]
    fn calls_a_newer_edition() {
        count!("calls_a_newer_edition");
        assert_eq!(self::paths::shared_twice(4), 8);
    }
}
