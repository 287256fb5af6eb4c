//! What may be asked on the command line: the commands here, their arguments in a file for each noun.

mod cargo;
mod convert;
mod diff;
mod heap;
mod order;
mod picture;
mod postmortem;
mod report;
mod whole;

use clap::{Parser, Subcommand};

use crate::terminal::Screen;
pub(crate) use cargo::Cargo;
pub(crate) use convert::{Convert, Merge, To};
pub(crate) use diff::{Diff, FailOn};
pub(crate) use heap::Heap;
pub(crate) use order::Order;
pub(crate) use picture::{Flamegraph, Html, Measure};
pub(crate) use postmortem::Postmortem;
pub(crate) use report::{Browse, Report, Tree};
pub(crate) use whole::Whole;

const EXAMPLES: &str = "\
Examples:
  cargo profile-cost run --release -- --input big.csv     every function of the program, with no edit
  cargo profile-cost report profile.json                 the dearest functions
  cargo profile-cost callers profile.json -s time orders  who calls what matches `orders`
  cargo profile-cost diff before.json after.json --fail-over 10%
  cargo profile-cost merge 'pods/*.json' -o all.json
  cargo profile-cost browse profile.prof

FILE is a profile in native JSON (profile.json) or a dump of Python's cProfile (profile.prof), for `heap` a snapshot
of the heap (service.heap), of a flight recorder (service.flight) as well; - is stdin.
Exit status: 0; 1 when `diff --fail-over` found a function; 2 for errors.";

/// Reads profiles of profile-cost and of Python's cProfile.
#[derive(Debug, Parser)]
#[command(
    name = "cargo-profile-cost",
    bin_name = "cargo profile-cost",
    version,
    after_help = EXAMPLES,
    disable_help_subcommand = true,
    infer_subcommands = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) screen: Screen,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Builds and runs the program with every function of the workspace measured, and prints the dearest.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  cargo profile-cost run --release -- --input big.csv
  cargo profile-cost run --bin server -s time --top 50
  cargo profile-cost run --release --crate serde_json -o profile.svg     one dependency as well
  cargo profile-cost run --release --deps --include '^orders'            all of them; functions and files that match
  cargo profile-cost run --pstats                                        as Python prints it

The sources are not touched: copies of them, with a call in each function, are compiled in their place. What
\"Flags of cargo\" has no flag for can be said by --config. Defaults may stand in profile-cost.toml
beside the workspace's Cargo.toml, or in its [workspace.metadata.profile-cost] or [package.metadata.profile-cost].
The profile is kept in target/profile-cost/latest.json for report, callers, diff, browse, ..
Exit status: the program's."
    )]
    Run(Whole),
    /// As `cargo test`, with every function of the workspace measured.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  cargo profile-cost test --release
  cargo profile-cost test -p parser --test large -- --nocapture"
    )]
    Test(Whole),
    /// As `cargo bench`, with every function of the workspace measured.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  cargo profile-cost bench --bench decode"
    )]
    Bench(Whole),
    /// One line per function: calls, time, percentiles.
    #[command(after_help = "\
Examples:
  cargo profile-cost report profile.json                    the 30 dearest functions
  cargo profile-cost report profile.json -s time,name -n 0    all, by time of their own
  cargo profile-cost report a.json b.json c.json            added up
  cargo profile-cost report profile.json orders 0.5          of those that match `orders`, the first half
  cargo profile-cost report profile.json --style pstats      as Python prints it
  cargo profile-cost report profile.json --json | jq '.functions[0]'")]
    Report(Report),
    /// For each function, who called it.
    #[command(after_help = "\
Examples:
  cargo profile-cost callers profile.json Orders::load
  cargo profile-cost callers profile.prof -s cumulative 20")]
    Callers(Report),
    /// For each function, whom it called.
    #[command(after_help = "\
