use profile_cost::profile_cost;

#[profile_cost(report_over = "2h")]
fn measured() {}

fn main() {
    measured();
}
