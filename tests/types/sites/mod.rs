//! Allocation sites, each with the type that owns what it allocates. `|` stands between alternatives, ` & ` between
//! the types of several allocations, each of which has to be said.
#![allow(unused_must_use, reason = "what a site makes is only looked at by the allocator")]

mod collections;
mod crates;
mod futures;
mod pointers;
mod services;
mod strings;
mod vectors;

use crate::recorder::Recorder;

/// A labelled site.
pub struct Site {
    pub name: &'static str,
    pub expected: &'static str,
    pub run: fn(&mut Recorder),
}

/// `name "label" |recorder| { .. }` for each site.
macro_rules! sites {
    ($($name:ident $expected:literal |$recorder:ident| $body:block)*) => {
        $(fn $name($recorder: &mut $crate::recorder::Recorder) $body)*
        pub(super) const SITES: &[$crate::sites::Site] = &[
            $($crate::sites::Site { name: stringify!($name), expected: $expected, run: $name }),*
        ];
    };
}
use sites;

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Site> {
    [
        vectors::SITES,
        strings::SITES,
        pointers::SITES,
        collections::SITES,
        futures::SITES,
        crates::SITES,
        services::SITES,
    ]
    .into_iter()
    .flatten()
}

/// A value of some size that is not a power of two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Order {
    pub id: u64,
    pub customer: u64,
    pub amount: u64,
}

impl Order {
    pub fn new(id: u64) -> Self {
        Self { id, customer: id + 1, amount: id * 2 }
    }
}

/// Of the same size and alignment as [`Order`], so that code for the one is also code for the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct User {
    pub id: u64,
    pub name: String,
}

/// Something with a table of methods.
pub trait Price: Send + Sync {
    fn price(&self) -> u64;
}

/// Keeps the method of [`Price`] alive.
pub fn total(prices: &[Box<dyn Price>]) -> u64 {
    prices.iter().map(|it| it.price()).sum()
}

impl Price for Order {
    fn price(&self) -> u64 {
        self.amount
    }
}
