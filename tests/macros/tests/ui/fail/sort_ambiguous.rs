use profile_cost::profile_cost;

#[profile_cost(report, sort = "cum")]
fn measured() {}

fn main() {
    measured();
}
