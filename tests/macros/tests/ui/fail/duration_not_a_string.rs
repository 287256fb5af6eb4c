use profile_cost::profile_cost;

#[profile_cost(report_over = 200)]
fn measured() {}

fn main() {
    measured();
}