Examples:
  cargo profile-cost callees profile.json Orders::load
  cargo profile-cost callees profile.json --json")]
    Callees(Report),
    /// The call tree as text.
    #[command(after_help = "\
Examples:
  cargo profile-cost tree profile.json
  cargo profile-cost tree profile.json orders           the paths to and from what matches `orders`
  cargo profile-cost tree profile.json --metric await --min-percent 1")]
    Tree(Tree),
    /// A flamegraph as SVG, or as folded stacks where the output is .folded.
    #[command(after_help = "\
Examples:
  cargo profile-cost flamegraph profile.json -o flame.svg
  cargo profile-cost flamegraph profile.json --metric busy > flame.svg")]
    Flamegraph(Flamegraph),
    /// What changed between two profiles; can set the exit status.
    #[command(after_help = "\
Examples:
  cargo profile-cost diff before.json after.json -n 20
  cargo profile-cost diff before.json after.json -o diff.svg      red: grew, blue: shrank
  cargo profile-cost diff before.json after.json --fail-over 10% --fail-min 1ms
  cargo profile-cost diff monday.json tuesday.json --normalize    shares, not amounts

Functions are matched by file and name: their lines may have moved. With --fail-over the exit status is 1 when a
function that is in both profiles grew by more than that.")]
    Diff(Diff),
    /// Many profiles into one.
    #[command(after_help = "\
Examples:
  cargo profile-cost merge pod-1.json pod-2.json -o all.json
  cargo profile-cost merge 'pods/*.json' -o all.html
  cargo profile-cost merge *.prof -o all.prof")]
    Merge(Merge),
    /// A profile in another format.
    #[command(after_help = "\
Examples:
  cargo profile-cost convert profile.json profile.pb.gz       for `go tool pprof`
  cargo profile-cost convert profile.json profile.callgrind   for KCachegrind
  cargo profile-cost convert profile.json profile.prof        for Python's pstats, snakeviz, gprof2dot
  cargo profile-cost convert - --to folded < profile.json     to stdout")]
    Convert(Convert),
    /// One page for a browser: table, callers and callees, flamegraph.
    #[command(after_help = "\
Examples:
  cargo profile-cost html profile.json -o profile.html")]
    Html(Html),
    /// Which lines, call paths and types hold the memory, from a snapshot of the heap.
    #[command(after_help = "\
Examples:
  cargo profile-cost heap service.heap                              named from the files that the process had, if they are here
  cargo profile-cost heap service.heap --binary target/release/service      the build that was deployed, before it was stripped
  cargo profile-cost heap service.heap --key type -n 20                 types; lineno, filename, traceback, function, ..
  cargo profile-cost heap after.heap --compare before.heap               what grew
  cargo profile-cost heap after.heap --compare before.heap -o diff.svg   red: grew, blue: shrank
  cargo profile-cost heap service.heap -o service.pb.gz                 for `go tool pprof`; .svg, .dhat.json, .json, ..
  cargo profile-cost heap service.heap -o named.heap                    with names, for readers without the binary

A binary belongs to a snapshot when it has the build id that was recorded; another build is refused.")]
    Heap(Heap),
    /// How a process ended and what it was doing, from its flight recorder's file.
    #[command(after_help = "\
Examples:
  cargo profile-cost postmortem /var/lib/shop/flights          the newest file there
  cargo profile-cost postmortem shop-1796000000-7.flight --json
  cargo profile-cost report shop-1796000000-7.flight           as any profile; callers, flamegraph, diff, convert as well

PROFILE_COST_RECORD=DIR makes a program write such files. One of a process that lives can be read, too.")]
    Postmortem(Postmortem),
    /// The interactive browser of Python's pstats.
    #[command(after_help = "\
Examples:
  cargo profile-cost browse profile.json
  echo 'sort cumulative
  stats 10' | cargo profile-cost browse profile.prof --style pstats

Type `help` for the commands.")]
    Browse(Browse),
}
