//! A program that has its own of whatever spliced text might name, and no prelude. Valid in every edition.
#![no_std]
#![no_implicit_prelude]
#![deny(warnings, missing_docs, unused_qualifications, unused_macros, unused_imports, missing_debug_implementations)]
#![deny(unused_lifetimes, unreachable_pub, unused_results, macro_use_extern_crate, elided_lifetimes_in_paths)]
#![forbid(unsafe_code)]

extern crate std as real;

mod core {
    pub(crate) fn answer() -> u8 { 1 }
}
mod std {
    pub(crate) fn answer() -> u8 { 2 }
}
mod private {
    pub(crate) fn answer() -> u8 { 3 }
}
mod profile_cost {
    pub(crate) fn answer() -> u8 { 4 }
}
macro_rules! file { () => { 5_u8 } }
macro_rules! line { () => { 6_u8 } }
macro_rules! concat { () => { 7_u8 } }
#[allow(non_upper_case_globals)]
static guard: u8 = 8;
#[allow(non_upper_case_globals)]
const method: u8 = 9;
static SITE: u8 = 10;

trait Enter {
    fn enter(&self) -> u8 { SITE }
}
impl<T> Enter for T {}

fn function() -> u8 {
    let sum = core::answer() + std::answer() + private::answer() + profile_cost::answer();
    sum + file!() + line!() + concat!() + guard + method + SITE + 1_u8.enter()
}

mod nested {
    pub(crate) fn function() -> u8 { super::function() }
}

fn main() { real::println!("{}", nested::function()); }
