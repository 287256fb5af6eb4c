//! What may be asked on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use profile_cost_runtime::heap::{self, KeyType};
use profile_cost_runtime::{Format, Metric, Restriction, SortKey, Style};

use crate::input::restriction;
use crate::terminal::Screen;

const EXAMPLES: &str = "\
Examples:
  cargo profile-cost run --release -- --input big.csv     every function of the program, with no edit
  cargo profile-cost report profile.json                 the dearest functions
  cargo profile-cost callers profile.json -s time orders  who calls what matches `orders`
  cargo profile-cost diff before.json after.json --fail-over 10%
  cargo profile-cost merge 'pods/*.json' -o all.json
  cargo profile-cost browse profile.prof

FILE is a profile in native JSON (profile.json) or a dump of Python's cProfile (profile.prof), for `heap` a snapshot
of the heap (service.heap); - is stdin.
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
    #[command(after_help = "\
Examples:
  cargo profile-cost run --release -- --input big.csv
  cargo profile-cost run --bin server -s time --top 50
  cargo profile-cost run --release --crate serde_json -o profile.svg     one dependency as well
  cargo profile-cost run --release --deps --include '^orders'            all of them; functions and files that match
  cargo profile-cost run --pstats                                        as Python prints it

The sources are not touched: copies of them, with a call in each function, are compiled in their place. Flags not
listed under \"Flags of cargo\" go before `--config` of cargo's configuration. Defaults may stand in profile-cost.toml
beside the workspace's Cargo.toml, or in its [workspace.metadata.profile-cost] or [package.metadata.profile-cost].
The profile is kept in target/profile-cost/latest.json for report, callers, diff, browse, ..
Exit status: the program's.")]
    Run(Whole),
    /// As `cargo test`, with every function of the workspace measured.
    #[command(after_help = "\
Examples:
  cargo profile-cost test --release
  cargo profile-cost test -p parser --test large -- --nocapture")]
    Test(Whole),
    /// As `cargo bench`, with every function of the workspace measured.
    #[command(after_help = "\
Examples:
  cargo profile-cost bench --bench decode")]
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
    /// The interactive browser of Python's pstats.
    #[command(after_help = "\
Examples:
  cargo profile-cost browse profile.json
  echo 'sort cumulative
  stats 10' | cargo profile-cost browse profile.prof --style pstats

Type `help` for the commands.")]
    Browse(Browse),
}

/// A program to build, run and measure.
#[derive(Debug, Args)]
pub(crate) struct Whole {
    #[command(flatten)]
    pub(crate) cargo: Cargo,
    /// Measure all that the workspace depends on, too: everything is compiled anew.
    #[arg(long)]
    pub(crate) deps: bool,
    /// Measure this dependency, too; may be repeated.
    #[arg(long = "crate", value_name = "NAME")]
    pub(crate) crates: Vec<String>,
    /// Leave functions alone that have fewer tokens than this and no loop; 0 for none [default: 40].
    #[arg(long, value_name = "TOKENS")]
    pub(crate) min_size: Option<usize>,
    /// Measure only functions whose name or file's path matches; may be repeated.
    #[arg(long, value_name = "REGEX")]
    pub(crate) include: Vec<String>,
    /// Leave those alone whose name or file's path matches; may be repeated.
    #[arg(long, value_name = "REGEX")]
    pub(crate) exclude: Vec<String>,
    /// Sort keys of the report, as for `report` [default: cumulative].
    #[arg(short, long, value_name = "KEYS", value_parser = sort_keys)]
    pub(crate) sort: Vec<Keys>,
    /// Rows of the report; 0 for all [default: 30].
    #[arg(long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The report byte for byte as Python's pstats prints it.
    #[arg(long)]
    pub(crate) pstats: bool,
    /// The profile also into this file, in the format of its extension; may be repeated.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// List the functions that are not measured, and why.
    #[arg(long)]
    pub(crate) show_skipped: bool,
    /// Name of the tests or benches to run.
    #[arg(value_name = "NAME")]
    pub(crate) filter: Option<OsString>,
    /// The program's arguments.
    #[arg(last = true, value_name = "ARGUMENTS")]
    pub(crate) arguments: Vec<OsString>,
}

