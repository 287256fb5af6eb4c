use profile_cost::profile_cost;

#[profile_cost(report)]
#[profile_cost(name = "again")]
fn measured() {}

fn main() {
    measured();
}
