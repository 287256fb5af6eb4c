use std::process::Command;

#[test]
fn the_program_prints() {
    tally::count!("the_program_prints");
    let output = Command::new(env!("CARGO_BIN_EXE_forms")).arg("2").output().expect("it starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "196\n");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
