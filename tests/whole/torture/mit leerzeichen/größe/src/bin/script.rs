#!/usr/bin/env -S cargo +nightly -Zscript
//! With a line that shells read.

fn main() {
    tally::count!("main");
    println!("{}", spaced::größte(&[7]));
}
