use profile_cost::profile_cost;

#[profile_cost(report, top = "20")]
fn measured() {}

fn main() {
    measured();
}
