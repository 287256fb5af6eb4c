use std::process::ExitCode;

fn main() -> ExitCode {
    tally::count!("main");
    ends::before("code");
    ExitCode::from(3)
}