/// What is handed on to cargo.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Flags of cargo")]
pub(crate) struct Cargo {
    #[arg(short, long = "package", value_name = "SPEC")]
    package: Vec<String>,
    #[arg(long)]
    workspace: bool,
    #[arg(long)]
    lib: bool,
    #[arg(long, value_name = "NAME")]
    bin: Vec<String>,
    #[arg(long)]
    bins: bool,
    #[arg(long, value_name = "NAME")]
    example: Vec<String>,
    #[arg(long)]
    examples: bool,
    #[arg(long, value_name = "NAME")]
    test: Vec<String>,
    #[arg(long)]
    tests: bool,
    #[arg(long, value_name = "NAME")]
    bench: Vec<String>,
    #[arg(long)]
    benches: bool,
    #[arg(long)]
    all_targets: bool,
    #[arg(long)]
    doc: bool,
    #[arg(short = 'F', long, value_name = "FEATURES")]
    features: Vec<String>,
    #[arg(long)]
    all_features: bool,
    #[arg(long)]
    no_default_features: bool,
    #[arg(short, long)]
    release: bool,
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest_path: Option<PathBuf>,
    #[arg(long)]
    locked: bool,
    #[arg(long)]
    offline: bool,
    #[arg(long)]
    frozen: bool,
    #[arg(short, long, value_name = "N")]
    jobs: Option<String>,
    #[arg(long)]
    keep_going: bool,
    #[arg(long)]
    no_run: bool,
    #[arg(long)]
    no_fail_fast: bool,
    #[arg(short, long)]
    quiet: bool,
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
}

impl Cargo {
    /// As cargo takes them.
    pub(crate) fn flags(&self) -> Vec<OsString> {
        let mut flags = Flags(self.metadata_flags().into_iter().map(OsString::from).collect());
        flags
            .values("--package", &self.package)
            .values("--bin", &self.bin)
            .values("--example", &self.example);
        flags.values("--test", &self.test).values("--bench", &self.bench);
        flags.switch("--workspace", self.workspace).switch("--lib", self.lib).switch("--bins", self.bins);
        flags.switch("--examples", self.examples).switch("--tests", self.tests);
        flags.switch("--benches", self.benches).switch("--all-targets", self.all_targets);
        flags
            .switch("--doc", self.doc)
            .switch("--release", self.release)
            .switch("--keep-going", self.keep_going);
        flags.switch("--no-run", self.no_run).switch("--no-fail-fast", self.no_fail_fast);
        flags
            .switch("--quiet", self.quiet)
            .values("--profile", &self.profile)
            .values("--target", &self.target);
        flags.values("--jobs", &self.jobs);
        (0..self.verbose).for_each(|_| _ = flags.switch("-v", true));
        flags.0
    }

    /// Those that `cargo metadata` takes as well.
    pub(crate) fn metadata_flags(&self) -> Vec<String> {
        let mut flags = Flags(Vec::new());
        flags.values("--features", &self.features).switch("--all-features", self.all_features);
        flags.switch("--no-default-features", self.no_default_features);
        let manifest = self.manifest_path.as_ref().map(|path| path.to_string_lossy().into_owned());
        flags.values("--manifest-path", &manifest).values("--config", &self.config);
        flags
            .switch("--locked", self.locked)
            .switch("--offline", self.offline)
            .switch("--frozen", self.frozen);
        flags.0
    }
}

struct Flags<T>(Vec<T>);

impl<T: From<String>> Flags<T> {
    fn switch(&mut self, name: &str, is_on: bool) -> &mut Self {
        self.0.extend(is_on.then(|| name.to_owned().into()));
        self
    }

    fn values<'a>(&mut self, name: &str, values: impl IntoIterator<Item = &'a String>) -> &mut Self {
        values.into_iter().for_each(|value| self.0.extend([name.to_owned().into(), value.clone().into()]));
        self
    }
}

/// Order and names, in tables.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// Sort keys, the most significant first: calls, cumulative, filename, line, name, nfl, pcalls, stdname, time; of
    /// the heap allocs, heap, live, cumallocs, cumheap, cumlive; or a unique beginning; several by commas or repeated. A list starts with -s "" in the order of first call.
    #[arg(short, long, value_name = "KEYS", value_parser = sort_keys)]
    pub(crate) sort: Vec<Keys>,
    /// Turn the order round.
    #[arg(long)]
    pub(crate) reverse: bool,
    /// File names without their directories.
    #[arg(long, overrides_with = "full_paths")]
    pub(crate) strip_dirs: bool,
    /// File names as they were recorded (the default).
    #[arg(long, overrides_with = "strip_dirs")]
    pub(crate) full_paths: bool,
    /// A number of lines, a fraction of them (0.5) or a pattern; several apply in turn, as in pstats.
    #[arg(short, long, value_name = "RESTRICTION", value_parser = parse_restriction, allow_hyphen_values = true)]
    pub(crate) restrict: Vec<Restriction>,
}

/// The keys of one `--sort`.
#[derive(Clone, Debug)]
pub(crate) struct Keys(pub(crate) Vec<SortKey>);

