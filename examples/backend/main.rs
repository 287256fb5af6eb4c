//! A small shop's web service under load, profiled: axum on tokio, SQLite, protobuf text format, pinyin.
//!
//! `cargo run --release --example backend` starts it, drives it over loopback, prints the callers report and
//! writes a flamegraph. One of its handlers has a performance fault; the report shows which. `--fixed` runs
//! the service without it. `--serve` serves until Ctrl-C, and can be asked meanwhile: it mounts the endpoints.

mod catalogue;
mod database;
mod driver;
mod handlers;
mod report;
mod sales_log;
mod sample;
mod textproto;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use clap::Parser;
use indicatif::MultiProgress;
use profile_cost::http::{Endpoints, Options, ProfileLayer};
use tokio::net::TcpListener;

use crate::handlers::Shop;

/// Says which lines and types hold the memory, once it is told to record.
#[global_allocator]
static ALLOCATOR: profile_cost::heap::Tracker = profile_cost::heap::Tracker::system();

/// A web service with a fault to find.
#[derive(Debug, Parser)]
struct Arguments {
    /// Requests to send
    #[arg(long, default_value_t = 5000)]
    requests: u64,
    /// Requests under way at a time
    #[arg(long, default_value_t = 8)]
    concurrency: u64,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Serve until Ctrl-C instead of driving the service
    #[arg(long)]
    serve: bool,
    /// Run without the fault, to compare
    #[arg(long)]
    fixed: bool,
    /// Where the flamegraph goes
    #[arg(long, default_value = "profile-cost-out")]
    out: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let progress = MultiProgress::new();
    log_above(&progress);

    let folder = tempfile::tempdir().context("no place for the sample data")?;
    println!("Generating a catalogue, a sales log and a database ...");
    let files = sample::write(folder.path())?;
    let shop = Shop::open(&files, arguments.fixed).await?;

    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port))).await?;
    let address = listener.local_addr()?;
    let mut router = handlers::router(Arc::new(shop));
    if arguments.serve {
        router = with_endpoints(router);
    }
    let service = axum::serve(listener, router);

    // From here on, every annotated function is counted.
    profile_cost::enable();
    if arguments.serve {
        println!(
            "Serving on http://{address}; try /search?q=bei and /products/7. Ctrl-C ends it and reports.\n\
             What it does, meanwhile:\n\
             \x20   http://{address}/debug/profile-cost/\n\
             \x20   curl http://{address}/debug/profile-cost/stats\n\
             \x20   go tool pprof -top http://{address}/debug/pprof/profile?seconds=5"
        );
        service.with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) }).await?;
    } else {
        tokio::spawn(service.into_future());
        driver::drive(address, arguments.requests, arguments.concurrency, &progress).await?;
    }
    profile_cost::disable();

    let profile = profile_cost::snapshot_with_threads();
    report::print(&profile, &mut std::io::stdout().lock())?;
    report::write_pictures(&profile, &arguments.out, arguments.fixed)?;
    report::conclude(arguments.fixed);
    Ok(())
}

/// Every request as a call, the report of the slow ones in the log, and the endpoints below `/debug`. They are added
/// after the layer, so that asking is not profiled itself.
fn with_endpoints(router: Router) -> Router {
    router
        .layer(ProfileLayer::new().report_over(Duration::from_millis(250)).top(10))
        .nest_service("/debug", Endpoints::new(Options::default()))
}

/// Sends log records to stderr without tearing the progress bar.
fn log_above(progress: &MultiProgress) {
    struct Above(MultiProgress);
    impl Write for Above {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.suspend(|| std::io::stderr().write_all(bytes))?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .target(env_logger::Target::Pipe(Box::new(Above(progress.clone()))))
        .init();
}
