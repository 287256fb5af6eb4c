use profile_cost::profile_cost;

#[profile_cost("db.load")]
fn measured() {}

fn main() {
    measured();
}
