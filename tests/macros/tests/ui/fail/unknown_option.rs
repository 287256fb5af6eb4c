use profile_cost::profile_cost;

#[profile_cost(nam = "db.load")]
fn measured() {}

fn main() {
    measured();
}
