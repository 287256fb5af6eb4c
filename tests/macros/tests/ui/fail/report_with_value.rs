use profile_cost::profile_cost;

#[profile_cost(report = true)]
fn measured() {}

fn main() {
    measured();
}
