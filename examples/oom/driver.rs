//! Drives the service as its users would: over HTTP, several connections at a time, kept alive.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

const CONNECTIONS: u64 = 4;
/// Each connection sends one request this often, and so all of them about 2,000 a second.
const PAUSE: Duration = Duration::from_millis(2);

/// Sends requests for as long as it is polled; ends when one fails.
pub async fn drive(address: SocketAddr) -> Result<()> {
    let sent = Arc::new(AtomicU64::new(0));
    let mut connections: JoinSet<Result<()>> = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let sent = sent.clone();
        connections.spawn(async move {
            let stream = TcpStream::connect(address).await.context("cannot connect")?;
            stream.set_nodelay(true)?;
            let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            let mut pause = interval(PAUSE);
            pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                pause.tick().await;
                send(&mut sender, address, sent.fetch_add(1, Ordering::Relaxed)).await?;
            }
        });
    }
    match connections.join_next().await {
        Some(connection) => connection?.context("the service failed"),
        None => Ok(()),
    }
}

async fn send(sender: &mut SendRequest<Full<Bytes>>, address: SocketAddr, number: u64) -> Result<()> {
    let (method, path, body) = match number % 100 {
        0 => (Method::GET, "/visits".to_owned(), String::new()),
        1..10 => (Method::POST, "/orders".to_owned(), order(number)),
        10..30 => {
            let pinyin = ["jing", "shang", "xi", "yun"][number as usize % 4];
            (Method::GET, format!("/search?q={pinyin}"), String::new())
        }
        _ => (Method::GET, format!("/products/{}?session={number:x}", number % 500), String::new()),
    };
    let request = Request::builder()
        .method(method)
        .uri(&path)
        .header("host", address.to_string())
        .body(Full::new(Bytes::from(body)))?;
    sender.ready().await?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    ensure!(status.is_success(), "{path}: {status}: {}", String::from_utf8_lossy(&body));
    Ok(())
}

/// Protobuf text format.
fn order(number: u64) -> String {
    let item =
        |i: u64| format!("item {{ name: \"thing {i}\" cents: {} count: {} }}\n", 100 + i, 1 + number % 3);
    (0..50).map(item).collect()
}
