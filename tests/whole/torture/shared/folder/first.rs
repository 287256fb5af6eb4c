pub fn in_a_linked_folder() -> u64 {
    tally::count!("in_a_linked_folder");
    3
}
