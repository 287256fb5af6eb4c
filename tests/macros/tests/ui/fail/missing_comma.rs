use profile_cost::profile_cost;

#[profile_cost(report top = 3)]
fn measured() {}

fn main() {
    measured();
}