impl Order {
    /// The keys; `default` where none was asked for.
    pub(crate) fn keys(&self, default: SortKey) -> Vec<SortKey> {
        if self.sort.is_empty() {
            return vec![default];
        }
        self.sort.iter().flat_map(|keys| keys.0.iter().copied()).collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Profiles, which are added up; then restrictions: a number of lines, a fraction, a pattern.
    #[arg(required = true, value_name = "FILE|RESTRICTION", allow_negative_numbers = true)]
    pub(crate) words: Vec<OsString>,
    #[command(flatten)]
    pub(crate) order: Order,
    /// Lines to show after all restrictions; 0 for all [default: 30 on a terminal, all elsewhere].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// How it looks.
    #[arg(long, value_enum, default_value_t = Looks::Default)]
    pub(crate) style: Looks,
    /// The table as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Into this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Tree {
    /// Profiles, which are merged; then restrictions: a number of lines, a fraction, a pattern.
    #[arg(required = true, value_name = "FILE|RESTRICTION", allow_negative_numbers = true)]
    pub(crate) words: Vec<OsString>,
    #[command(flatten)]
    pub(crate) order: Order,
    /// What shares are taken of.
    #[arg(long, value_enum, default_value_t = Measure::Task)]
    pub(crate) metric: Measure,
    /// Smallest share that is shown, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.1)]
    pub(crate) min_percent: f64,
    /// Levels that are shown.
    #[arg(long, value_name = "LEVELS", default_value_t = 64)]
    pub(crate) depth: u32,
    /// Lines to show; 0 for all.
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The tree as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Into this file.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Flamegraph {
    /// Profiles, which are merged.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Into this file: .svg or .folded [default: SVG to stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What widths stand for.
    #[arg(long, value_enum, default_value_t = Measure::Task)]
    pub(crate) metric: Measure,
    /// Heading.
    #[arg(long, default_value = "")]
    pub(crate) title: String,
    /// Narrower frames are drawn as part of their callers, in percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.02)]
    pub(crate) min_percent: f64,
}

#[derive(Debug, Args)]
pub(crate) struct Html {
    /// Profiles, which are merged.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Into this file [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The profile to compare with.
    pub(crate) before: PathBuf,
    /// The profile that is compared.
    pub(crate) after: PathBuf,
    /// Restrictions: a number of lines, a fraction, a pattern.
    #[arg(value_name = "RESTRICTION", value_parser = parse_restriction, allow_negative_numbers = true)]
    pub(crate) restrictions: Vec<Restriction>,
    #[command(flatten)]
    pub(crate) order: Order,
    /// Compare shares of the whole: for profiles of unequal length.
    #[arg(long)]
    pub(crate) normalize: bool,
    /// Exit with status 1 when a function grew by more than so many percent.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) fail_over: Option<f64>,
    /// What --fail-over looks at.
    #[arg(long, value_enum, default_value_t = FailOn::PerCall)]
    pub(crate) fail_on: FailOn,
    /// --fail-over ignores functions that take less cumulative time than this in the second profile: 500us, 1ms, 2s.
    #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "0s")]
    pub(crate) fail_min: f64,
    /// Lines to show; 0 for all [default: 30 on a terminal, all elsewhere].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) top: Option<usize>,
    /// The table as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Into this file: .svg for a differential flamegraph, .json or .txt for the table.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What widths of the flamegraph stand for.
    #[arg(long, value_enum, default_value_t = Measure::Task)]
    pub(crate) metric: Measure,
}

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// Profiles; wildcards in quotes are expanded as well.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Into this file, in the format of its extension.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The format, whatever the extension [default without a file: JSON, or a dump of dumps].
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<To>,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// The profile.
    pub(crate) input: PathBuf,
    /// The file to write, in the format of its extension.
    #[arg(value_name = "OUTPUT", conflicts_with = "output")]
    pub(crate) target: Option<PathBuf>,
    /// The same.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The format, whatever the extension.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<To>,
}

#[derive(Debug, Args)]
pub(crate) struct Heap {
    /// A snapshot that `Snapshot::dump` or `Snapshot::save` wrote (service.heap); - is stdin.
    pub(crate) file: PathBuf,
    /// The program or library as it was built, before it was stripped, or the file that its debug information was moved
    /// to; may be repeated.
    #[arg(short, long = "binary", value_name = "FILE")]
    pub(crate) binaries: Vec<PathBuf>,
    /// Rows by lineno, filename, traceback, function, crate, call-path, type or size, in place of the report.
    #[arg(short, long, value_name = "KEY", value_parser = heap_key)]
    pub(crate) key: Option<KeyType>,
    /// Blocks count on every line (function, ..) of their stack, not only on the one that allocated them.
    #[arg(long, requires = "key")]
    pub(crate) cumulative: bool,
    /// Rows of each table; 0 for all.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub(crate) top: usize,
    /// An older snapshot: what changed since.
    #[arg(long, value_name = "OLD")]
    pub(crate) compare: Option<PathBuf>,
    /// What rows, widths of flamegraphs and values of folded stacks stand for; of rows that are compared, always live.
    #[arg(long, value_enum, default_value_t = HeapMeasure::Live)]
    pub(crate) measure: HeapMeasure,
    /// Into this file, in the format of its extension: .txt, .json, .folded, .svg, .pb.gz, .dhat.json, .heap.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The format, whatever the extension: text, json, folded, svg, pprof, dhat, dump.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Option<heap::Format>,
}

/// Which blocks of a heap count.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum HeapMeasure {
    /// Bytes not freed.
    Live,
    /// Bytes of all that were allocated.
    Allocated,
    /// Bytes that were live at the peak.
    Peak,
    /// Blocks that were freed soon after.
    Temporary,
    /// Bytes that realloc copied.
    Copied,
}

