use profile_cost::profile_cost;

#[profile_cost]
async fn measured(text: &str) -> Result<u8, String> {
    Ok(text.len())
}

fn main() {
    let _ = measured("");
}
