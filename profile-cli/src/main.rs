//! `cargo profile-cost`: reads profiles offline.

fn main() {}
