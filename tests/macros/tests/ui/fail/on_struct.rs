use profile_cost::profile_cost;

#[profile_cost]
pub struct Orders;

fn main() {
    let _ = Orders;
}
