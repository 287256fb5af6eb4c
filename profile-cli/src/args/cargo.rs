//! What cargo takes: handed on to it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// What is handed on to cargo.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Flags of cargo")]
pub(crate) struct Cargo {
    /// Package with the target to run.
    #[arg(short, long = "package", value_name = "SPEC")]
    package: Vec<String>,
    /// All packages of the workspace.
    #[arg(long)]
    workspace: bool,
    /// The package's library.
    #[arg(long)]
    lib: bool,
    /// This binary.
    #[arg(long, value_name = "NAME")]
    bin: Vec<String>,
    /// All binaries.
    #[arg(long)]
    bins: bool,
    /// This example.
    #[arg(long, value_name = "NAME")]
    example: Vec<String>,
    /// All examples.
    #[arg(long)]
    examples: bool,
    /// This integration test.
    #[arg(long, value_name = "NAME")]
    test: Vec<String>,
    /// All targets that are tested.
    #[arg(long)]
    tests: bool,
    /// This benchmark.
    #[arg(long, value_name = "NAME")]
    bench: Vec<String>,
    /// All targets that are benchmarked.
    #[arg(long)]
    benches: bool,
    /// All targets.
    #[arg(long)]
    all_targets: bool,
    /// Only the documentation's examples.
    #[arg(long)]
    doc: bool,
    /// Features to switch on, by spaces or commas.
    #[arg(short = 'F', long, value_name = "FEATURES")]
    features: Vec<String>,
    /// All features.
    #[arg(long)]
    all_features: bool,
    /// Without the feature `default`.
    #[arg(long)]
    no_default_features: bool,
    /// With the profile `release`.
    #[arg(short, long)]
    release: bool,
    /// With this profile.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// For this target.
    #[arg(long, value_name = "TRIPLE")]
    pub(crate) target: Option<String>,
    /// Path to Cargo.toml.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest_path: Option<PathBuf>,
    /// Cargo.lock stays as it is.
    #[arg(long)]
    locked: bool,
    /// Without the network.
    #[arg(long)]
    offline: bool,
    /// As --locked and --offline.
    #[arg(long)]
    frozen: bool,
    /// Jobs in parallel.
    #[arg(short, long, value_name = "N")]
    jobs: Option<String>,
    /// Go on building after an error.
    #[arg(long)]
    keep_going: bool,
    /// Build, and run nothing.
    #[arg(long)]
    no_run: bool,
    /// Go on after a test that fails.
    #[arg(long)]
    no_fail_fast: bool,
    /// No messages of cargo.
    #[arg(short, long)]
    quiet: bool,
    /// More messages of cargo; -vv for yet more.
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Override a value of cargo's configuration.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) config: Vec<String>,
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
