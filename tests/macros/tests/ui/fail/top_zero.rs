use profile_cost::profile_cost;

#[profile_cost(report, top = 0)]
fn measured() {}

fn main() {
    measured();
}
