use profile_cost::profile_cost;

struct Orders;

#[profile_cost]
impl Orders {
    #[profile_cost]
    const fn load() {}
    const fn left_alone() {}
}

fn main() {
    Orders::load();
    Orders::left_alone();
}
