#![deny(dead_code)]

use profile_cost::profile_cost;

struct Orders;

#[profile_cost]
fn never_called() {}

#[profile_cost(report)]
async fn never_awaited(_id: u32) {}

#[profile_cost]
impl Orders {
    fn never_called_either(&self) {}
}

fn main() {
    let _ = Orders;
}
