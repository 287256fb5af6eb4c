use profile_cost::profile_cost;

const fn measured() {
    real::scope!("constant");
}

#[profile_cost(skip)]
fn main() {
    measured();
}
