//! Drives the service as its users would: over HTTP, several connections at a time, kept alive.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::sample::{PRODUCTS, Random};

/// Sends `requests` over `concurrency` connections and waits for every answer.
pub async fn drive(address: SocketAddr, requests: u64, concurrency: u64, bars: &MultiProgress) -> Result<()> {
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} requests, {per_sec}")?;
    let bar = bars.add(ProgressBar::new(requests).with_style(style).with_message("Driving"));
    let start = Instant::now();
    let sent = Arc::new(AtomicU64::new(0));
    let mut connections: JoinSet<Result<()>> = JoinSet::new();
    for _ in 0..concurrency.clamp(1, 1000) {
        let (sent, bar) = (sent.clone(), bar.clone());
        connections.spawn(async move {
            let stream = TcpStream::connect(address).await.context("cannot connect")?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            loop {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                if number >= requests {
                    return Ok(());
                }
                send(&mut sender, address, number).await?;
                bar.inc(1);
            }
        });
    }
    while let Some(connection) = connections.join_next().await {
        connection?.context("the service failed")?;
    }
    bar.finish_and_clear();
    println!("{requests} requests in {:.2} s", start.elapsed().as_secs_f64());
    Ok(())
}

async fn send(sender: &mut SendRequest<Empty<Bytes>>, address: SocketAddr, number: u64) -> Result<()> {
    let mut random = Random(number);
    random.below(2); // neighbouring seeds give neighbouring first numbers
    let id = 1 + random.below(PRODUCTS as u64);
    let (method, path) = match random.below(1000) {
        0..300 => {
            (Method::GET, format!("/search?q={}", ["bei", "shang", "xi", "yunnan"][number as usize % 4]))
        }
        300..820 => (Method::GET, format!("/products/{id}")),
        820..998 => (Method::POST, format!("/orders/{id}")),
        _ => (Method::GET, "/sales".to_owned()),
    };
    let host = address.to_string();
    let request = Request::builder().method(method).uri(&path).header("host", host).body(Empty::new())?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    ensure!(status.is_success(), "{path}: {status}");
    ensure!(!body.is_empty(), "{path}: an empty answer");
    Ok(())
}
