use super::*;

#[test]
fn everything_is_there() {
    tally::count!("everything_is_there");
    assert_eq!(all(), 1 + 5 + 2 + 3 + 4 + 5 + 6 + 7 + 12 + 9);
    assert_eq!(TEXT.trim_end(), "not code: fn nothing() {}");
}

#[test]
fn the_source_is_read_as_it_is() {
    assert!(!BYTES.windows(14).any(|window| window == concat!("__profile", "_cost").as_bytes()));
}

#[test]
fn files_and_lines_are_the_users() {
    let (file, line) = here();
    assert_eq!((file.replace('\\', "/").as_str(), line), ("paths/src/lib.rs", 26));
    assert_eq!(module_path!(), "paths::tests");
}
