use profile_cost::profile_cost;

#[profile_cost]
pub const fn measured() -> u8 {
    1
}

const ONE: u8 = measured();

fn main() {
    let _ = ONE;
}
