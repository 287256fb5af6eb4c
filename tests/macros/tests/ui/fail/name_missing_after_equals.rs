use profile_cost::profile_cost;

#[profile_cost(name = , report)]
fn measured() {}

fn main() {
    measured();
}
