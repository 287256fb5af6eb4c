use profile_cost::profile_cost;

trait Store {
    #[profile_cost]
    fn load(&self);
}

fn main() {}
