use profile_cost::profile_cost;

#[profile_cost(name = 7)]
fn measured() {}

fn main() {
    measured();
}
