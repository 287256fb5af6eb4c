use profile_cost::profile_cost;

#[profile_cost]
#[unsafe(naked)]
extern "C" fn measured() {
    std::arch::naked_asm!("ret")
}

fn main() {
    measured();
}
