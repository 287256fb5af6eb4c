//! A small service that is recorded, and a server of a few lines that real clients ask.
#![allow(dead_code, reason = "each test uses its part")]

use std::future::Future;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread;

use profile_cost_runtime::http::{Endpoints, Request};
use profile_cost_runtime::private::{Guard, Site, instrument};

/// A function of that name, as an annotation makes one.
pub fn site(name: &str, file: &str) -> &'static Site {
    let leak = |text: &str| -> &'static str { Box::leak(text.to_owned().into_boxed_str()) };
    Box::leak(Box::new(Site::new(leak(name), leak(file), 7, true)))
}

/// A call of it.
#[inline(never)]
pub fn call<R>(site: &'static Site, body: impl FnOnce() -> R) -> R {
    let mut guard = Guard::new();
    guard.enter(site, || {});
    body()
}

/// A call of it as an async function, which is suspended once.
#[inline(never)]
pub fn call_async(site: &'static Site) {
    let mut future = pin!(instrument(site, || {}, Once(false)));
    let mut context = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut context).is_pending() {
        std::hint::black_box(&mut context);
    }
}

struct Once(bool);

impl Future for Once {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Answers on a port of this machine until the process ends, each connection once and on a thread of its own.
pub fn serve(endpoints: Endpoints) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let endpoints = endpoints.clone();
            thread::spawn(move || answer(&endpoints, stream));
        }
    });
    address
}

fn answer(endpoints: &Endpoints, mut stream: TcpStream) -> Option<()> {
    let lines = BufReader::new(stream.try_clone().ok()?).lines();
    let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let mut words = head.first()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let header = |name: &str| {
        let fields = head[1..].iter().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    };
    let response = endpoints.answer_here(&Request::new(method, target, header));
    let mut reply = format!("HTTP/1.1 {} -\r\nconnection: close\r\n", response.status);
    for (name, value) in &response.headers {
        reply.push_str(&format!("{name}: {value}\r\n"));
    }
    reply.push_str(&format!("content-length: {}\r\n\r\n", response.body.len()));
    stream.write_all(reply.as_bytes()).ok()?;
    stream.write_all(&response.body).ok()
}
