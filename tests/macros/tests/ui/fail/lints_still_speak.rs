#![deny(warnings)]

use profile_cost::profile_cost;

#[profile_cost]
fn unused_argument(a: u8, (b, c): (u8, u8)) -> u8 {
    let unused_local = b;
    return 1;
    2
}

#[profile_cost]
async fn unused_async(a: u8, mut b: u8, (c, d): (u8, u8)) -> u8 {
    let mut unused_local = c;
    return b;
    2
}

#[profile_cost]
#[must_use]
fn must_use() -> u8 {
    1
}

fn main() {
    unused_argument(1, (2, 3));
    drop(unused_async(1, 2, (3, 4)));
    must_use();
}
