use profile_cost::profile_cost;

#[profile_cost(crate = "real")]
fn measured() {}

fn main() {
    measured();
}
