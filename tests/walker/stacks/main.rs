//! Runs code of many kinds; whenever it allocates, our walk of the stack has to be `_Unwind_Backtrace`'s.
//!
//! `WALKER_STACKS` says how many stacks are compared at least (50,000). `run.sh` builds it in other ways.

#[cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64")),
    expect(dead_code, reason = "for another walker")
)]
mod code;
mod judge;

use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;

use judge::{VERDICT, comparing};

#[global_allocator]
static ALLOCATOR: judge::Comparing = judge::Comparing;

fn main() -> ExitCode {
    let mut out = std::io::stdout().lock();
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        // The portable walker, on a platform whose unwinder has other names.
        return ExitCode::SUCCESS;
    }
    assert!(profile_cost_runtime::testing::walker::prepare(), "stacks can be walked here");
    let wanted = std::env::var("WALKER_STACKS").map_or(50_000, |text| text.parse().expect("a number"));
    std::panic::set_hook(Box::new(|_| {}));
    let mut by_kind = [0; code::KINDS.len()];
    let mut rounds = 0;
    while VERDICT.compared.load(Relaxed) < wanted {
        for ((_, run), stacks) in code::KINDS.iter().zip(&mut by_kind) {
            let before = VERDICT.compared.load(Relaxed);
            comparing(|| run(rounds));
            *stacks += VERDICT.compared.load(Relaxed) - before;
        }
        rounds += 1;
    }
    let (different, cut) = (VERDICT.different.load(Relaxed), VERDICT.cut.load(Relaxed));
    let mut report = format!(
        "{} stacks compared in {rounds} rounds, {} of them distinct, the deepest of {} frames; {different} different, \
         {cut} cut short\n",
        VERDICT.compared.load(Relaxed),
        VERDICT.distinct(),
        VERDICT.deepest.load(Relaxed),
    );
    for ((kind, _), stacks) in code::KINDS.iter().zip(by_kind) {
        report += &format!("{stacks:>9}  {kind}\n");
    }
    if let Some((ours, judge)) = *VERDICT.example.lock().expect("nobody panics with it") {
        report += &format!("ours:  {:x?}\njudge: {:x?}\n", ours.addresses(), judge.addresses());
    }
    let all_seen = by_kind.iter().all(|stacks| *stacks > 0);
    let passes = different == 0 && cut == 0 && all_seen;
    report += if passes { "walker: equal\n" } else { "walker: NOT equal\n" };
    out.write_all(report.as_bytes()).expect("there is somewhere to write");
    if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
