use profile_cost::profile_cost;

#[profile_cost(report, sort = "speed")]
fn measured() {}

fn main() {
    measured();
}
