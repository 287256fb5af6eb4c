use profile_cost::profile_cost;

struct Orders;

#[profile_cost]
impl Orders {
    #[profile_cost(tpo = 3)]
    fn load(&self) {}
    #[profile_cost = "name"]
    fn save(&self) {}
}

fn main() {
    Orders.load();
    Orders.save();
}
