//! What it costs to write, read, sum up and merge profiles, and how much memory that takes.
//!
//! `cargo bench --bench render` prints a table: the fastest of some runs beside the time that it may take, and the
//! most memory that was allocated at a time on top of what the operation was given. Then criterion's figures. What
//! cannot be written yet is left out.
#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::hint::black_box;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

use criterion::Criterion;
use profile_cost_runtime::testing::{CountingAllocator, large_profile};
use profile_cost_runtime::{Format, Profile, SortKey, Stats, Style};

#[global_allocator]
static MEMORY: CountingAllocator = CountingAllocator::new();

/// Something to measure.
struct Operation<'a> {
    name: &'static str,
    /// Milliseconds that it may take.
    target: u64,
    /// Bytes of what it is given; it may take five times as many.
    input: usize,
    run: Run<'a>,
}

type Run<'a> = Box<dyn Fn() -> io::Result<()> + 'a>;

impl<'a> Operation<'a> {
    fn new(name: &'static str, target: u64, input: usize, run: Run<'a>) -> Self {
        Self { name, target, input, run }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return;
    }
    let test = arguments.iter().any(|argument| argument == "--test");
    let (paths, functions, runs) = if test { (2_000, 100, 1) } else { (100_000, 2_000, 7) };

    let (profile, in_memory) = allocated(|| large_profile(paths, functions, 1));
    let pods = || (0..100).map(|pod| large_profile(paths / 10, functions, 1 + pod)).collect::<Vec<_>>();
    let (pods, of_pods) = allocated(pods);
    let json = bytes(&profile, Format::Json).expect("memory takes all");
    let dump = bytes(&profile, Format::Pstats).ok();
    println!(
        "{paths} paths of {functions} functions: {}, as JSON {}",
        megabytes(in_memory),
        megabytes(json.len())
    );
    println!("100 profiles of {} paths: {}\n", paths / 10, megabytes(of_pods));

    let operation = Operation::new;
    let mut operations = vec![
        operation("statistics alone", 100, in_memory, Box::new(|| statistics(&profile))),
        operation("report", 100, in_memory, Box::new(|| report_alone(&profile))),
        operation("report and all callers", 100, in_memory, Box::new(|| report(&profile, Style::Default))),
        operation(
            "the same as pstats prints it",
            100,
            in_memory,
            Box::new(|| report(&profile, Style::Pstats)),
        ),
    ];
    let formats = [
        ("folded", 300, Format::Folded),
        ("JSON", 300, Format::Json),
        ("pprof", 300, Format::Pprof),
        ("pstats dump", 300, Format::Pstats),
        ("callgrind", 300, Format::Callgrind),
        ("speedscope", 300, Format::Speedscope),
        ("HTML", 1000, Format::Html),
        ("SVG", 1000, Format::Flamegraph),
    ];
    for (name, target, format) in formats {
        let profile = &profile;
        operations.push(operation(
            name,
            target,
            in_memory,
            Box::new(move || profile.write(format, &mut Sink)),
        ));
    }
    operations.push(operation("JSON, read", 300, json.len(), Box::new(|| read(Profile::read_json(&json)))));
    if let Some(dump) = &dump {
        operations.push(operation(
            "pstats dump, read",
            300,
            dump.len(),
            Box::new(|| read(Stats::read_dump(dump))),
        ));
    }
    operations.push(operation("merge of 100 profiles", 1000, of_pods, Box::new(|| merge(&pods))));

    operations.retain(|operation| match (operation.run)() {
        Err(error) if error.kind() == ErrorKind::Unsupported => false,
        other => other.map_or_else(|error| panic!("{}: {error}", operation.name), |()| true),
    });
    println!("{:32}{:>10}{:>10}{:>12}{:>12}", "", "ms", "at most", "peak", "of input");
    for operation in &operations {
        let (time, peak) = measure(operation, runs);
        let (ms, times) = (time.as_secs_f64() * 1e3, peak as f64 / operation.input as f64);
        let missed = if ms > operation.target as f64 || times > 5.0 { "  missed" } else { "" };
        let peak = megabytes(peak);
        println!("{:32}{ms:10.1}{:10}{peak:>12}{times:11.2}x{missed}", operation.name, operation.target);
    }
    println!();

    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for operation in &operations {
        criterion.bench_function(operation.name, |b| b.iter(|| black_box((operation.run)())));
    }
    criterion.final_summary();
}

/// The fastest of some runs, and the most memory of any.
fn measure(operation: &Operation<'_>, runs: usize) -> (Duration, usize) {
    let run = || {
        MEMORY.peak_of(|| {
            let begun = Instant::now();
            (operation.run)().expect("it went well before");
            begun.elapsed()
        })
    };
    (0..runs).map(|_| run()).fold((Duration::MAX, 0), |(time, peak), (t, p)| (time.min(t), peak.max(p)))
}

fn statistics(profile: &Profile) -> io::Result<()> {
    black_box(Stats::new(profile).sort_stats([SortKey::Cumulative]));
    Ok(())
}

fn report_alone(profile: &Profile) -> io::Result<()> {
    Stats::new(profile).sort_stats([SortKey::Cumulative]).print_stats(Sink, ()).map(drop)
}

/// As a service prints it: everything, and who called it.
fn report(profile: &Profile, style: Style) -> io::Result<()> {
    let mut stats = Stats::new(profile);
    stats.style(style).sort_stats([SortKey::Cumulative]).print_stats(Sink, ())?.print_callers(Sink, ())?;
    Ok(())
}

fn merge(profiles: &[Profile]) -> io::Result<()> {
    let mut all = Profile::new();
    profiles.iter().for_each(|profile| all.merge(profile));
    black_box(all);
    Ok(())
}

fn read<T, E: std::error::Error>(read: Result<T, E>) -> io::Result<()> {
    black_box(read).map(drop).map_err(|error| io::Error::other(error.to_string()))
}

/// Takes everything, as `io::Sink` does, but looks at it, so that nothing of the work can be left out.
struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(black_box(bytes).len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn bytes(profile: &Profile, format: Format) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    profile.write(format, &mut bytes)?;
    Ok(bytes)
}

/// What it makes, and how many bytes that takes.
fn allocated<T>(make: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.live();
    let made = make();
    (made, MEMORY.live() - before)
}

fn megabytes(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
