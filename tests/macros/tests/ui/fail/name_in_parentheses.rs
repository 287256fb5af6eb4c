use profile_cost::profile_cost;

#[profile_cost(name("a"))]
fn measured() {}

fn main() {
    measured();
}
