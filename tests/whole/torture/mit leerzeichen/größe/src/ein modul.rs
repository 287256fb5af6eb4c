pub fn erste(zahlen: &[u64]) -> u64 {
    tally::count!("erste");
    zahlen[0]
}
