#![forbid(unsafe_code)]

use profile_cost::profile_cost;

#[profile_cost]
async fn measured(p: *const u8) -> u8 {
    unsafe { *p }
}

fn main() {
    drop(measured(std::ptr::null()));
}