impl From<HeapMeasure> for heap::Measure {
    fn from(measure: HeapMeasure) -> Self {
        match measure {
            HeapMeasure::Live => Self::Live,
            HeapMeasure::Allocated => Self::Allocated,
            HeapMeasure::Peak => Self::Peak,
            HeapMeasure::Temporary => Self::Temporary,
            HeapMeasure::Copied => Self::Copied,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Browse {
    /// Profiles to begin with, which are added up.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How reports look.
    #[arg(long, value_enum, default_value_t = Looks::Default)]
    pub(crate) style: Looks,
}

/// How a report looks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Looks {
    /// For people.
    Default,
    /// Byte for byte as Python's pstats.
    Pstats,
}

impl From<Looks> for Style {
    fn from(looks: Looks) -> Self {
        match looks {
            Looks::Default => Self::Default,
            Looks::Pstats => Self::Pstats,
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Measure {
    /// Time running, or blocking a thread.
    Busy,
    /// Time suspended at an await.
    Await,
    /// Both.
    Task,
    /// Calls.
    Calls,
}

impl From<Measure> for Metric {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::Busy => Self::Busy,
            Measure::Await => Self::Await,
            Measure::Task => Self::Task,
            Measure::Calls => Self::Calls,
        }
    }
}

/// A figure that must not grow.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FailOn {
    /// Cumulative time per call: slower, however often it is called.
    PerCall,
    /// Time in the function itself.
    #[value(name = "self")]
    Own,
    /// Time with all that it calls.
    Cumulative,
    /// Calls.
    Calls,
}

/// A format to write.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum To {
    Json,
    Pstats,
    Folded,
    Svg,
    #[value(alias = "text")]
    Txt,
    Pprof,
    Callgrind,
    Speedscope,
    Html,
}

impl From<To> for Format {
    fn from(to: To) -> Self {
        match to {
            To::Json => Self::Json,
            To::Pstats => Self::Pstats,
            To::Folded => Self::Folded,
            To::Svg => Self::Flamegraph,
            To::Txt => Self::Text,
            To::Pprof => Self::Pprof,
            To::Callgrind => Self::Callgrind,
            To::Speedscope => Self::Speedscope,
            To::Html => Self::Html,
        }
    }
}

fn sort_keys(text: &str) -> Result<Keys, String> {
    if text.is_empty() {
        return Ok(Keys(Vec::new()));
    }
    SortKey::parse_list(text).map(Keys).map_err(|error| error.to_string())
}

fn heap_key(text: &str) -> Result<KeyType, String> {
    if text == "path" { Ok(KeyType::CallPath) } else { text.parse() }
}

fn parse_restriction(text: &str) -> Result<Restriction, String> {
    restriction(text).map_err(|failure| failure.to_string())
}

/// `10%` or `10`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').parse::<f64>();
    number.ok().filter(|n| n.is_finite() && *n >= 0.0).ok_or_else(|| "not a percentage; write 10%".to_owned())
}

/// `500us`, `1ms`, `2s`, in seconds.
fn seconds(text: &str) -> Result<f64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_alphabetic());
    let unit = match &text[digits.len()..] {
        "ns" => 1e-9,
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return Err("no unit; write 500us, 1ms or 2s".to_owned()),
    };
    let number = digits.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
    number.map(|n| n * unit).ok_or_else(|| "not a duration; write 500us, 1ms or 2s".to_owned())
}
