//! A web service whose memory climbs until it is killed; and the heap report that says why, of the running service.
//!
//! `cargo run --release --example oom` starts it, drives it over loopback, switches recording on while it runs, looks
//! twice and prints the report, all within ten seconds: which lines, types and call paths hold the memory, and which of
//! them grew. Many things allocate here: protobuf text format is parsed, a whole file is read into a growing string, a
//! dictionary of pinyin is kept. One of them leaks. The example fails when the report does not say which.

mod dictionary;
mod driver;
mod handlers;
mod pages;
mod report;
#[path = "../backend/textproto.rs"]
mod textproto;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use profile_cost::heap::{self, Mode, Snapshot};
use tokio::net::TcpListener;
use tokio::time::{interval, sleep, sleep_until};

use crate::handlers::Shop;
use crate::report::Looks;

/// The one line that a program needs.
#[global_allocator]
static ALLOCATOR: heap::Tracker = heap::Tracker::system();

/// Until the report, which is there within ten.
const DEFAULT_SECONDS: u64 = 6;

/// A web service with a leak to find.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds until the report
    #[arg(long, default_value_t = DEFAULT_SECONDS, value_parser = clap::value_parser!(u64).range(3..))]
    seconds: u64,
    /// What is recorded: exact:25, sample:512KiB, paths [default: as PROFILE_COST_HEAP says, or exact:25]
    #[arg(long)]
    mode: Option<Mode>,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Serve until Ctrl-C instead of driving the service
    #[arg(long)]
    serve: bool,
    /// Where the profile goes
    #[arg(long, default_value = "profile-cost-out")]
    out: PathBuf,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let start = Instant::now();
    let by_environment = heap::is_tracing().then(heap::mode);
    let mode = arguments.mode.or(by_environment).unwrap_or(Mode::Exact { frames: Mode::FRAMES });
    let keeps_paths = !matches!(mode, Mode::Off | Mode::Counters);
    ensure!(keeps_paths, "mode {mode}: use exact:25, sample:512KiB or paths, which say where");
    let folder = tempfile::tempdir().context("no place for the access log")?;
    let access_log = folder.path().join("access.log");
    write_access_log(&access_log)?;

    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port))).await?;
    let address = listener.local_addr()?;
    let service = axum::serve(listener, handlers::router(Arc::new(Shop::new(access_log))));
    tokio::spawn(service.into_future());
    // Calls are counted, so that memory can be told by call path. Memory is not recorded yet.
    profile_cost::enable();

    let watch = tokio::spawn(watch(start));
    let (first, now) = if arguments.serve {
        println!("Serving on http://{address}; try /products/7?session=1. Ctrl-C ends it and reports.");
        look_twice(mode, async { drop(tokio::signal::ctrl_c().await) }).await?
    } else {
        println!("A service on http://{address}, with 2,000 requests a second.");
        let end = start + Duration::from_secs(arguments.seconds);
        tokio::select! {
            looks = look_twice(mode, sleep_until(end.into())) => looks?,
            driven = driver::drive(address) => return driven.context("nothing was driven any more"),
        }
    };
    watch.abort();

    let profile = profile_cost::snapshot();
    let out = arguments.out;
    let report = move || {
        let looks = Looks::name(first, now);
        looks.print(&mut std::io::stdout().lock())?;
        looks.write(&profile, &out)?;
        looks.conclude()
    };
    tokio::task::spawn_blocking(report).await??;
    let (took, limit) = (start.elapsed().as_secs_f64(), 10.0);
    println!("Found {took:.1} s after the start.");
    let is_in_time = arguments.serve || arguments.seconds > DEFAULT_SECONDS || took <= limit;
    ensure!(is_in_time, "that is more than {limit} s");
    Ok(())
}

/// Switches recording on in the service, which has been running for a second; looks a second and a half later, and
/// again at the end.
async fn look_twice(mode: Mode, end: impl Future<Output = ()>) -> Result<(Snapshot, Snapshot)> {
    sleep(Duration::from_secs(1)).await;
    heap::set_mode(mode)?;
    println!("Recording the heap from here on: {mode}.");
    sleep(Duration::from_millis(1500)).await;
    let first = heap::take_snapshot();
    println!("The first look.");
    end.await;
    println!("The second look.");
    Ok((first, heap::take_snapshot()))
}

/// Says every second how much memory there is.
async fn watch(start: Instant) {
    let mut seconds = interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let recorded = match heap::is_tracing() {
            true => format!(", of which {} recorded and live", mebibytes(heap::get_traced_memory().0)),
            false => String::new(),
        };
        println!("{:4} s  {} resident{recorded}", start.elapsed().as_secs(), mebibytes(resident()));
    }
}

/// Resident memory of this process, bytes; 0 where the system does not say.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().map_or(0, |kilobytes| kilobytes << 10)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Some 400 KB of visits.
fn write_access_log(path: &Path) -> Result<()> {
    let line = |i: usize| format!("203.0.113.{} GET /products/{} 200\n", i % 250, i % 500);
    let text: String = (0..10_000).map(line).collect();
    std::fs::write(path, text).with_context(|| path.display().to_string())
}
