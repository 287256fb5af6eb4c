use std::process::Command;

fn end_of(program: &str) -> (Option<i32>, String) {
    tally::count!("end_of");
    let output = Command::new(program).output().expect("it starts");
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn codes() {
    tally::count!("codes");
    assert_eq!(end_of(env!("CARGO_BIN_EXE_exits")), (Some(3), "before exit\n".into()));
    assert_eq!(end_of(env!("CARGO_BIN_EXE_code")), (Some(3), "before code\n".into()));
    assert_eq!(end_of(env!("CARGO_BIN_EXE_errs")), (Some(1), "before error\n".into()));
    assert_eq!(end_of(env!("CARGO_BIN_EXE_panics")), (Some(101), "before panic\n".into()));
}

#[test]
fn fails_when_asked_to() {
    tally::count!("fails_when_asked_to");
    let expected = if std::env::var_os("TORTURE_FAIL").is_some() { 1 } else { 6 };
    assert_eq!(ends::before("a test"), expected, "of {}:{}", file!(), line!());
}
