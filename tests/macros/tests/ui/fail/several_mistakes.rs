use profile_cost::profile_cost;

#[profile_cost(nam = "a", top = 0, report, sort = "x")]
fn measured() {}

fn main() {
    measured();
}
