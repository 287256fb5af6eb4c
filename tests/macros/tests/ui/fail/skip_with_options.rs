use profile_cost::profile_cost;

#[profile_cost(skip, name = "a")]
fn measured() {}

fn main() {
    measured();
}
