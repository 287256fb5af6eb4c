use profile_cost::profile_cost;

unsafe extern "C" {
    #[profile_cost]
    safe fn abs(x: i32) -> i32;
}

fn main() {
    let _ = abs(1);
}
