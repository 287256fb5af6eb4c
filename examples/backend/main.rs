//! A small shop's web service under load, profiled: axum on tokio, SQLite, protobuf text format, pinyin.
//!
//! `cargo run --release --example backend` starts it, drives it over loopback, prints the callers report and
//! writes a flamegraph. One of its handlers has a performance fault; the report shows which. `--fixed` runs
//! the service without it.

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

use anyhow::Context as _;
use clap::Parser;
use indicatif::MultiProgress;
use tokio::net::TcpListener;

use crate::handlers::Shop;

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
    let service = axum::serve(listener, handlers::router(Arc::new(shop)));

    // From here on, every annotated function is counted.
    profile_cost::enable();
    if arguments.serve {
        println!(
            "Serving on http://{address}; try /search?q=bei and /products/7. Ctrl-C ends it and reports."
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
