use profile_cost::profile_cost;

#[profile_cost(top = 20)]
fn measured() {}

fn main() {
    measured();
}
