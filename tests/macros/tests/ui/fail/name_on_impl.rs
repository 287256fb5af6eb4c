use profile_cost::profile_cost;

struct Orders;

#[profile_cost(name = "orders")]
impl Orders {
    fn load(&self) {}
}

fn main() {
    Orders.load();
}
