use profile_cost::profile_cost;

#[profile_cost]
gen fn measured() -> u8 {
    yield 1;
}

fn main() {}
