use profile_cost::profile_cost;

#[profile_cost(name = " ")]
fn measured() {}

fn main() {
    measured();
}
