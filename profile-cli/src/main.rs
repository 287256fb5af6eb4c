//! `cargo profile-cost`: profiles whole programs, and reads profiles of profile-cost and of Python's cProfile offline.
//!
//! `args` says what may be asked, `input` and `output` are the ways in and out, `commands` what is in between; `whole`
//! builds programs in which every function is measured.

mod approximate;
mod args;
mod commands;
mod failure;
mod input;
mod json;
mod output;
mod progress;
mod terminal;
mod whole;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    // As a subcommand of cargo it gets its own name first.
    if arguments.get(1).is_some_and(|first| first == "profile-cost") {
        arguments.remove(1);
    }
    let result = match called_by_cargo(&mut arguments) {
        Some(result) => result,
        None => run(arguments),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "error: {failure}");
            ExitCode::from(2)
        }
    }
}

/// As a wrapper of the compiler, or as the runner of programs: then that is its name.
fn called_by_cargo(arguments: &mut Vec<std::ffi::OsString>) -> Option<Result<ExitCode, Failure>> {
    let called = std::path::PathBuf::from(arguments.first()?);
    let name = called.file_stem()?.to_str()?;
    let names = [whole::wrapper::NAME, whole::linked::NAME, whole::runner::NAME];
    if !names.contains(&name) {
        return None;
    }
    let arguments = std::mem::take(arguments).into_iter().skip(1);
    Some(match name {
        whole::wrapper::NAME => whole::wrapper::run(&called, arguments),
        whole::linked::NAME => whole::linked::run(&called, arguments),
        _ => whole::runner::run(arguments),
    })
}

fn run(arguments: Vec<std::ffi::OsString>) -> Result<ExitCode, Failure> {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(asked) if matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            output::to_stdout(|out| write!(out, "{asked}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(Failure::usage(&error)),
    };
    let screen = arguments.screen;
    let done = |result: Result<(), Failure>| result.map(|()| ExitCode::SUCCESS);
    match arguments.command {
        Command::Run(asked) => commands::whole::run("run", &asked, &screen),
        Command::Test(asked) => commands::whole::run("test", &asked, &screen),
        Command::Bench(asked) => commands::whole::run("bench", &asked, &screen),
        Command::Report(asked) => done(commands::report::run(&asked, commands::report::Kind::Stats, &screen)),
        Command::Callers(asked) => {
            done(commands::report::run(&asked, commands::report::Kind::Callers, &screen))
        }
        Command::Callees(asked) => {
            done(commands::report::run(&asked, commands::report::Kind::Callees, &screen))
        }
        Command::Tree(asked) => done(commands::tree::run(&asked, &screen)),
        Command::Flamegraph(asked) => done(commands::picture::flamegraph(&asked)),
        Command::Html(asked) => done(commands::picture::html(&asked)),
        Command::Diff(asked) => commands::diff::run(&asked, &screen),
        Command::Merge(asked) => done(commands::merge::run(&asked)),
        Command::Convert(asked) => done(commands::convert::run(&asked)),
        Command::Heap(asked) => done(commands::heap::run(&asked)),
        Command::Postmortem(asked) => done(commands::postmortem::run(&asked)),
        Command::Browse(asked) => done(commands::browse::run(&asked, &screen)),
    }
}
