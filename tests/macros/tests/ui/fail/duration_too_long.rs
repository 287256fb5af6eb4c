use profile_cost::profile_cost;

#[profile_cost(report_over = "99999999999s")]
fn measured() {}

fn main() {
    measured();
}
