use profile_cost::profile_cost;

#[profile_cost]
mod elsewhere;

fn main() {}
