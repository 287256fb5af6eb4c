use profile_cost::profile_cost;

#[profile_cost(report)]
const LIMIT: u8 = 1;

fn main() {
    let _ = LIMIT;
}
