//! What the compiler shows of sources is what the user wrote.

use crate::copy::Copy;
use crate::said::Said;

const LINES: &str = "use std::{future::Future, pin::Pin};
fn one() -> u8 { let unused = 1; 2 }
impl Never { fn called(&self) { let x = 5; } }
struct Never;
fn main() { let y = one(); println!(\"a\"); let mut z = 1; }
#[allow(clippy::all)] async fn waits(n: u8) -> u8 { let q = n; 1 }
fn twice() { let a = 1; let b = 2; }
async fn never() -> ! { let r = 1; loop {} }
fn boxed(n: u8) -> Pin<Box<dyn Future<Output = u8>>> { Box::pin(async move { let z = n; u8::from(2) }) }
fn e(n: u8) -> Pin<Box<dyn Future<Output = u8>>> { if n > 0 { return Box::pin(async { 1 }); } Box::pin(async move { let y = n; 2 }) }
fn möbel() { let ü = 1; return; }
";

#[test]
fn one_line_functions() {
    let copy = Copy::of_package("shown", "", LINES);
    for colour in ["never", "always"] {
        let warnings = |command: &mut std::process::Command| {
            let said = Said::by(command.env("CARGO_TERM_COLOR", colour)).fine();
            let lines = said.stderr.lines().take_while(|line| !line.contains("Finished"));
            // The first test of all has the runtime compiled; other tests' builds may be waited for.
            let lines = lines.filter(|line| !line.starts_with("note: the profiler's runtime"));
            // (In colour there is an escape between "Blocking" and this.)
            let lines = lines.filter(|line| !line.contains("waiting for file lock on"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let plain = warnings(copy.cargo_command("run --offline").env("COLUMNS", "140"));
        let profiled = warnings(copy.tool_command("run --offline --min-size 0").env("COLUMNS", "140"));
        assert!(plain.len() > 40, "{plain:?}");
        assert_eq!(profiled, plain, "{}\n{}", profiled.join("\n"), plain.join("\n"));
    }
}
