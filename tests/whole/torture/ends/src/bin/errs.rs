fn main() -> Result<(), Box<dyn std::error::Error>> {
    tally::count!("main");
    ends::before("error");
    "x".parse::<u8>()?;
    Ok(())
}
