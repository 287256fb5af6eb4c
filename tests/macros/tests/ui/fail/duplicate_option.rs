use profile_cost::profile_cost;

#[profile_cost(name = "a", report, name = "b")]
fn measured() {}

fn main() {
    measured();
}
