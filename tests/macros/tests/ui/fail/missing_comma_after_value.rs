use profile_cost::profile_cost;

#[profile_cost(name = "db.load" report)]
fn measured() {}

fn main() {
    measured();
}
