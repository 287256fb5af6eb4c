use profile_cost::profile_cost;

#[profile_cost]
mod shop {
    #[profile_cost]
    pub enum Kind {
        A,
    }
}

fn main() {
    let _ = shop::Kind::A;
}
