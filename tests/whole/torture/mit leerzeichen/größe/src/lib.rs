//! In a folder whose name has letters and a space in it.

#[path = "ein modul.rs"]
mod module;

pub fn größte(zahlen: &[u64]) -> u64 {
    tally::count!("größte");
    zahlen.iter().copied().fold(module::erste(zahlen), u64::max)
}

#[test]
fn ünï() {
    tally::count!("ünï");
    assert_eq!(größte(&[1, 3, 2]), 3);
}
